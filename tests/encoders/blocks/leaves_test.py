import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxprobe.encoders.blocks import leaves


class Two(nnx.Module):
    """A list, a parameter of flax and a constant: every kind of leaf the ports have."""

    def __init__(self):
        self.layers = nnx.List(nnx.Linear(3, 3, rngs=nnx.Rngs(0)) for _ in range(2))
        self.constant = nnx.Variable(jnp.zeros(3))
        self.norm = nnx.LayerNorm(3, rngs=nnx.Rngs(0))

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.norm(x) + self.constant[...][None, :]


@pytest.fixture(scope='module')
def two():
    return leaves.abstract(Two)


def test_abstract_allocates_nothing(two):
    _, template = two
    assert leaves.shapes(template) == {
        'constant': (3,),
        'layers.0.bias': (3,),
        'layers.0.kernel': (3, 3),
        'layers.1.bias': (3,),
        'layers.1.kernel': (3, 3),
        'norm.bias': (3,),
        'norm.scale': (3,),
    }
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in template.values())


def test_leaves_come_back_where_they_were(two):
    graph, template = two
    arrays = {name: np.full(leaf.shape, i, np.float32) for i, (name, leaf) in
              enumerate(template.items())}  # fmt: skip
    module = leaves.module(graph, leaves.place(template, arrays))
    np.testing.assert_array_equal(module.layers[1].kernel[...], arrays['layers.1.kernel'])
    np.testing.assert_array_equal(module.constant[...], arrays['constant'])


def test_works_inside_jit(two):
    graph, template = two
    params = leaves.place(template, leaves.random(template, 0, 'two'))
    x = jnp.ones((1, 3))
    run = jax.jit(lambda p, x: leaves.module(graph, p)(x))
    np.testing.assert_allclose(run(params, x), leaves.module(graph, params)(x), atol=1e-6)


def test_works_without_graph_mode():
    """What flax announces as its next default."""
    with nnx.set_graph_mode(False), nnx.set_graph_updates(False):
        graph, template = leaves.abstract(Two)
        params = leaves.place(template, leaves.random(template, 0, 'two'))
        assert jax.jit(lambda p: leaves.module(graph, p)(jnp.ones((1, 3))))(params).shape == (1, 3)


def test_place_casts_to_the_template(two):
    _, template = two
    half = {name: jax.ShapeDtypeStruct(t.shape, jnp.bfloat16) for name, t in template.items()}
    placed = leaves.place(half, leaves.random(template, 0, 'two'))
    assert {leaf.dtype for leaf in placed.values()} == {jnp.dtype(jnp.bfloat16)}


def test_random_depends_on_names_alone(two):
    _, template = two
    drawn = leaves.random(template, 0, 'two')
    alone = leaves.random({'layers.1.kernel': template['layers.1.kernel']}, 0, 'two')
    np.testing.assert_array_equal(drawn['layers.1.kernel'], alone['layers.1.kernel'])
    others = [leaves.random(template, 1, 'two'), leaves.random(template, 0, 'three')]
    for other in others:
        assert not np.array_equal(drawn['layers.1.kernel'], other['layers.1.kernel'])
    assert not np.array_equal(drawn['layers.0.kernel'], drawn['layers.1.kernel'])
    np.testing.assert_array_equal(drawn['norm.scale'], 1)
    np.testing.assert_array_equal(drawn['norm.bias'], 0)


def test_random_kernels_keep_the_variance():
    template = {'kernel': jax.ShapeDtypeStruct((400, 300), jnp.float32)}
    kernel = leaves.random(template, 0, 'wide')['kernel']
    x = np.random.RandomState(0).standard_normal((50, 400))
    assert np.std(x @ kernel) == pytest.approx(1.0, rel=0.05)
