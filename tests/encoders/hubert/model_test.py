import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.hubert import architecture, model

TINY = architecture.tiny(architecture.BASE)


def shapes(a, samples):
    graph, template = leaves.abstract(lambda: model.hubert(a, precision('float32')))
    wave = jax.ShapeDtypeStruct((2, samples), jnp.float32)
    return jax.eval_shape(lambda p, w: leaves.module(graph, p)(w), template, wave)


@pytest.mark.parametrize('samples', [400, 719, 720, 16001])
def test_frames(samples):
    states = shapes(TINY, samples)
    assert states.shape == (2, 3, architecture.frames(TINY, samples), 32)
    assert states.dtype == jnp.float32


def test_odd_positions_keep_the_length():
    assert shapes(TINY._replace(position_taps=19), 8000).shape[2] == 24


def test_even_positions_look_one_further_back():
    """Torch pads taps / 2 on both sides and drops the last frame of an even kernel."""
    a = TINY._replace(position_taps=4, position_groups=1, width=2, heads=1)
    positions = model.ConvPositions(a, precision('float32'))
    positions.conv.kernel[...] = jnp.ones((4, 2, 2))
    x = jnp.zeros((1, 9, 2)).at[:, 4, :].set(1.0)
    reached = np.flatnonzero(np.asarray(positions(x))[0, :, 0] > 0.1)
    assert reached.tolist() == [3, 4, 5, 6]


def test_standardised_is_the_feature_extractors(shared):
    with np.load(shared / 'fixtures' / 'w2v2_feature_extractor' / 'io.npz') as io:
        waves, theirs = [io['a'], io['b']], io['pad_values']
        clip, marble = io['marble_v2_padded_clip_in'], io['marble_v2_padded_clip_out']
        silence = io['silence_out']
    for wave, expected in zip(waves, theirs, strict=True):
        ours = np.asarray(model.standardised(jnp.asarray(wave)[None]))
        np.testing.assert_allclose(ours[0], expected[: len(wave)], atol=2e-6)
    padded = np.asarray(model.standardised(jnp.asarray(clip)[None]))
    np.testing.assert_allclose(padded, marble, atol=2e-6)
    np.testing.assert_array_equal(model.standardised(jnp.zeros((1, 100))), silence)


def test_zscore_undoes_gain_and_offset():
    wave = jnp.asarray(np.random.RandomState(0).standard_normal((1, 4000)), jnp.float32)
    one, other = model.standardised(wave), model.standardised(0.2 * wave + 0.5)
    np.testing.assert_allclose(one, other, atol=1e-5)
