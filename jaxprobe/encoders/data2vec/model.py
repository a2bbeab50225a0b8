"""data2vec's positions; the rest of its graph is HuBERT's.

Source: `Data2VecAudioPositionalConvEmbedding` of transformers 4.38; `spec/encoders_ssl.md` 4.
"""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.activations import gelu
from jaxprobe.encoders.blocks.norms import layer_norm
from jaxprobe.encoders.blocks.precision import Precision
from jaxprobe.encoders.blocks.wave_conv import Conv1d
from jaxprobe.encoders.hubert.architecture import Architecture
from jaxprobe.encoders.hubert.model import WaveTransformer


class PositionLayer(nnx.Module):
    """A grouped convolution, a layer norm without scale and bias, GELU."""

    def __init__(self, a: Architecture, numbers: Precision):
        taps = a.position_taps
        padding = (taps // 2, (taps - 1) // 2)
        self.conv = Conv1d(
            a.width, a.width, taps, numbers, padding=padding, groups=a.position_groups
        )
        self.layer_norm = layer_norm(a.width, affine=False)

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
        """Float32."""
        return gelu(self.layer_norm(self.conv(x)))


class StackedPositions(nnx.Module):
    """Positions from the neighbourhood, by several short convolutions in a row."""

    def __init__(self, a: Architecture, numbers: Precision):
        self.layers = nnx.List(PositionLayer(a, numbers) for _ in range(a.position_layers))

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
        """What is to be added to `x`, float32."""
        for layer in self.layers:
            x = layer(x)
        return x.astype(jnp.float32)


def data2vec(a: Architecture, numbers: Precision, *, zscore: bool = False) -> WaveTransformer:
    """data2vec-audio or music2vec."""
    return WaveTransformer(a, numbers, StackedPositions(a, numbers), zscore=zscore)
