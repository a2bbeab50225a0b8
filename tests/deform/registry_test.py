import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.deform import chain, registry


def test_sets_are_made_of_what_is_registered():
    assert registry.MIR_REF == ('noise:15', 'noise:0', 'mp3:32', 'gain:-12')
    for names in registry.SETS.values():
        assert all(chain.parse(name) for name in names)


def test_a_path_that_leads_elsewhere_is_refused():
    with pytest.raises(ConfigError, match=r'is a function, not a jaxprobe\.deform\.base\.Card'):
        registry.card('jaxprobe.deform.noise:apply')
    with pytest.raises(ConfigError, match="Did you mean 'noise'"):
        registry.card('noize')
