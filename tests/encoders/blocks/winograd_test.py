import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxprobe.encoders.blocks import winograd

HIGHEST = lax.Precision.HIGHEST


def draw(frames, bands, inputs=6, outputs=5, batch=2):
    r = np.random.RandomState(frames * bands)
    x = jnp.asarray(r.standard_normal((batch, frames, bands, inputs)), jnp.float32)
    kernel = r.standard_normal((3, 3, inputs, outputs)) / np.sqrt(9 * inputs)
    return x, jnp.asarray(kernel, jnp.float32)


@pytest.mark.parametrize(
    ('frames', 'bands'),
    [(1, 1), (3, 5), (64, 4), (65, 3), (130, 7)],
)
@pytest.mark.parametrize('stride', [1, 2])
def test_equals_the_direct_sum(frames, bands, stride, monkeypatch):
    monkeypatch.setattr(winograd, 'TILES', 16)  # Several stretches, the last one cut.
    x, kernel = draw(frames, bands)
    expected = np.asarray(winograd.direct(x, kernel, HIGHEST, (stride, stride)))
    tiled = winograd.winograd if stride == 1 else winograd.strided
    found = np.asarray(jax.jit(lambda x, k: tiled(x, k, HIGHEST))(x, kernel))
    assert found.shape == (2, -(-frames // stride), -(-bands // stride), 5)
    np.testing.assert_allclose(found, expected, atol=5e-6)


def test_direct_is_a_centred_cross_correlation():
    x = jnp.zeros((1, 5, 5, 1)).at[0, 2, 2, 0].set(1.0)
    kernel = jnp.arange(9.0).reshape(3, 3, 1, 1)
    out = np.asarray(winograd.direct(x, kernel, HIGHEST))[0, :, :, 0]
    np.testing.assert_array_equal(out[1:4, 1:4], np.arange(9.0).reshape(3, 3)[::-1, ::-1])
    strided = winograd.direct(x, kernel, HIGHEST, (2, 2))
    np.testing.assert_array_equal(np.asarray(strided)[0, :, :, 0], out[::2, ::2])


def test_short_way_only_where_it_pays():
    many = draw(8, 8, winograd.CHANNELS, winograd.CHANNELS, batch=1)
    cases = (
        (many, jnp.float32, True),
        (many, jnp.bfloat16, False),
        (draw(8, 8), jnp.float32, False),
    )
    for stride in (1, 2):
        for (x, kernel), dtype, short in cases:
            run = jax.jit(lambda x, k, stride=stride: winograd.conv3x3(x, k, HIGHEST, stride))
            text = run.lower(x.astype(dtype), kernel.astype(dtype)).as_text()
            assert ('stablehlo.convolution' not in text) is short


def test_accelerators_convolve_directly():
    x, kernel = draw(8, 8, winograd.CHANNELS, winograd.CHANNELS, batch=1)
    for stride in (1, 2):
        run = jax.jit(lambda x, k, stride=stride: winograd.conv3x3(x, k, HIGHEST, stride))
        text = jax.export.export(run, platforms=['cuda'])(x, kernel).mlir_module()
        assert 'stablehlo.convolution' in text


def test_memory_does_not_grow_with_the_turned_batch():
    """The turned tiles of a batch of 8 take no more than those of one row."""
    sizes = []
    for batch in (1, 8):
        x, kernel = draw(64, 32, winograd.CHANNELS, winograd.CHANNELS, batch=batch)
        run = jax.jit(lambda x, k: winograd.winograd(x, k, HIGHEST)).lower(x, kernel).compile()
        memory = run.memory_analysis()
        assert memory is not None
        sizes.append(memory.temp_size_in_bytes - 2 * x.nbytes)  # Padded, and made.
    assert sizes[1] < 2 * sizes[0]
