import dataclasses
import json
from pathlib import Path

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.features.spec import Clip, StoreSpec, embedding_name
from tests.features import store_case


def test_every_field_is_in_the_fingerprint():
    spec = store_case.spec()
    other = {
        'layers': (('rms', 8), ('bands', 8), ('peak', 4)),
        'store_dtype': 'bfloat16',
        'tail': 'overlap',
        'short': 'refuse',
        'lead_fill': 'zeros',
        'options': (('hop', 0.5),),
    }
    for field in dataclasses.fields(spec):
        old = getattr(spec, field.name)
        new = other.get(field.name, old + 1 if isinstance(old, int) else f'{old}x')
        changed = dataclasses.replace(spec, **{field.name: new})
        assert changed.fingerprint != spec.fingerprint, field.name


def test_the_fingerprint_is_frozen():
    """Stores on disk are found by it: a change here orphans all of them."""
    assert store_case.spec().name == 'fake-' + store_case.spec().fingerprint[:12]
    assert store_case.spec().path(Path('/s')) == Path('/s') / store_case.spec().name
    assert store_case.spec().fingerprint[:12] == '11383f6e4813'


def test_record_survives_json():
    for spec in (
        store_case.spec(tail='overlap'),
        store_case.spec(normalise='zscore', options=(('hop', 0.5), ('relu', True))),
    ):
        assert StoreSpec.of_record(json.loads(json.dumps(spec.record()))) == spec


def test_groups_and_windowing():
    spec = store_case.spec(tail='overlap', min_samples=7, lead_samples=30)
    assert spec.groups == {8: (0, 1), 4: (2,)}
    assert spec.windowing.tail == 'overlap'
    assert spec.windowing.min_samples == 7
    assert spec.windowing.lead == 30
    assert spec.input_samples == 30 + store_case.WINDOW
    assert [embedding_name(d) for d in spec.groups] == ['embeddings_d8', 'embeddings_d4']


@pytest.mark.parametrize(
    'wrong', [{'store_dtype': 'float16'}, {'batch_windows': 0}, {'layers': ()}]
)
def test_impossible_stores_are_refused(wrong):
    with pytest.raises(ConfigError):
        store_case.spec(**wrong)


def test_a_clip_is_named_with_its_segment():
    assert str(Clip(Path('a.wav'))) == 'a.wav'
    assert str(Clip(Path('a.wav'), 1.5, 2.0)) == 'a.wav [1.5..3.5 s]'
    assert str(Clip(Path('a.wav'), 1.5)) == 'a.wav [1.5.. s]'
