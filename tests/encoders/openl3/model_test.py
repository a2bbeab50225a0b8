import jax
import jax.numpy as jnp
import numpy as np

from jaxprobe.encoders.openl3 import model, weights
from jaxprobe.encoders.openl3.build import TINY

SWV = np.lib.stride_tricks.sliding_window_view
LEVEL = -80 * np.random.RandomState(0).uniform(0, 1, (2, 256, 199))


def drawn():
    """Weights that hide nothing: scales of both signs, means and biases off zero."""
    state, tensors = np.random.RandomState(1), {}
    for name, shape in weights.template(TINY).items():
        leaf = name.split('/')[1]
        if leaf == 'kernel':
            tensors[name] = state.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))
        elif leaf == 'moving_variance':
            tensors[name] = state.uniform(0.2, 2.0, shape)
        elif leaf == 'gamma':
            tensors[name] = state.uniform(0.2, 2.0, shape) * (-1.0) ** np.arange(*shape)
        else:
            tensors[name] = 0.7 * state.standard_normal(shape)
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def plain(tensors, level):
    """The reference's graph word for word, unfolded, in float64 numpy."""
    t = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def norm(i, x):
        gamma, beta, mean, variance = (t[f'norm{i}/{leaf}'] for leaf in weights.NORM)
        return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta

    def conv(i, x):
        windows = SWV(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), (1, 2))
        return np.einsum('bftcij,ijco->bfto', windows, t[f'conv{i}/kernel']) + t[f'conv{i}/bias']

    def pool(x, size):
        return SWV(x, (size, size), (1, 2))[:, ::size, ::size].max((-2, -1))

    x, maps = norm(0, level[..., None]), []
    for i in range(1, 8):
        x = np.maximum(norm(i, conv(i, x)), 0)
        if i in (2, 4, 6):
            x = pool(x, 2)
        if i in (2, 4, 6, 7):
            maps.append(x)
    last = conv(8, x)
    means = [m.mean((1, 2)) for m in (*maps, last)]
    return [*means, last.max((1, 2)), pool(last, 8).reshape(len(level), -1)]


def test_layers_equal_the_plain_graph_with_scales_of_both_signs():
    tensors = drawn()
    ours = jax.jit(model.layers)(model.make_params(tensors), jnp.float32(LEVEL))
    theirs = plain(tensors, LEVEL)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == (2, 1, other.shape[1])
        np.testing.assert_allclose(mine[:, 0], other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


def test_the_last_convolution_is_linear():
    params = model.make_params(drawn())
    *_, block4a, final = jax.jit(model.network)(params, jnp.float32(LEVEL))
    assert float(block4a.min()) == 0.0
    assert float(final.min()) < -0.1


def test_maps_have_the_references_sizes():
    shapes = jax.eval_shape(
        model.network,
        model.make_params(weights.random(weights.Arch(), 0)),
        jax.ShapeDtypeStruct((1, 256, 199), jnp.float32),
    )
    assert [s.shape[1:] for s in shapes] == [
        (128, 99, 64),
        (64, 49, 128),
        (32, 24, 256),
        (32, 24, 512),
        (32, 24, 512),
    ]


def test_bfloat16_moves_the_output_a_little_and_leaves_it_float32():
    tensors, wave = weights.random(TINY, 0), np.random.RandomState(2).standard_normal((1, 48000))
    run = jax.jit(lambda p: model.encode(p, jnp.float32(wave), centred=False))
    exact, short = run(model.make_params(tensors)), run(model.make_params(tensors, 'bfloat16'))
    for a, b in zip(exact, short, strict=True):
        assert b.dtype == jnp.float32
        assert 0 < float(jnp.linalg.norm(a - b) / jnp.linalg.norm(a)) < 0.03
