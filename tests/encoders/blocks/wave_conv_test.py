import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks import leaves, wave_conv
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.blocks.wave_conv import Conv1d, WaveConv, WaveConvSize

GROUP = WaveConvSize((6, 6, 5), (10, 3, 2), (5, 2, 2), 'group', bias=False)
LAYER = GROUP._replace(norm='layer', bias=True)


def built(make, dtype='float32'):
    graph, template = leaves.abstract(lambda: make(precision(dtype)))
    return leaves.module(graph, leaves.place(template, leaves.random(template, 3, 'wave')))


def wave(samples, seed=0):
    x = np.random.RandomState(seed).standard_normal((2, samples))
    return jnp.asarray(x, jnp.float32)


def test_convolution_is_the_sum_it_should_be():
    """Two groups, stride 2, one zero before and none after."""
    conv = built(lambda n: Conv1d(4, 6, 3, n, stride=2, padding=(1, 0), groups=2))
    conv.bias[...] = jnp.arange(6.0)
    x = np.asarray(wave(28)).reshape(2, 7, 4)
    padded, kernel = np.pad(x, ((0, 0), (1, 0), (0, 0))), np.asarray(conv.kernel[...])
    expected = np.zeros((2, 3, 6)) + np.arange(6)
    for t in range(3):
        for out in range(6):
            group = slice(0, 2) if out < 3 else slice(2, 4)
            patch = padded[:, 2 * t : 2 * t + 3, group]
            expected[:, t, out] += (patch * kernel[None, :, :, out]).sum(axis=(1, 2))
    np.testing.assert_allclose(np.asarray(conv(jnp.asarray(x))), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('size', [GROUP, LAYER], ids=['group', 'layer'])
def test_frames_are_independent_of_what_is_after_them_only_with_layer_norm(size):
    """Statistics over time: zeros at the end change every frame before them."""
    module = built(lambda n: WaveConv(size, n))
    whole = jax.jit(lambda x: module(x))
    short = np.asarray(whole(wave(400)))
    padded = np.asarray(whole(jnp.pad(wave(400), ((0, 0), (0, 400)))))
    moved = np.abs(padded[:, : short.shape[1]] - short)
    if size.norm == 'layer':
        assert moved.max() < 1e-5
    else:
        assert (moved.max(axis=(0, 2)) > 1e-3).all()


def test_norm_and_bias_are_where_the_kind_says():
    names = {
        size.norm: set(leaves.abstract(lambda s=size: WaveConv(s, precision('float32')))[1])
        for size in (GROUP, LAYER)
    }
    normed = {n for n in names['group'] if 'layer_norm' in n}
    assert normed == {'conv_layers.0.layer_norm.scale', 'conv_layers.0.layer_norm.bias'}
    assert not any(n.endswith('conv.bias') for n in names['group'])
    assert sum('layer_norm.scale' in n for n in names['layer']) == 3
    assert sum(n.endswith('conv.bias') for n in names['layer']) == 3


def test_bfloat16_comes_out_as_float32():
    module = built(lambda n: WaveConv(GROUP, n), 'bfloat16')
    assert module.conv_layers[1].conv.kernel.dtype == jnp.bfloat16
    assert jax.eval_shape(module, wave(400)).dtype == jnp.float32


def test_activation_is_the_exact_gelu():
    """`approximate=True`, jax's default, is off by up to 5e-4."""
    layer = built(lambda n: wave_conv.ConvLayer(GROUP._replace(norm='layer'), 0, n))
    x = wave(200)[:, :, None]
    z = np.asarray(layer.layer_norm(layer.conv(x)), np.float64)
    erf = np.vectorize(math.erf)
    np.testing.assert_allclose(np.asarray(layer(x)), z * 0.5 * (1 + erf(z / np.sqrt(2))), atol=2e-6)
