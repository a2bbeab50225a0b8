import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.probes import draws, heads

ORIGIN = draws.Origin(0, 'heads', 0)


def by_hand(params, x):
    *inner, last = params['layers']
    for layer in inner:
        x = np.maximum(x @ layer['weight'].T + layer['bias'], 0)
    return x @ last['weight'].T + last['bias']


@pytest.mark.parametrize('hidden', [(), (7,), (8, 6)])
def test_apply_is_the_formula(hidden):
    params = heads.init(ORIGIN, 5, hidden, 3)
    x = np.random.RandomState(0).randn(4, 5).astype(np.float32)
    np.testing.assert_allclose(heads.apply(params, jnp.asarray(x)), by_hand(params, x), atol=1e-6)
    shapes = [layer['weight'].shape for layer in params['layers']]
    assert shapes == list(zip((*hidden, 3), (5, *hidden)))


def test_dropout_scales_what_it_keeps():
    params = heads.init(ORIGIN, 5, (7,), 3)
    x = jnp.ones((4, 5))
    everything = (jnp.ones((4, 7), bool),)
    nothing = (jnp.zeros((4, 7), bool),)
    last = params['layers'][-1]
    plain = heads.apply(params, x) - last['bias'][None]
    kept = heads.apply(params, x, everything, 0.2) - last['bias'][None]
    np.testing.assert_allclose(kept, plain / 0.8, rtol=1e-5)
    dropped = heads.apply(params, x, nothing, 0.2)
    np.testing.assert_allclose(dropped, np.tile(last['bias'], (4, 1)), atol=1e-7)


def test_blend_is_the_softmax_weighted_sum():
    params = heads.init(ORIGIN, 5, (7,), 3, mixed=3)
    x = np.random.RandomState(0).randn(3, 4, 5).astype(np.float32)
    weights = np.exp(params['mix']) / np.exp(params['mix']).sum()
    expected = np.einsum('l,lrd->rd', weights, x)
    np.testing.assert_allclose(heads.blend(params, jnp.asarray(x)), expected, atol=1e-6)
    fixed = heads.init(ORIGIN, 5, (7,), 3)
    np.testing.assert_array_equal(heads.blend(fixed, jnp.asarray(x[:1])), x[0])


def test_padding_the_width_changes_neither_scores_nor_gradients():
    plain, padded = (heads.init(ORIGIN, 5, (7,), 3, pad_to=pad) for pad in (0, 9))
    x = np.random.RandomState(0).randn(4, 5).astype(np.float32)
    wide = jnp.asarray(np.pad(x, ((0, 0), (0, 4))))

    def loss(params, x):
        return jnp.sum(heads.apply(params, x) ** 2)

    np.testing.assert_allclose(loss(plain, jnp.asarray(x)), loss(padded, wide), rtol=1e-6)
    grad = jax.grad(loss)(padded, wide)['layers'][0]['weight']
    expected = jax.grad(loss)(plain, jnp.asarray(x))['layers'][0]['weight']
    np.testing.assert_allclose(grad[:, :5], expected, atol=1e-5)
    assert (grad[:, 5:] == 0).all()


def test_heads_of_one_seed_start_equal():
    a, b = heads.init(ORIGIN, 5, (7,), 3), heads.init(ORIGIN, 5, (7,), 3, mixed=2)
    for left, right in zip(a['layers'], b['layers']):
        np.testing.assert_array_equal(left['weight'], right['weight'])
    other = heads.init(draws.Origin(0, 'heads', 1), 5, (7,), 3)
    assert (other['layers'][0]['weight'] != a['layers'][0]['weight']).any()


def test_tf32_is_asked_of_a_gpu_by_name():
    """Ahead of time, as no GPU is at hand: every product carries the format, or none does."""
    params = heads.init(ORIGIN, 5, (7,), 3, mixed=2)

    def score(x, precision):
        return heads.apply(params, heads.blend(params, x, precision), precision=precision)

    for precision, products in ((heads.TF32, 3), (heads.FLOAT32, 0)):
        program = jax.jit(lambda x, p=precision: score(x, p))
        shape = jax.ShapeDtypeStruct((2, 4, 5), jnp.float32)
        text = jax.export.export(program, platforms=['cuda'])(shape).mlir_module()
        assert text.count('lhs_precision_type = tf32') == products
