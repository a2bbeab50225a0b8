import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.mule import model, weights
from jaxprobe.encoders.mule.architecture import TINY
from tests.encoders.mule import keras_case

STATE = np.random.RandomState(0)


def part(*shape):
    kernel = STATE.standard_normal(shape).astype(np.float32)
    return {'kernel': jnp.asarray(kernel), 'bias': jnp.zeros(shape[-1])}


def test_activation_is_the_exact_gelu_of_unit_variance():
    x = np.array([-3.0, -0.5, 0.0, 0.5, 3.0], np.float32)
    gelu = [v * 0.5 * math.erfc(-v / math.sqrt(2)) for v in x.tolist()]
    scaled = 1.7015043497085571 * np.array(gelu)
    np.testing.assert_allclose(model._gelu(jnp.asarray(x)), scaled, atol=1e-6)
    unit = model._gelu(jnp.float32(STATE.standard_normal(100000)))
    assert float(unit.std()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize('width', [4, 128])
def test_groups_are_the_same_apart_or_together(width):
    """Kernels of 64 channels and more are convolved group by group: the result is the same."""
    block, x = part(3, 1, width, 2 * width), STATE.standard_normal((1, 6, 5, 2 * width))
    ours = model._convolved(block, jnp.float32(x))
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0)))
    for group in range(2):
        some = slice(group * width, (group + 1) * width)
        kernel = np.asarray(block['kernel'])[:, 0, :, some]
        wanted = sum(padded[:, i : i + 6, :, some] @ kernel[i] for i in range(3))
        np.testing.assert_allclose(ours[..., some], wanted, rtol=1e-4, atol=1e-4)


def test_a_block_is_the_specs_recipe():
    """A first block of a stage: pooled skip path, frequency stride, excitation times two."""
    params = model.make_params(keras_case.expected(keras_case.drawn(TINY)))
    mine = {k.removeprefix('slow.1.0.'): v for k, v in params.items() if k.startswith('slow.1.0.')}
    x = jnp.float32(STATE.standard_normal((2, 8, 5, 14)))
    ours = jax.jit(lambda x: model._block(params, 'slow.1.0', x, 0.9, 2))(x)

    def conv(name, x, strides=(1, 1)):
        return model._convolved(mine[name], x, strides)

    @jax.jit
    def recipe(x):
        h = model._gelu(x) * 0.9
        r = conv('time', model._gelu(conv('narrow', h)), (2, 1))
        r = conv('widen', model._gelu(conv('frequency', model._gelu(r))))
        hidden = r.mean((1, 2)) @ mine['squeeze']['kernel'] + mine['squeeze']['bias'][None]
        hidden = jnp.maximum(hidden, 0.0)
        logits = hidden @ mine['excite']['kernel'] + mine['excite']['bias'][None]
        weight = 2.0 / (1.0 + jnp.exp(-logits))
        skip = conv('skip', (h[:, 0::2] + h[:, 1::2]) / 2)
        return skip + 0.2 * mine['gain']['scale'] * r * weight[:, None, None]

    np.testing.assert_allclose(ours, recipe(x), rtol=1e-5, atol=1e-5)


def test_bfloat16_moves_the_output_a_little_and_leaves_it_float32():
    tensors, slices = weights.random(TINY, 0), jnp.float32(STATE.standard_normal((1, 96, 300)))
    run = jax.jit(lambda params: model.layers(params, slices, TINY)[:3])  # One stage of two.
    exact, short = run(model.make_params(tensors)), run(model.make_params(tensors, 'bfloat16'))
    for a, b in zip(exact, short, strict=True):
        assert b.dtype == jnp.float32
        assert 0 < float(jnp.linalg.norm(a - b) / jnp.linalg.norm(a)) < 0.1
