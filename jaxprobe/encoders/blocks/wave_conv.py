"""Strided convolutions from the wave to frames, without any padding (wav2vec 2.0's extractor).

Two published kinds. 'group': the first convolution is normed channel by channel over the *whole*
time axis, so every frame depends on the length of the clip and on any padding in it. 'layer':
every convolution is followed by a layer norm over its channels, frame by frame. Both have
epsilon 1e-5, whatever `layer_norm_eps` says for the rest of the model.

Source: `HubertFeatureEncoder` of transformers 4.38; `spec/encoders_ssl.md` 3.2.
"""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.activations import gelu
from jaxprobe.encoders.blocks.norms import TimeNorm, layer_norm
from jaxprobe.encoders.blocks.precision import Precision
from jaxprobe.encoders.blocks.rows import row_by_row


class WaveConvSize(NamedTuple):
    """The sizes of an extractor, layer by layer."""

    channels: tuple[int, ...]
    kernels: tuple[int, ...]
    strides: tuple[int, ...]
    norm: str  # 'group' or 'layer'.
    bias: bool


class Conv1d(nnx.Module):
    """A convolution along time in the compute dtype; channels last, groups of channels apart."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        taps: int,
        numbers: Precision,
        *,
        stride: int = 1,
        padding: tuple[int, int] = (0, 0),
        groups: int = 1,
        use_bias: bool = True,
    ):
        self.stride, self.padding, self.groups, self.numbers = stride, padding, groups, numbers
        self.kernel = nnx.Param(jnp.zeros((taps, inputs // groups, outputs), numbers.dtype))
        self.bias = nnx.Param(jnp.zeros(outputs, numbers.dtype)) if use_bias else None

    def __call__(self, x: Float[Array, 'B T I']) -> Float[Array, 'B T2 O']:
        """`(T + padding - taps) // stride + 1` frames."""
        out = lax.conv_general_dilated(
            x.astype(self.numbers.dtype),
            self.kernel[...],
            (self.stride,),
            (self.padding,),
            dimension_numbers=('NWC', 'WIO', 'NWC'),
            feature_group_count=self.groups,
            precision=self.numbers.matmul,
        )
        return out if self.bias is None else out + self.bias[...][None, None, :]


class ConvLayer(nnx.Module):
    """Convolution, norm where there is one, GELU."""

    def __init__(self, size: WaveConvSize, index: int, numbers: Precision):
        channels = size.channels[index]
        self.conv = Conv1d(
            size.channels[index - 1] if index else 1,
            channels,
            size.kernels[index],
            numbers,
            stride=size.strides[index],
            use_bias=size.bias,
        )
        if size.norm == 'layer':
            self.layer_norm = layer_norm(channels)
        else:
            self.layer_norm = TimeNorm(channels) if index == 0 else None

    def __call__(self, x: Float[Array, 'B T I']) -> Float[Array, 'B T2 O']:
        """In the dtype of the norm or, without one, of the convolution."""
        x = self.conv(x)
        if self.layer_norm is not None:
            x = self.layer_norm(x)
        return gelu(x)


class WaveConv(nnx.Module):
    """All convolutions: `[B S]` to `[B T C]`."""

    def __init__(self, size: WaveConvSize, numbers: Precision):
        self.conv_layers = nnx.List(ConvLayer(size, i, numbers) for i in range(len(size.channels)))

    def __call__(self, wave: Float[Array, 'B S']) -> Float[Array, 'B T C']:
        """Frames in float32; a remainder shorter than a hop is dropped."""
        return row_by_row(self._frames, wave)

    def _frames(self, wave: Array) -> Array:
        x = wave[:, :, None]
        for layer in self.conv_layers:
            x = layer(x)
        return x.astype(jnp.float32)
