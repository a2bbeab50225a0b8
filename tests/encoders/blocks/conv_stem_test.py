import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks import conv_stem, leaves
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
