import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.analysis.products import product


@pytest.mark.parametrize(('rows', 'chunk'), [(5, 16), (16, 16), (50, 16), (48, 16)])
def test_it_is_the_matrix_product(rows, chunk):
    random = np.random.RandomState(rows)
    left, right = random.standard_normal((rows, 3)), random.standard_normal((rows, 7))
    found = product(jnp.asarray(left, jnp.float32), jnp.asarray(right, jnp.float32), chunk=chunk)
    np.testing.assert_allclose(found, left.T @ right, atol=1e-5)


def test_long_sums_keep_the_digits_of_a_chunk():
    """100 000 rows of one sign: a plain float32 sum of the chunks drifts, this one does not."""
    left = np.random.RandomState(0).uniform(0.5, 1.5, (100_000, 2)).astype(np.float32)
    exact = left.astype(np.float64).T @ left.astype(np.float64)
    found = np.asarray(product(jnp.asarray(left), jnp.asarray(left), chunk=1), np.float64)
    plain = np.zeros((2, 2), np.float32)
    for row in left:
        plain += row[:, None] * row[None]
    assert np.abs(found / exact - 1).max() < 2e-7
    assert np.abs(plain / exact - 1).max() > 1e-6
