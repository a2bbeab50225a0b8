"""C = Qx^T Qy of one layer with many at once on the device, with the digits of a longer float.

float32 with highest precision, a chunk of rows at a time, the chunks added with a compensation
(Neumaier, 1974): sums over 20 000 rows then err by about 1e-7, as those over one chunk do. float64
is not switched on: it is a flag of the whole process, and accelerators have little of it.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

CHUNK = 1024  # Rows per partial sum.


@functools.partial(jax.jit, static_argnames='chunk')
def product(
    left: Float[Array, 'R a'], right: Float[Array, 'R b'], *, chunk: int = CHUNK
) -> Float[Array, 'a b']:
    """left^T right, summed over chunks of rows with compensation."""
    whole = left.shape[0] // chunk * chunk
    shape = (left.shape[1], right.shape[1])

    def step(carry: tuple[Array, Array], begin: Array) -> tuple[tuple[Array, Array], None]:
        one = jax.lax.dynamic_slice_in_dim(left, begin, chunk)
        other = jax.lax.dynamic_slice_in_dim(right, begin, chunk)
        return _added(*carry, _partial(one, other)), None

    carry = (jnp.zeros(shape), jnp.zeros(shape))
    if whole:
        carry, _ = jax.lax.scan(step, carry, jnp.arange(0, whole, chunk))
    if whole < left.shape[0]:
        carry = _added(*carry, _partial(left[whole:], right[whole:]))
    return carry[0] + carry[1]


def _partial(left: Float[Array, 'c a'], right: Float[Array, 'c b']) -> Float[Array, 'a b']:
    return jnp.matmul(left.T, right, precision='highest')


def _added(total: Array, lost: Array, part: Array) -> tuple[Array, Array]:
    """One step of Neumaier's sum: the new total, and all that rounding has lost so far."""
    new = total + part
    larger = jnp.abs(total) >= jnp.abs(part)
    error = jnp.where(larger, (total - new) + part, (part - new) + total)
    return new, lost + error
