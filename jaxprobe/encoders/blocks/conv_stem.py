"""Two strided residual convolutions and a projection: log-mel frames to tokens.

Time comes before frequency here (`[B, time, frequency, channel]`), so that neither the mel
matrix nor the flattening needs a transpose; batch norms are folded into the kernels at load.
The stem holds 62 % of MuQ's arithmetic at full size, nearly all of it in `conv2`.

Source: `Conv2dSubsampling` and `Res2dModule` of MusicFM; `spec/encoders_ssl.md` 2.2.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks import winograd
from jaxprobe.encoders.blocks.precision import Precision

STRIDES = ((2, 2), (2, 2))  # Of the two blocks, in time and frequency.


class Conv3x3(nnx.Module):
    """A 3x3 convolution with zeros beyond the borders, in the compute dtype."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int], numbers: Precision):
        self.stride, self.numbers = stride, numbers
        self.kernel = nnx.Param(jnp.zeros((3, 3, inputs, outputs), numbers.dtype))
        self.bias = nnx.Param(jnp.zeros(outputs, numbers.dtype))

    def __call__(self, x: Float[Array, 'B T F I']) -> Float[Array, 'B T2 F2 O']:
        """Halves (rounding up) the axes whose stride is 2."""
        x, kernel = x.astype(self.numbers.dtype), self.kernel[...]
        if self.stride == (1, 1):
            out = winograd.conv3x3(x, kernel, self.numbers.matmul)
        else:
            out = winograd.direct(x, kernel, self.numbers.matmul, self.stride)
        return out + self.bias[...][None, None, None, :]


class ResidualConv(nnx.Module):
    """`relu(conv3(x) + conv2(relu(conv1(x))))`, conv1 and conv3 strided."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int], numbers: Precision):
        self.conv1 = Conv3x3(inputs, outputs, stride, numbers)
        self.conv2 = Conv3x3(outputs, outputs, (1, 1), numbers)
        self.conv3 = Conv3x3(inputs, outputs, stride, numbers)

    def __call__(self, x: Float[Array, 'B T F I']) -> Float[Array, 'B T2 F2 O']:
        """Halves (rounding up) the axes whose stride is 2."""
        return jax.nn.relu(self.conv3(x) + self.conv2(jax.nn.relu(self.conv1(x))))


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
        x = mel[..., None]
        for block in self.blocks:
            x = block(x)
        flat = x.reshape(x.shape[0], x.shape[1], -1)
        return self.linear(flat).astype(jnp.float32)


def tokens(frames: int) -> int:
    """How many tokens (or bands) are left of so many frames (or mel bands)."""
    for stride, _ in STRIDES:
        frames = -(-frames // stride)
    return frames
