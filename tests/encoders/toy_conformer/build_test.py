import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders import base


def test_published_size():
    encoder = base.load('toy_conformer')
    wave = np.zeros((2, encoder.card.window_samples), np.float32)
    states = jax.eval_shape(encoder.encode, encoder.params, wave)
    assert states.shape == (2, 7, 75, 64)
    assert states.dtype == np.float32
    assert encoder.weights_sha256 == 'random-0'


def test_seed_decides_the_weights():
    first, again, other = (base.load('toy_conformer', arch='tiny', seed=s) for s in (1, 1, 2))
    name = 'conformer.layers.0.ffn1.output_dense.kernel'
    np.testing.assert_array_equal(first.params[name], again.params[name])
    assert not np.array_equal(first.params[name], other.params[name])
    assert other.weights_sha256 == 'random-2'


def test_tiny_card_tells_the_truth():
    card = base.load('toy_conformer', arch='tiny').card
    assert [layer.width for layer in card.layers] == [16, 16, 16]
    assert card.mix == (1, 2)


def test_weights_cannot_be_given():
    with pytest.raises(WeightsError, match='always drawn from the seed'):
        base.load('toy_conformer', weights='model.safetensors')


def test_unknown_architecture():
    with pytest.raises(ConfigError, match="Did you mean 'tiny'"):
        base.load('toy_conformer', arch='tinny')
