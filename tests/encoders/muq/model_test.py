import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.muq import architecture, model

TINY = architecture.resolve('muq', 'tiny')


@pytest.mark.parametrize('samples', [1025, 37123])
def test_frames(samples):
    graph, template = leaves.abstract(lambda: model.MelConformer(TINY, precision('float32')))
    wave = jax.ShapeDtypeStruct((1, samples), jnp.float32)
    states = jax.eval_shape(lambda p, w: leaves.module(graph, p)(w), template, wave)
    assert states.shape == (1, 4, -(-(samples // 240) // 4), 32)
    assert states.dtype == jnp.float32


def test_constants():
    made = model.constants(architecture.resolve('muq', ''))
    assert {name: array.shape for name, array in made.items()} == {
        'mel.window': (2048,),
        'mel.filters': (1025, 128),
        'conformer.inv_freq': (32,),
    }


def test_statistics_move_the_output():
    """FMA's statistics on MSD's weights would be silent; the two must at least differ."""
    waves = jnp.asarray(np.random.RandomState(0).standard_normal((1, 4800)) * 0.1, jnp.float32)
    outputs = []
    for name in ('musicfm_msd', 'musicfm_fma'):
        a = architecture.resolve(name, 'tiny')._replace(depth=1)
        graph, template = leaves.abstract(lambda a=a: model.MelConformer(a, precision('float32')))
        arrays = leaves.random(template, 0, 'same') | model.constants(a)
        module = leaves.module(graph, leaves.place(template, arrays))
        outputs.append(np.asarray(jax.jit(lambda w, m=module: m(w))(waves)))
    assert np.abs(outputs[0] - outputs[1]).max() > 0.05
