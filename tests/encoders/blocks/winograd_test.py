import jax
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
    [(1, 1), (3, 5), (64, 4), (65, 3), (130, 7)],  # Chunks are 64 frames.
)
def test_equals_the_direct_sum(frames, bands):
    x, kernel = draw(frames, bands)
    expected = np.asarray(winograd.direct(x, kernel, HIGHEST))
    found = np.asarray(winograd.winograd(x, kernel, HIGHEST))
    assert found.shape == (2, frames, bands, 5)
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
    for (x, kernel), dtype, short in cases:
        run = jax.jit(lambda x, k: winograd.conv3x3(x, k, HIGHEST))
        text = run.lower(x.astype(dtype), kernel.astype(dtype)).as_text()
        assert ('stablehlo.convolution' not in text) is short
