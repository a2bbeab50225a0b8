"""Two strided residual convolutions and a projection: log-mel frames to tokens.

Time comes before frequency here (`[B, time, frequency, channel]`), so that neither the mel
matrix nor the flattening needs a transpose; batch norms are folded into the kernels at load.
The stem holds 62 % of MuQ's arithmetic at full size, half of it in the first `conv2`.

Its activations are the largest of the model: 512 channels x 64 bands x 1500 frames are 197 MB
for 30 s, so that CPUs take the rows of a batch one by one.

Source: `Conv2dSubsampling` and `Res2dModule` of MusicFM; `spec/encoders_ssl.md` 2.2.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks import winograd
from jaxprobe.encoders.blocks.precision import Precision
from jaxprobe.encoders.blocks.rows import row_by_row

STRIDES = (2, 2)  # Of the two blocks, in time and frequency alike.


class Conv3x3(nnx.Module):
    """The kernel and bias of a 3x3 convolution, in the compute dtype."""

    def __init__(self, inputs: int, outputs: int, numbers: Precision):
        self.kernel = nnx.Param(jnp.zeros((3, 3, inputs, outputs), numbers.dtype))
        self.bias = nnx.Param(jnp.zeros(outputs, numbers.dtype))


class ResidualConv(nnx.Module):
    """`relu(conv3(x) + conv2(relu(conv1(x))))`, conv1 and conv3 strided; zeros beyond the borders.

    The two strided ones read the same input and run as one, with their kernels side by side.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, numbers: Precision):
        self.stride, self.numbers = stride, numbers
        self.conv1 = Conv3x3(inputs, outputs, numbers)
        self.conv2 = Conv3x3(outputs, outputs, numbers)
        self.conv3 = Conv3x3(inputs, outputs, numbers)

    def __call__(self, x: Float[Array, 'B T F I']) -> Float[Array, 'B T2 F2 O']:
        """Divides time and frequency by the stride, rounding up; in the compute dtype."""
        kernel = jnp.concatenate([self.conv1.kernel[...], self.conv3.kernel[...]], axis=-1)
        bias = jnp.concatenate([self.conv1.bias[...], self.conv3.bias[...]])
        made = self._conv(x, kernel, self.stride) + bias[None, None, None, :]
        inner, outer = jnp.split(made, 2, axis=-1)
        outer = outer + self.conv2.bias[...][None, None, None, :]
        return jax.nn.relu(outer + self._conv(jax.nn.relu(inner), self.conv2.kernel[...], 1))

    def _conv(self, x: Array, kernel: Array, stride: int) -> Array:
        x, precision = x.astype(self.numbers.dtype), self.numbers.matmul
        if x.shape[-1] == 1:
            return first_conv3x3(x, kernel, precision, stride)
        return winograd.conv3x3(x, kernel, precision, stride)


class ConvStem(nnx.Module):
    """Log-mel frames `[B T M]` to tokens `[B ceil(T/4) D]`."""

    def __init__(self, n_mels: int, channels: int, width: int, numbers: Precision):
        sizes = (1, channels, channels)
        self.blocks = nnx.List(
            ResidualConv(sizes[i], sizes[i + 1], stride, numbers)
            for i, stride in enumerate(STRIDES)
        )
        bands = tokens(n_mels)
        self.linear = nnx.Linear(channels * bands, width, rngs=nnx.Rngs(0), **numbers.of_matmul())

    def __call__(self, mel: Float[Array, 'B T M']) -> Float[Array, 'B T4 D']:
        """Tokens in float32; the borders see zeros, so `mel` must be normalised already."""
        return row_by_row(self._tokens, mel)

    def _tokens(self, mel: Array) -> Array:
        x = mel[..., None]
        for block in self.blocks:
            x = block(x)
        flat = x.reshape(x.shape[0], x.shape[1], -1)
        return self.linear(flat).astype(jnp.float32)


def first_conv3x3(
    x: Float[Array, 'B T F 1'],
    kernel: Float[Array, '3 3 1 O'],
    precision: lax.Precision,
    stride: int,
) -> Float[Array, 'B T2 F2 O']:
    """A convolution of one channel; off CPUs as a product of its nine neighbours' values.

    Libraries for accelerators are made for many channels in; one matrix product with so short an
    inner length only waits for its output to be written, as it should.
    """
    return lax.platform_dependent(
        x,
        kernel,
        cpu=lambda x, kernel: winograd.direct(x, kernel, precision, (stride, stride)),
        default=lambda x, kernel: by_neighbours(x, kernel, precision, stride),
    )


def by_neighbours(
    x: Float[Array, 'B T F 1'],
    kernel: Float[Array, '3 3 1 O'],
    precision: lax.Precision,
    stride: int,
) -> Float[Array, 'B T2 F2 O']:
    """The convolution as a matrix product, zeros beyond the borders.

    Nine neighbours and seven zeros: matrix units read rows of 16.
    """
    frames, bands = x.shape[1], x.shape[2]
    padded = jnp.pad(x[..., 0], ((0, 0), (1, 1), (1, 1)))
    neighbours = [
        padded[:, i : i + frames : stride, j : j + bands : stride]
        for i in range(3)
        for j in range(3)
    ]
    neighbours += [jnp.zeros_like(neighbours[0])] * 7
    taps = jnp.pad(kernel.reshape(9, -1), ((0, 7), (0, 0)))
    return jnp.matmul(jnp.stack(neighbours, axis=-1), taps, precision=precision)


def tokens(frames: int) -> int:
    """How many tokens (or bands) are left of so many frames (or mel bands)."""
    for stride in STRIDES:
        frames = -(-frames // stride)
    return frames
