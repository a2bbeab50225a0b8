import json

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.deform import chain, registry
from jaxprobe.reports.listing import listing


def test_every_deformation_is_listed_as_a_config_writes_it():
    found = {row['name']: row for row in json.loads(listing('deformations', as_json=True))}
    assert set(found) == set(registry.DEFORMATIONS)
    assert found['noise']['unit'] == 'dB'
    text = listing('deformations')
    for name, row in found.items():
        assert any(line.startswith(f'{name} ') and row['what'] in line for line in text.split('\n'))
    assert 'noise:15, noise:0, mp3:32, gain:-12' in text


def test_the_example_is_one_that_works():
    example = listing('deformations').split('--config.study.deform=')[1].replace("'", '')
    assert len(chain.parse(example)) == 4 + 4 + 1


def test_a_card_in_full():
    text = listing('deformations', 'reverb')
    assert 'reverb:0.25, reverb:0.5' in text
    assert 'wet=0.5' in text
    assert json.loads(listing('deformations', 'reverb', as_json=True))['random'] is True
    with pytest.raises(ConfigError, match="Did you mean 'reverb'"):
        listing('deformations', 'revreb')
