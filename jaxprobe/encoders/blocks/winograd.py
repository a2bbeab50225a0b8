"""3x3 convolutions with 2.25 times fewer multiplications, in float32 on CPUs.

Winograd's F(2x2, 3x3): every 2x2 tile of the output comes from a 4x4 tile of the input, and its
36 products per channel pair become 16, at the price of some additions before and after. The
result differs from the direct sum by float32 rounding (about 3e-6 of the output's scale; the
larger F(4x4, 3x3) would differ by 1e-4 and is not used). On two cores 512 to 512 channels take
0.6 of XLA's direct time; accelerators' libraries choose such algorithms by themselves, and in
bfloat16 the additions would cost digits, so both keep the direct convolution.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, 4.1.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

OUTPUT, INPUT = 2, 4  # Edge of an output tile and of the input tile it is made from.
CHUNK = 32  # Rows of tiles at once: the transformed tiles stay near the cores.

CHANNELS = 64  # With fewer, the additions cost more than the multiplications saved.

_INPUT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
_KERNEL = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32)
_OUTPUT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])

Parts = list[Array]


def conv3x3(
    x: Float[Array, 'B T F I'], kernel: Float[Array, '3 3 I O'], precision: lax.Precision
) -> Float[Array, 'B T F O']:
    """Stride 1, zeros beyond the borders; Winograd where it pays, else direct."""
    if x.dtype != jnp.float32 or min(kernel.shape[2:]) < CHANNELS:
        return direct(x, kernel, precision)
    return lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: winograd(x, kernel, precision),
        default=lambda x, kernel: direct(x, kernel, precision),
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
    """The same numbers by tiles, a few rows of tiles at a time."""
    frames, bands = x.shape[1], x.shape[2]
    rows, columns = -(-frames // OUTPUT), -(-bands // OUTPUT)
    chunk = min(CHUNK, rows)
    chunks = -(-rows // chunk)
    height = OUTPUT * chunk
    below = chunks * height + 1 - frames
    right = OUTPUT * columns + 1 - bands
    padded = jnp.pad(x, ((0, 0), (1, below), (1, right), (0, 0)))
    turned = jnp.einsum('ai,bj,ijco->abco', _KERNEL, _KERNEL, kernel, precision=precision)

    def one(index: Array) -> Array:
        part = lax.dynamic_slice_in_dim(padded, index * height, height + 2, axis=1)
        return _tiles(part, turned, precision)

    made = lax.map(one, jnp.arange(chunks))  # [chunk, B, height, columns, O]
    whole = jnp.moveaxis(made, 0, 1).reshape(x.shape[0], chunks * height, -1, kernel.shape[-1])
    return whole[:, :frames, :bands]


def _tiles(x: Array, turned: Array, precision: lax.Precision) -> Array:
    """One chunk: turn the input tiles, multiply by channel, turn the products back."""
    batch, height, width, channels = x.shape
    rows, columns = (height - 2) // OUTPUT, (width - 2) // OUTPUT
    down = _combine(_INPUT, [x[:, i : i + OUTPUT * rows - 1 : OUTPUT] for i in range(INPUT)])
    products = []
    for a, row in enumerate(down):
        across = [row[:, :, j : j + OUTPUT * columns - 1 : OUTPUT] for j in range(INPUT)]
        products.append(
            [
                jnp.matmul(part.reshape(-1, channels), turned[a, b], precision=precision)
                for b, part in enumerate(_combine(_INPUT, across))
            ]
        )
    lines = zip(*(_combine(_OUTPUT, list(column)) for column in zip(*products, strict=True)),
                strict=True)  # fmt: skip
    corners = jnp.stack([jnp.stack(_combine(_OUTPUT, list(line)), axis=1) for line in lines], 1)
    tiles = corners.reshape(batch, rows, columns, OUTPUT, OUTPUT, -1)
    return tiles.transpose(0, 1, 3, 2, 4, 5).reshape(batch, OUTPUT * rows, OUTPUT * columns, -1)


def _combine(matrix: np.ndarray, parts: Parts) -> Parts:
    """Sums and differences of parts, as a matrix of -1, 0 and 1 says."""
    out = []
    for row in matrix:
        first, *rest = sorted(np.flatnonzero(row), key=lambda i: -row[i])  # Starts at a plus.
        total = parts[first]
        for i in rest:
            total = total + parts[i] if row[i] > 0 else total - parts[i]
        out.append(total)
    return out
