import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks import conv_stem, leaves, winograd
from jaxprobe.encoders.blocks.precision import precision


@pytest.fixture(scope='module', params=['float32', 'bfloat16'])
def stem(request):
    numbers = precision(request.param)
    graph, template = leaves.abstract(lambda: conv_stem.ConvStem(16, 4, 8, numbers))
    params = leaves.place(template, leaves.random(template, 0, 'stem'))
    return leaves.module(graph, params)


@pytest.mark.parametrize(('frames', 'left'), [(16, 4), (17, 5), (19, 5), (20, 5), (21, 6)])
def test_lengths_round_up_twice(stem, frames, left):
    assert conv_stem.tokens(frames) == left
    out = jax.eval_shape(lambda x: stem(x), jnp.zeros((2, frames, 16)))
    assert (out.shape, out.dtype) == ((2, left, 8), jnp.float32)


def test_a_token_hears_nine_frames_to_either_side(stem):
    """The receptive field: 19 mel frames around frame 4t."""
    token = 8
    quiet = jnp.zeros((65, 64, 16))  # Row r has an impulse in frame r; the last row has none.
    tokens = np.asarray(stem(quiet.at[np.arange(64), np.arange(64)].set(1.0)))[:, token]
    heard = np.flatnonzero(np.abs(tokens[:64] - tokens[64:]).max(axis=1))
    assert min(heard) >= 4 * token - 9
    assert max(heard) <= 4 * token + 9
    assert len(heard) >= 15


def test_compute_dtype_is_used():
    for dtype, kind in (('float32', np.float32), ('bfloat16', jnp.bfloat16)):
        _, template = leaves.abstract(lambda d=dtype: conv_stem.ConvStem(16, 4, 8, precision(d)))
        assert template['blocks.0.conv2.kernel'].dtype == kind


@pytest.mark.parametrize(('frames', 'bands', 'stride'), [(6, 8, 2), (7, 5, 2), (4, 3, 1)])
def test_one_channel_by_its_neighbours(frames, bands, stride):
    r = np.random.RandomState(0)
    x = jnp.asarray(r.standard_normal((2, frames, bands, 1)), jnp.float32)
    kernel = jnp.asarray(r.standard_normal((3, 3, 1, 4)), jnp.float32)
    highest = jax.lax.Precision.HIGHEST
    expected = winograd.direct(x, kernel, highest, (stride, stride))
    found = conv_stem.by_neighbours(x, kernel, highest, stride)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(
        conv_stem.first_conv3x3(x, kernel, highest, stride), found, atol=1e-6
    )


def test_a_batch_takes_the_memory_of_a_row():
    """On CPUs, where rows follow one another."""
    graph, template = leaves.abstract(lambda: conv_stem.ConvStem(16, 64, 8, precision('float32')))
    params = leaves.place(template, leaves.random(template, 0, 'stem'))
    run = jax.jit(lambda params, mel: leaves.module(graph, params)(mel))
    sizes = []
    for batch in (1, 4):
        memory = run.lower(params, jnp.zeros((batch, 400, 16))).compile().memory_analysis()
        assert memory is not None
        sizes.append(memory.temp_size_in_bytes)
    assert sizes[1] < 1.5 * sizes[0]


def test_rows_do_not_depend_on_their_batch(stem):
    mel = jnp.asarray(np.random.RandomState(1).standard_normal((3, 24, 16)), jnp.float32)
    run = jax.jit(lambda mel: stem(mel))
    apart = jnp.concatenate([run(mel[row : row + 1]) for row in range(3)])
    np.testing.assert_allclose(run(mel), apart, atol=1e-6)
