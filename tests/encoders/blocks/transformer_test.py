import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks import leaves, transformer
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.blocks.transformer import TransformerSize

POST = TransformerSize(depth=2, width=16, heads=2, hidden=24, pre_norm=False)
PRE = POST._replace(pre_norm=True)


def built(size, dtype='float32', **options):
    def make():
        return transformer.Transformer(size, precision(dtype), **options)

    graph, template = leaves.abstract(make)
    drawn = leaves.random(template, 3, 'transformer')
    state = np.random.RandomState(5)
    for leaf, array in drawn.items():
        if leaf.endswith(('scale', 'bias')):  # Norms that can be told apart.
            drawn[leaf] = array + 0.3 * state.standard_normal(array.shape).astype(np.float32)
    return leaves.module(graph, leaves.place(template, drawn))


@pytest.fixture(scope='module')
def tokens():
    return jnp.asarray(np.random.RandomState(0).standard_normal((2, 9, 16)), jnp.float32)


def test_post_norm_norms_what_enters(tokens):
    module = built(POST)
    states = np.asarray(module(tokens))
    assert states.shape == (2, 3, 9, 16)
    np.testing.assert_array_equal(states[:, 0], module.layer_norm(tokens))
    np.testing.assert_array_equal(states[:, 2], module.layers[1](jnp.asarray(states[:, 1])))


def test_pre_norm_norms_what_leaves(tokens):
    whole, raw = built(PRE), built(PRE, final_norm=False)
    normed, stream = np.asarray(whole(tokens)), np.asarray(raw(tokens))
    np.testing.assert_array_equal(normed[:, 0], tokens)  # As it came.
    np.testing.assert_array_equal(normed[:, :2], stream[:, :2])
    np.testing.assert_array_equal(normed[:, 2], whole.layer_norm(jnp.asarray(stream[:, 2])))
    assert np.abs(normed[:, 2] - stream[:, 2]).max() > 0.1


def test_blocks_differ_in_where_the_norms_are(tokens):
    post, pre = (built(size).layers[0] for size in (POST, PRE))
    x = pre.attention(pre.layer_norm(tokens)) + tokens
    expected = x + pre.feed_forward(pre.final_layer_norm(x))
    np.testing.assert_allclose(pre(tokens), expected, atol=1e-6)
    x = post.layer_norm(tokens + post.attention(tokens))
    expected = post.final_layer_norm(x + post.feed_forward(x))
    np.testing.assert_allclose(post(tokens), expected, atol=1e-6)


def test_attention_is_the_textbooks(tokens):
    """Heads are neighbouring columns, and queries, keys and values follow each other."""
    attention = built(POST).layers[0].attention
    x = np.asarray(tokens, np.float64)
    projected = x @ np.asarray(attention.qkv.kernel[...]) + np.asarray(attention.qkv.bias[...])
    q, k, v = np.split(projected, 3, axis=-1)
    mixed = np.empty_like(x)
    for head in (slice(0, 8), slice(8, 16)):
        scores = q[..., head] @ k[..., head].swapaxes(1, 2) / np.sqrt(8)
        weights = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
        mixed[..., head] = weights @ v[..., head]
    expected = mixed @ np.asarray(attention.out_proj.kernel[...])
    expected += np.asarray(attention.out_proj.bias[...])
    np.testing.assert_allclose(np.asarray(attention(tokens)), expected, atol=1e-5)


def test_stream_stays_float32_in_bfloat16(tokens):
    module = built(PRE, 'bfloat16')
    assert module.layers[0].attention.qkv.kernel.dtype == jnp.bfloat16
    assert module.layers[0].layer_norm.scale.dtype == jnp.float32
    states = module(tokens)
    assert states.dtype == jnp.float32
    np.testing.assert_array_equal(states[:, 0], tokens)
    np.testing.assert_allclose(states, built(PRE)(tokens), atol=0.1)
