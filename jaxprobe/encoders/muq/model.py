"""The graph MuQ and MusicFM share: wave, log-mel, convolution stem, conformer.

Source: `MuQModel` of the muq 0.1.0 package and `MusicFM25Hz` (same graph, other statistics);
`spec/encoders_ssl.md` 2. Not copied from there: attention dropout left on in evaluation, rotary
tables cast to half precision, a mel spectrogram cast to half precision.
"""

import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks import mel
from jaxprobe.encoders.blocks.conformer import Conformer, ConformerSize, inverse_frequencies
from jaxprobe.encoders.blocks.conv_stem import ConvStem
from jaxprobe.encoders.blocks.precision import Precision
from jaxprobe.encoders.muq.architecture import Architecture


class MelConformer(nnx.Module):
    """The whole encoder, in inference mode."""

    def __init__(self, a: Architecture, numbers: Precision):
        self.mean, self.std = a.mean, a.std
        self.mel = mel.LogMel(_mel_spec(a))
        self.stem = ConvStem(a.n_mels, a.channels, a.width, numbers)
        self.conformer = Conformer(_size(a), numbers)

    def __call__(self, wave: Float[Array, 'B S']) -> Float[Array, 'B L T D']:
        """States of every depth in float32; `T = ceil(floor(S / 240) / 4)`."""
        normalised = (self.mel(wave) - self.mean) / self.std
        return self.conformer(self.stem(normalised))


def constants(a: Architecture) -> dict[str, np.ndarray]:
    """The leaves that are computed where a checkpoint does not bring them."""
    frequencies = inverse_frequencies(_size(a), a.rotary_base)
    return mel.constants(_mel_spec(a), 'mel') | {'conformer.inv_freq': frequencies}


def _mel_spec(a: Architecture) -> mel.MelSpec:
    return mel.MelSpec(a.sample_rate, a.n_fft, a.hop, a.n_mels)


def _size(a: Architecture) -> ConformerSize:
    return ConformerSize(a.depth, a.width, a.heads, a.hidden, a.kernel, a.epsilon)
