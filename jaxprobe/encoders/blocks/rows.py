"""Rows of a batch one after another where that costs nothing: on CPUs.

One row of a convolution over 5 to 30 s fills all cores by itself, and its activations (hundreds
of MB) are then held once and not once per row. Accelerators take the batch as it is.
"""

from collections.abc import Callable

from jax import lax
from jaxtyping import Array, Float


def row_by_row(
    function: Callable[[Array], Array], x: Float[Array, 'B *rest']
) -> Float[Array, 'B *made']:
    """`function(x)`, of which no row may depend on another."""
    if x.shape[0] == 1:
        return function(x)
    return lax.platform_dependent(
        x, cpu=lambda x: lax.map(lambda row: function(row[None])[0], x), default=function
    )
