import math

import jax.numpy as jnp
import numpy as np

from jaxprobe.encoders.blocks.activations import gelu

X = np.linspace(-12.0, 12.0, 4801)
EXACT = np.array([0.5 * x * math.erfc(-x / math.sqrt(2.0)) for x in X])


def test_is_exact_to_float32():
    """erf ends an epsilon short of 1, which at -12 is an output of -1e-6 for 0."""
    found = gelu(jnp.asarray(X, jnp.float32))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, EXACT, rtol=2e-7, atol=1.2e-6)


def test_bfloat16_is_rounded_once():
    """Outputs near zero keep bfloat16's own relative precision."""
    x = jnp.asarray(X, jnp.bfloat16)
    found = np.asarray(gelu(x), np.float32)
    exact = np.array([0.5 * v * math.erfc(-v / math.sqrt(2.0)) for v in np.asarray(x, np.float64)])
    assert gelu(x).dtype == jnp.bfloat16
    np.testing.assert_allclose(found, exact, rtol=2.0**-8, atol=1e-6)
