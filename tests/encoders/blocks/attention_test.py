import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxprobe.encoders.blocks import attention

HIGHEST = lax.Precision.HIGHEST


def draw(frames=7, heads=3, width=8, batch=2):
    shape = (3, batch, frames, heads, width)
    return tuple(jnp.asarray(np.random.RandomState(frames).standard_normal(shape), jnp.float32))


def by_loops(q, k, v):
    """Row by row in float64."""
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    out = np.zeros_like(v)
    for b, t, h in np.ndindex(q.shape[:3]):
        scores = k[b, :, h] @ q[b, t, h] / np.sqrt(q.shape[-1])
        weights = np.exp(scores - scores.max())
        out[b, t, h] = weights @ v[b, :, h] / weights.sum()
    return out


@pytest.mark.parametrize('way', [attention.attend, attention._at_once, attention._head_by_head])
def test_every_way_is_the_textbooks(way, monkeypatch):
    monkeypatch.setattr(attention, 'QUERIES', 4)  # Two blocks, the last one short.
    q, k, v = draw()
    np.testing.assert_allclose(way(q, k, v, HIGHEST), by_loops(q, k, v), atol=1e-6)


def test_softmax_is_in_float32_in_either_dtype():
    q, k, v = (x.astype(jnp.bfloat16) for x in draw(frames=64))
    exact = by_loops(q, k, v)
    for way in (attention._at_once, attention._head_by_head):
        out = way(q, k, v, lax.Precision.DEFAULT)
        assert out.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.asarray(out, np.float32), exact, atol=8e-3)


def test_cpus_hold_the_scores_of_one_head():
    x = jax.ShapeDtypeStruct((2, 512, 4, 8), jnp.float32)
    run = jax.jit(lambda q, k, v: attention.attend(q, k, v, HIGHEST))
    memory = run.lower(x, x, x).compile().memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes < 4 * 512 * 512 * 4  # Of all eight heads: twice that.


def test_accelerators_get_all_heads_at_once():
    x = jax.ShapeDtypeStruct((2, 16, 4, 8), jnp.bfloat16)
    run = jax.jit(lambda q, k, v: attention.attend(q, k, v, HIGHEST))
    for platform, loops in (('cuda', False), ('tpu', False), ('cpu', True)):
        text = jax.export.export(run, platforms=[platform])(x, x, x).mlir_module()
        assert ('stablehlo.while' in text) is loops, platform


def test_fused_attention_only_where_it_fits(monkeypatch):
    assert not attention.has_fused()  # This is a CPU.
    monkeypatch.setattr(attention, 'has_fused', lambda: True)
    fits = jnp.zeros((1, attention.LONG, 2, 64), jnp.bfloat16)
    assert attention._fused_pays(fits)
    assert not attention._fused_pays(fits.astype(jnp.float32))
    assert not attention._fused_pays(fits[:, 1:])
    assert not attention._fused_pays(fits[..., :60])
    assert not attention._fused_pays(jnp.tile(fits, (1, 1, 1, 4)))
