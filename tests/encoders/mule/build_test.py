import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.mule.architecture import TINY, probe_points
from tests.encoders.mule import keras_case

CARD = 'jaxprobe.encoders.mule.card:MULE'


def test_tiny_has_its_own_card():
    encoder = base.load(CARD, weights='random', arch='tiny')
    assert [(x.name, x.width) for x in encoder.card.layers] == list(probe_points(TINY))
    assert 'RANDOM' in encoder.card.title
    wave = jax.ShapeDtypeStruct((2, encoder.card.input_samples), np.float32)
    shapes = jax.eval_shape(encoder.encode, encoder.params, wave)
    assert [s.shape for s in shapes] == [(2, 1, width) for _, width in probe_points(TINY)]


def test_both_published_forms_give_the_same_weights(tmp_path):
    parts = keras_case.drawn(TINY)
    keras_case.write_archive(tmp_path / 'mule.keras', TINY, parts)
    keras_case.write_saved_model(tmp_path / 'v1.1.0', TINY, parts)
    one, other = (
        base.load(CARD, weights=str(tmp_path / name), arch='tiny')
        for name in ('mule.keras', 'v1.1.0')
    )
    assert one.weights_sha256 == other.weights_sha256
    for a, b in zip(*(jax.tree.leaves(e.params) for e in (one, other)), strict=True):
        np.testing.assert_array_equal(a, b)
    title = 'MULE (SF-NFNet-F0), weights of mule.keras (not the published file)'
    assert one.card.title == title


def test_the_official_level_is_half():
    wave = np.random.RandomState(0).standard_normal((1, 56040)).astype(np.float32)
    encoder = base.load(CARD, weights='random', arch='tiny')
    half = base.load(CARD, weights='random', arch='tiny', options={'level': 'official'})

    def stem(one, wave):  # The first layer alone: the rest is not compiled.
        return jax.jit(lambda params, wave: one.encode(params, wave)[0])(one.params, wave)

    np.testing.assert_allclose(stem(half, wave), stem(encoder, 0.5 * wave), rtol=1e-4, atol=1e-5)
    assert np.abs(stem(half, 1e-3 * wave) - stem(encoder, 1e-3 * wave)).max() > 1e-3


def test_without_a_file_the_error_says_what_to_bring():
    with pytest.raises(WeightsError, match='251 054 764 bytes'):
        base.load(CARD)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WeightsError, match='there is no file'):
        base.load(CARD, weights=str(tmp_path / 'mule.keras'))


def test_a_tiny_model_has_no_published_weights():
    with pytest.raises(ConfigError, match='needs weights of that size'):
        base.load(CARD, arch='tiny')


@pytest.mark.parametrize('wrong', [{'arch': 'huge'}, {'dtype': 'float16'}])
def test_what_does_not_exist_is_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong.values()))):
        base.load(CARD, weights='random', **wrong)
