"""3x3 convolutions with fewer multiplications, in float32 on CPUs.

Stride 1, Winograd's F(2x2, 3x3): every 2x2 tile of the output comes from a 4x4 tile of the input,
and its 36 products per channel pair become 16, at the price of some additions before and after.
Stride 2: along each axis the even samples meet one tap, and the odd ones two, whose two outputs
take three products instead of four; 36 products become 25. Both are matrix products over tiles, a
few rows of tiles at a time, so that the turned tiles stay near the cores.

The results differ from the direct sum by float32 rounding (about 6e-6 of the output's rms; the
larger F(4x4, 3x3) would differ by 1e-4 and is not used). At 512 channels on one core they take
0.5 (stride 1) and 0.6 (stride 2) of XLA's direct time; accelerators' libraries choose such
algorithms by themselves, and in bfloat16 the additions would cost digits, so both keep the direct
convolution.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, 4.1.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

OUTPUT = 2  # Edge of an output tile.
TILES = 512  # At once, over rows and batch: enough for fast products, few enough for the cache.
CHANNELS = 64  # With fewer, the additions cost more than the multiplications saved.

Parts = list[Array]


def conv3x3(
    x: Float[Array, 'B T F I'],
    kernel: Float[Array, '3 3 I O'],
    precision: lax.Precision,
    stride: int = 1,
) -> Float[Array, 'B T2 F2 O']:
    """Stride 1 or 2, zeros beyond the borders; by tiles where it pays, else direct."""
    if x.dtype != jnp.float32 or min(kernel.shape[2:]) < CHANNELS:
        return direct(x, kernel, precision, (stride, stride))
    tiled = winograd if stride == 1 else strided
    return lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: tiled(x, kernel, precision),
        default=lambda x, kernel: direct(x, kernel, precision, (stride, stride)),
    )


def direct(
    x: Float[Array, 'B T F I'],
    kernel: Float[Array, '3 3 I O'],
    precision: lax.Precision,
    strides: tuple[int, int] = (1, 1),
) -> Float[Array, 'B T2 F2 O']:
    """XLA's own convolution, zeros beyond the borders."""
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        ((1, 1), (1, 1)),
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
        precision=precision,
    )


def winograd(
    x: Float[Array, 'B T F I'], kernel: Float[Array, '3 3 I O'], precision: lax.Precision
) -> Float[Array, 'B T F O']:
    """The numbers of `direct` at stride 1."""
    turned = [_kernel(row) for row in _kernel(kernel)]

    def tile(x: Array, rows: int, columns: int) -> list[Parts]:
        down = _input([x[:, i : i + 2 * rows - 1 : 2] for i in range(4)])
        products = []
        for row, taps in zip(down, turned, strict=True):
            across = _input([row[:, :, j : j + 2 * columns - 1 : 2] for j in range(4)])
            pairs = zip(across, taps, strict=True)
            products.append(_output([_product(part, tap, precision) for part, tap in pairs]))
        lines = [_output(list(column)) for column in zip(*products, strict=True)]
        return [list(row) for row in zip(*lines, strict=True)]

    return _by_rows(x, tile, stride=1)


def strided(
    x: Float[Array, 'B T F I'], kernel: Float[Array, '3 3 I O'], precision: lax.Precision
) -> Float[Array, 'B T2 F2 O']:
    """The numbers of `direct` at stride 2.

    Of the five samples behind two outputs, the middle one meets the sum of the outer taps and
    serves both; what the first two add is the first output's alone, what the last two add the
    second's.
    """
    taps = [
        [jnp.concatenate([t for row in rows for t in _taps(row)[v]], axis=0) for v in range(3)]
        for rows in _taps(kernel)
    ]

    def tile(x: Array, rows: int, columns: int) -> list[Parts]:
        down = _samples([x[:, i : i + 4 * rows - 3 : 4] for i in range(5)])
        products = []
        for lines, kernels in zip(down, taps, strict=True):
            across = [
                _samples([line[:, :, j : j + 4 * columns - 3 : 4] for j in range(5)])
                for line in lines
            ]
            parts = [jnp.concatenate([p for a in across for p in a[v]], -1) for v in range(3)]
            pairs = zip(parts, kernels, strict=True)
            products.append([_product(part, tap, precision) for part, tap in pairs])
        both = products[2]
        return [[own[j] + own[2] + both[j] + both[2] for j in range(2)] for own in products[:2]]

    return _by_rows(x, tile, stride=2)


def _by_rows(x: Array, tile: Callable[[Array, int, int], list[Parts]], stride: int) -> Array:
    """A few rows of tiles at a time; the last ones reach into zeros and are cut off.

    Args:
        x: [B T F I].
        tile: (a stretch of padded rows, rows of tiles in it, columns) -> the four corners of the
            tiles, each [B, rows, columns, O].
        stride: of the convolution, in both axes.
    """
    batch, frames, bands, _ = x.shape
    out_frames, out_bands = -(-frames // stride), -(-bands // stride)
    rows, columns = -(-out_frames // OUTPUT), -(-out_bands // OUTPUT)
    chunks = -(-rows // max(1, TILES // (batch * columns)))
    chunk = -(-rows // chunks)
    step, overlap = OUTPUT * stride * chunk, 3 - stride
    below = chunks * step + overlap - 1 - frames
    right = OUTPUT * stride * columns + overlap - 1 - bands
    padded = jnp.pad(x, ((0, 0), (1, below), (1, right), (0, 0)))

    def one(index: Array) -> Array:
        part = lax.dynamic_slice_in_dim(padded, index * step, step + overlap, axis=1)
        corners = [
            jnp.concatenate([corner[:, :, None, :, None] for corner in line], axis=4)
            for line in tile(part, chunk, columns)
        ]
        both = jnp.concatenate(corners, axis=2)  # [B rows 2 columns 2 O]
        return both.reshape(batch, OUTPUT * chunk, OUTPUT * columns, -1)

    made = lax.map(one, jnp.arange(chunks))
    whole = jnp.moveaxis(made, 0, 1).reshape(batch, chunks * OUTPUT * chunk, *made.shape[3:])
    return whole[:, :out_frames, :out_bands]


def _product(part: Array, tap: Array, precision: lax.Precision) -> Array:
    """Channels to channels, tile by tile: a plain matrix product, which is what is fast."""
    out = jnp.matmul(part.reshape(-1, part.shape[-1]), tap, precision=precision)
    return out.reshape(*part.shape[:-1], -1)


def _input(x: Parts) -> Parts:
    """Four samples, turned, for two outputs at stride 1."""
    return [x[0] - x[2], x[1] + x[2], x[2] - x[1], x[1] - x[3]]


def _kernel(taps: Array) -> Parts:
    """Three taps along the first axis, turned to meet the four samples."""
    first, middle, last = taps
    outer, half = 0.5 * (first + last), 0.5 * middle
    return [first, outer + half, outer - half, last]


def _output(products: Parts) -> Parts:
    """Four products turned back to two outputs."""
    first, second, third, fourth = products
    return [first + second + third, second - third - fourth]


def _samples(x: Parts) -> list[Parts]:
    """Five samples for two outputs at stride 2: the first's, the second's, and both's."""
    return [[x[0] - x[2], x[1]], [x[3], x[4] - x[2]], [x[2]]]


def _taps(taps: Array) -> list[Parts]:
    """Three taps along the first axis, in the order in which they meet those samples."""
    first, middle, last = taps
    return [[first, middle], [middle, last], [first + last]]
