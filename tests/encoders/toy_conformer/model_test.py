import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.toy_conformer import model


@pytest.fixture(scope='module')
def tiny():
    graph, template = leaves.abstract(lambda: model.ToyConformer(model.TINY, precision('float32')))
    arrays = leaves.random(template, 0, 'toy') | model.constants(model.TINY)
    return graph, leaves.place(template, arrays)


@pytest.mark.parametrize('samples', [513, 8000, 8159])
def test_any_window(tiny, samples):
    graph, params = tiny
    wave = jax.ShapeDtypeStruct((2, samples), jnp.float32)
    states = jax.eval_shape(lambda p, w: leaves.module(graph, p)(w), params, wave)
    frames = -(-(samples // 160) // 4)
    assert states.shape == (2, 3, frames, 16)


def test_rows_do_not_mix(tiny):
    graph, params = tiny
    wave = np.random.RandomState(0).standard_normal((2, 4000)).astype(np.float32)
    encode = jax.jit(lambda p, w: leaves.module(graph, p)(w))
    both = np.asarray(encode(params, wave))
    swapped = np.asarray(encode(params, wave[::-1].copy()))
    np.testing.assert_allclose(both, swapped[::-1], atol=1e-5)
    assert np.abs(both[0] - both[1]).max() > 0.1


def test_constants_fill_what_is_not_drawn():
    made = model.constants(model.FULL)
    assert {name: array.shape for name, array in made.items()} == {
        'mel.window': (1024,),
        'mel.filters': (513, 64),
        'conformer.inv_freq': (8,),
    }
    assert all(array.any() for array in made.values())
