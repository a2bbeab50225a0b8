"""From a wave to the log mel patch that the graph takes, as Essentia computes it.

Source: Essentia's TensorflowInputMusiCNN and FrameCutter (first frame centred on the first
sample, zeros before it); `spec/encoders_cnn.md` 7.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks import slaney
from jaxprobe.encoders.blocks.frames import frames

SAMPLE_RATE, FFT, HOP, BANDS = 16000, 512, 256, 96
SCALE = 10000.0


def hann() -> Float[np.ndarray, 'fft']:
    """The symmetric Hann window: it ends with the zero it begins with."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / (FFT - 1))


def mel_filters() -> Float[np.ndarray, 'spectrum bands']:
    """96 Slaney triangles of unit area, 0 Hz to 8 kHz."""
    return slaney.filters(SAMPLE_RATE, FFT, BANDS, 0.0, SAMPLE_RATE / 2)


def log_mel(
    window: Float[Array, 'fft'], mel: Float[Array, 'spectrum bands'], wave: Float[Array, 'B S']
) -> Float[Array, 'B T bands']:
    """log10(1 + 10000 power) in 96 bands, 62.5 frames per second, in float32.

    Frame i covers samples 256 i to 256 i + 511 and nothing is padded: the 256 samples that the
    first frame reaches back come with the window (`Card.lead_samples`, zeros at a file's start).

    Args:
        window: from `hann`.
        mel: from `mel_filters`.
        wave: [B S] in +-1; 256 + 32 768 samples give the 128 frames of a patch.

    Returns:
        [B T 96] with T = S // 256 - 1.
    """
    spectrum = jnp.fft.rfft(frames(wave, FFT, HOP) * window[None, None])
    power = spectrum.real**2 + spectrum.imag**2
    bands = jnp.matmul(power, mel, precision='highest')
    return jnp.log10(1.0 + SCALE * bands)
