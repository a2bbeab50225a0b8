"""The graph of HuBERT and MERT: wave, convolutions, projection, positions, transformer.

Source: `HubertModel` of transformers 4.38, which computes what MERT's own class does with every
published MERT (`spec/encoders_ssl.md` 0 and 3). Names are the reference's.
"""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.activations import gelu
from jaxprobe.encoders.blocks.norms import layer_norm
from jaxprobe.encoders.blocks.precision import Precision
from jaxprobe.encoders.blocks.transformer import Transformer, TransformerSize, linear
from jaxprobe.encoders.blocks.wave_conv import Conv1d, WaveConv, WaveConvSize
from jaxprobe.encoders.hubert.architecture import Architecture

Z_EPSILON = 1e-7  # Of `Wav2Vec2FeatureExtractor`, within the root.


class ConvPositions(nnx.Module):
    """Positions from the neighbourhood: one long grouped convolution, its weight norm folded in."""

    def __init__(self, a: Architecture, numbers: Precision):
        taps = a.position_taps
        padding = (taps // 2, (taps - 1) // 2)  # What an even kernel makes too many is not made.
        self.conv = Conv1d(
            a.width, a.width, taps, numbers, padding=padding, groups=a.position_groups
        )

    def __call__(self, x: Float[Array, 'B T D']) -> Float[Array, 'B T D']:
        """What is to be added to `x`."""
        return gelu(self.conv(x))


class Projection(nnx.Module):
    """From the convolutions' channels to the transformer's width."""

    def __init__(self, a: Architecture, numbers: Precision):
        self.layer_norm = layer_norm(a.channels[-1], a.epsilon) if a.projection_norm else None
        self.projection = linear(a.channels[-1], a.width, numbers)

    def __call__(self, x: Float[Array, 'B T C']) -> Float[Array, 'B T D']:
        """Float32."""
        if self.layer_norm is not None:
            x = self.layer_norm(x)
        return self.projection(x).astype(jnp.float32)


class WaveTransformer(nnx.Module):
    """The whole encoder, in inference mode."""

    def __init__(
        self,
        a: Architecture,
        numbers: Precision,
        positions: nnx.Module,
        *,
        final_norm: bool = True,
        zscore: bool = False,
    ):
        """Puts it together.

        Args:
            a: sizes.
            numbers: the compute dtype.
            positions: what makes the positional term from the projected frames.
            final_norm: whether the last state of a pre-norm model has passed the last norm.
            zscore: whether each row of the wave is brought to mean 0 and variance 1 first.
        """
        self.zscore = zscore
        self.feature_extractor = WaveConv(_conv_size(a), numbers)
        self.feature_projection = Projection(a, numbers)
        self.pos_conv_embed = positions
        self.encoder = Transformer(_size(a), numbers, final_norm=final_norm)

    def __call__(self, wave: Float[Array, 'B S']) -> Float[Array, 'B L T D']:
        """States of every depth in float32; `T = architecture.frames(a, S)`."""
        if self.zscore:
            wave = standardised(wave)
        x = self.feature_projection(self.feature_extractor(wave))
        return self.encoder(x + self.pos_conv_embed(x).astype(jnp.float32))


def hubert(
    a: Architecture, numbers: Precision, *, final_norm: bool = True, zscore: bool = False
) -> WaveTransformer:
    """HuBERT or MERT."""
    return WaveTransformer(
        a, numbers, ConvPositions(a, numbers), final_norm=final_norm, zscore=zscore
    )


def standardised(wave: Float[Array, 'B S']) -> Float[Array, 'B S']:
    """Every row to mean 0 and variance 1, as Wav2Vec2FeatureExtractor does; silence stays 0."""
    centred = wave - wave.mean(axis=1, keepdims=True)
    variance = jnp.square(centred).mean(axis=1, keepdims=True)
    return centred / jnp.sqrt(variance + Z_EPSILON)


def _conv_size(a: Architecture) -> WaveConvSize:
    return WaveConvSize(a.channels, a.kernels, a.strides, a.conv_norm, a.conv_bias)


def _size(a: Architecture) -> TransformerSize:
    return TransformerSize(a.depth, a.width, a.heads, a.hidden, a.pre_norm, a.epsilon)
