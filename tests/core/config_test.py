import pytest

from jaxprobe.core import config
from jaxprobe.core.errors import ConfigError


def test_smoke_and_full_are_told_apart():
    assert config.is_smoke('smoke')
    assert not config.is_smoke('full')


def test_misspelt_mode_names_the_near_one():
    with pytest.raises(ConfigError, match="'smok' is unknown. Did you mean 'smoke'"):
        config.is_smoke('smok')


def test_encoder_option_misspelt():
    with pytest.raises(ConfigError, match="no option 'weight'. Did you mean 'weights'"):
        config.encoder('muq', weight='x')


def test_every_field_is_listed_with_its_path():
    names = set(config.fields(config.base()))
    assert {'seed', 'extract', 'extract.on_error', 'probe.learning_rates'} <= names


def test_nearest_field():
    assert 'probe.seeds' in config.nearest_field(config.base(), 'probe.seed')
    assert config.nearest_field(config.base(), 'zzzzzzzz') == ''


def test_shrink_leaves_nothing_that_needs_data_or_weights():
    c = config.base()
    c.encoder = config.encoder('muq', window_seconds=30.0)
    c.beside.floor = config.encoder('fbank_chroma')
    config.shrink(c)
    assert (c.encoder.weights, c.beside.floor.weights) == ('random', '')
    assert c.encoder.window_seconds == 0.0
    assert c.probe.epochs == 2


def test_marble_rates():
    assert config.base().probe.learning_rates == (5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2)
