"""Depthwise convolutions as fused sums of shifted maps.

A depthwise convolution does two floating-point operations per value it reads, so it is a matter
of memory and not of multiplication. XLA's grouped convolution on a CPU takes 8 to 40 times as
long (EfficientNet-B0's shapes); the sum over 9 or 25 shifts fuses into one pass.
"""

from jax import lax
from jaxtyping import Array, Float

Pairs = tuple[tuple[int, int], tuple[int, int]]


def depthwise(
    x: Float[Array, 'B H W C'],
    kernel: Float[Array, 'h w C'],
    strides: tuple[int, int],
    padding: str | Pairs,
) -> Float[Array, 'B I J C']:
    """Convolves every channel with its own kernel, in float32.

    Args:
        x: maps.
        kernel: height, width, channels.
        strides: down and across.
        padding: 'SAME' (where an odd number of zeros is needed, the extra one comes last),
            'VALID', or zeros before and after of both axes.
    """
    taps = kernel.shape[:2]
    pairs = _pairs(x.shape[1:3], taps, strides, padding)
    x = lax.optimization_barrier(x)  # Or what made it is computed again for every tap.
    x = lax.pad(x, x.dtype.type(0), ((0, 0, 0), *((a, b, 0) for a, b in pairs), (0, 0, 0)))
    rows, columns = (
        (size - tap) // stride + 1
        for size, tap, stride in zip(x.shape[1:3], taps, strides, strict=True)
    )
    total = None
    for down in range(taps[0]):
        for across in range(taps[1]):
            bottom, right = down + (rows - 1) * strides[0], across + (columns - 1) * strides[1]
            shifted = lax.slice(
                x,
                (0, down, across, 0),
                (x.shape[0], bottom + 1, right + 1, x.shape[3]),
                (1, *strides, 1),
            )
            term = shifted * kernel[down, across][None, None, None]
            total = term if total is None else total + term
    if total is None:
        raise ValueError('a kernel without taps')
    return total


def _pairs(
    sizes: tuple[int, ...], taps: tuple[int, ...], strides: tuple[int, int], padding: str | Pairs
) -> Pairs:
    if not isinstance(padding, str):
        return padding
    if padding == 'VALID':
        return (0, 0), (0, 0)
    first, second = (
        max(0, (-(-size // stride) - 1) * stride + tap - size)
        for size, tap, stride in zip(sizes, taps, strides, strict=True)
    )
    return (first // 2, first - first // 2), (second // 2, second - second // 2)
