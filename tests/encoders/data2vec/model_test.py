import jax.numpy as jnp
import numpy as np

from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.data2vec import architecture, model
from jaxprobe.encoders.hubert.architecture import tiny

TINY = tiny(architecture.BASE)


def test_positions_are_a_stack_with_plain_norms():
    a = TINY._replace(position_layers=2, position_taps=3, position_groups=1, width=8)
    graph, template = leaves.abstract(lambda: model.StackedPositions(a, precision('float32')))
    assert set(template) == {
        f'layers.{i}.conv.{leaf}' for i in (0, 1) for leaf in ('kernel', 'bias')
    }
    positions = leaves.module(graph, leaves.place(template, leaves.random(template, 0, 'x')))
    x = jnp.asarray(np.random.RandomState(0).standard_normal((1, 9, 8)), jnp.float32)
    once = positions.layers[0](x)
    np.testing.assert_array_equal(positions(x), positions.layers[1](once))
    normed = positions.layers[0].layer_norm(positions.layers[0].conv(x))
    np.testing.assert_allclose(np.asarray(normed).mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(np.asarray(normed).std(axis=-1), 1, atol=1e-2)


def test_every_convolution_is_normed():
    _, template = leaves.abstract(lambda: model.data2vec(TINY, precision('float32')))
    normed = [n for n in template if n.startswith('feature_extractor') and n.endswith('scale')]
    assert len(normed) == 7
    assert 'pos_conv_embed.layers.4.conv.kernel' in template
