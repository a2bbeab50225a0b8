"""From a second of audio to the log mel map that the network takes.

Source: `spec/encoders_cnn.md` 8 (github.com/mimbres/neural-audio-fp at b724e51).
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks import slaney
from jaxprobe.encoders.blocks.frames import frames

SAMPLE_RATE, FFT, HOP, BANDS = 8000, 1024, 256, 256
LOW, HIGH = 300.0, 4000.0
PAD = 512  # Zeros on either side of a segment.
OFFSET = 0.06  # Added to mel magnitudes before the logarithm.
FLOOR = 1e-10


def hann() -> Float[np.ndarray, 'fft']:
    """The periodic Hann window of 1024 samples."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)


def mel_filters() -> Float[np.ndarray, 'spectrum bands']:
    """256 Slaney triangles of unit area, 300 Hz to 4 kHz."""
    return slaney.filters(SAMPLE_RATE, FFT, BANDS, LOW, HIGH)


def log_mel(
    window: Float[Array, 'fft'], mel: Float[Array, 'spectrum bands'], wave: Float[Array, 'B S']
) -> Float[Array, 'B bands T']:
    """log10(magnitude + 0.06) in 256 bands, below the segment's own maximum; float32.

    The authors subtract the maximum of the whole batch, so that an embedding depends on what it
    is computed with. Here every segment has its own, as where segments are fed one by one. Their
    floor at -80 lies 79 below the lowest value possible and is left out.

    Args:
        window: from `hann`.
        mel: from `mel_filters`.
        wave: [B 8000] in +-1.

    Returns:
        [B 256 32], at most 0.
    """
    padded = jnp.pad(wave, ((0, 0), (PAD, PAD)))
    spectrum = jnp.abs(jnp.fft.rfft(frames(padded, FFT, HOP) * window[None, None]))
    bands = jnp.matmul(spectrum, mel, precision='highest')
    logs = jnp.log10(jnp.maximum(bands + OFFSET, FLOOR))
    return (logs - logs.max(axis=(1, 2), keepdims=True)).swapaxes(1, 2)
