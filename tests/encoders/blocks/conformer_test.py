import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks import conformer, leaves
from jaxprobe.encoders.blocks.precision import precision

SIZE = conformer.ConformerSize(depth=2, width=16, heads=2, hidden=24, kernel=5)


def built(dtype='float32', size=SIZE):
    graph, template = leaves.abstract(lambda: conformer.Conformer(size, precision(dtype)))
    arrays = leaves.random(template, 3, 'conformer')
    arrays['inv_freq'] = conformer.inverse_frequencies(size)
    return leaves.module(graph, leaves.place(template, arrays))


@pytest.fixture(scope='module')
def tokens():
    return jnp.asarray(np.random.RandomState(0).standard_normal((2, 9, 16)), jnp.float32)


def test_states(tokens):
    states = np.asarray(built()(tokens))
    assert states.shape == (2, 3, 9, 16)
    np.testing.assert_array_equal(states[:, 0], tokens)  # The input, untouched.
    np.testing.assert_allclose(states[:, 1:].mean(axis=-1), 0, atol=1e-6)  # Normed.


def test_frequencies_fall_from_one():
    found = conformer.inverse_frequencies(SIZE)
    np.testing.assert_allclose(found, [1.0, 0.1, 0.01, 0.001], rtol=1e-6)


def test_rotation_turns_halves_and_keeps_length():
    """GPT-NeoX style: feature i turns against feature i + head/2, not against its neighbour."""
    x = jnp.zeros((1, 2, 1, 4)).at[:, :, :, 0].set(1.0)
    angles = jnp.asarray([[0.0, 0.0], [np.pi / 2, 0.3]])
    turned = np.asarray(conformer.rotate(x, angles))
    np.testing.assert_allclose(turned[0, 0, 0], [1, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(turned[0, 1, 0], [0, 0, 1, 0], atol=1e-6)


def test_rotation_comes_before_the_projections():
    """With rotated queries and keys, attention would not change when all tokens move on by one;
    with the quirk it does, since the projections mix what was turned by different angles."""
    attention = built().layers[0].self_attn
    x = jnp.asarray(np.random.RandomState(1).standard_normal((1, 6, 16)), jnp.float32)
    frequencies = jnp.asarray(conformer.inverse_frequencies(SIZE))[None, :]
    here = attention(x, jnp.arange(6.0)[:, None] * frequencies)
    later = attention(x, (jnp.arange(6.0) + 40)[:, None] * frequencies)
    assert float(jnp.abs(here - later).max()) > 1e-2


def test_values_are_not_rotated():
    """Equal scores average the values; were they turned, positions would show."""
    attention = built().layers[0].self_attn
    attention.linear_q.kernel[...] = jnp.zeros((16, 16))
    x = jnp.broadcast_to(jnp.arange(16.0)[None, None, :], (1, 5, 16))
    angles = jnp.arange(5.0)[:, None] * jnp.asarray(conformer.inverse_frequencies(SIZE))[None, :]
    values = attention.linear_out(attention.linear_v(x))
    np.testing.assert_allclose(attention(x, angles), values, atol=1e-4)


def test_depthwise_equals_a_grouped_convolution(tokens):
    conv = conformer.DepthwiseConv(5, 16)
    kernel = np.random.RandomState(2).standard_normal((5, 16)).astype(np.float32)
    conv.kernel[...], conv.bias[...] = jnp.asarray(kernel), jnp.arange(16.0)
    expected = jax.lax.conv_general_dilated(
        tokens,
        kernel[:, None, :],
        (1,),
        [(2, 2)],
        dimension_numbers=('NWC', 'WIO', 'NWC'),
        feature_group_count=16,
    )
    np.testing.assert_allclose(conv(tokens), expected + np.arange(16.0)[None, None], atol=1e-5)


def test_norms_survive_a_large_mean():
    """Variance as E[x^2] - E[x]^2 would lose these rows in float32."""
    norm = built().layers[0].final_layer_norm
    exact = np.random.RandomState(0).standard_normal((1, 1, 16)) * 0.05 + 500
    expected = (exact - exact.mean()) / np.sqrt(exact.var() + 1e-5)
    np.testing.assert_allclose(norm(jnp.asarray(exact, jnp.float32)), expected, atol=2e-3)


def test_bfloat16_keeps_norms_and_residuals_in_float32(tokens):
    exact, fast = built(), built('bfloat16')
    assert fast.layers[0].ffn1.output_dense.kernel[...].dtype == jnp.bfloat16
    assert fast.layers[0].final_layer_norm.scale[...].dtype == jnp.float32
    assert fast.inv_freq[...].dtype == jnp.float32
    a, b = np.asarray(exact(tokens)), np.asarray(fast(tokens))
    assert b.dtype == np.float32
    error = np.sqrt(np.mean((a - b) ** 2) / np.mean(a**2))
    assert 0 < error < 0.02


@pytest.mark.parametrize('part', ['FeedForward', 'ConvModule', 'ConformerBlock'])
def test_parts_keep_their_shape(part, tokens):
    model = built()
    block = model.layers[0]
    angles = jnp.zeros((9, 4))
    out = {
        'FeedForward': lambda: block.ffn1(tokens),
        'ConvModule': lambda: block.conv_module(tokens),
        'ConformerBlock': lambda: block(tokens, angles),
    }[part]()
    assert out.shape == tokens.shape
    assert bool(jnp.isfinite(out).all())
