"""The control's graph: MuQ's, smaller in every direction."""

from typing import NamedTuple

import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks import mel
from jaxprobe.encoders.blocks.conformer import Conformer, ConformerSize, inverse_frequencies
from jaxprobe.encoders.blocks.conv_stem import ConvStem
from jaxprobe.encoders.blocks.precision import Precision

SPEC = mel.MelSpec(sample_rate=16000, n_fft=1024, hop=160, n_mels=64)
MEAN, STD = -15.0, 20.0  # dB; roughly those of music at full scale in these bands.


class ToySize(NamedTuple):
    """The control's sizes; kernels are short because nothing was trained to need long ones."""

    channels: int
    conformer: ConformerSize


FULL = ToySize(16, ConformerSize(depth=6, width=64, heads=4, hidden=256, kernel=15))
TINY = ToySize(4, ConformerSize(depth=2, width=16, heads=2, hidden=32, kernel=7))


class ToyConformer(nnx.Module):
    """Wave, log-mel, convolution stem, conformer."""

    def __init__(self, size: ToySize, numbers: Precision):
        self.mel = mel.LogMel(SPEC)
        self.stem = ConvStem(SPEC.n_mels, size.channels, size.conformer.width, numbers)
        self.conformer = Conformer(size.conformer, numbers)

    def __call__(self, wave: Float[Array, 'B S']) -> Float[Array, 'B L T D']:
        """States of every depth; `T = ceil(floor(S / 160) / 4)`."""
        return self.conformer(self.stem((self.mel(wave) - MEAN) / STD))


def constants(size: ToySize) -> dict[str, np.ndarray]:
    """The leaves that are computed and not drawn."""
    return mel.constants(SPEC, 'mel') | {'conformer.inv_freq': inverse_frequencies(size.conformer)}
