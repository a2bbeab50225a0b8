"""From one second of sound to decibels, by either of the reference's two ways.

Both take magnitudes (not power) of 2048 samples every 242, put 256 of Slaney's mel bands over
them, and give decibels under the loudest cell of the window, at most 80. `kapre` starts its
first frame where the window starts and fills the last one up with zeros; `librosa` centres its
frames, with zeros on both sides. The frames lie 1024 samples apart: 3 dB on average, 35 at most.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks import slaney
from jaxprobe.encoders.blocks.frames import frames

SAMPLE_RATE, FFT, HOP, BANDS = 48000, 2048, 242, 256
FRAMES = -(-SAMPLE_RATE // HOP)  # 199
AMPLITUDE_FLOOR = 1e-10
RANGE = 80.0  # dB below the loudest cell of a window.


def slaney_mel() -> Float[np.ndarray, 'spectrum bands']:
    """256 triangles on Slaney's mel scale from 0 Hz to 24 kHz, each of unit area: [1025 256]."""
    return slaney.filters(SAMPLE_RATE, FFT, BANDS, 0.0, SAMPLE_RATE / 2)


def hann() -> Float[np.ndarray, 'fft']:
    """The periodic Hann window of 2048 samples."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)


def decibels(
    window: Float[Array, 'fft'],
    mel: Float[Array, 'spectrum bands'],
    wave: Float[Array, 'B S'],
    centred: bool,
) -> Float[Array, 'B bands T']:
    """The spectrogram of one second per row, in decibels below the row's loudest cell.

    Args:
        window: from `hann`.
        mel: from `slaney_mel`.
        wave: [B 48000] in +-1.
        centred: False for the reference's `kapre`, True for its `librosa`.

    Returns:
        [B 256 199], in -80..0; a silent window is 0 throughout.
    """
    before = FFT // 2 if centred else 0
    needed = HOP * (FRAMES - 1) + FFT
    padded = jnp.pad(wave, ((0, 0), (before, max(0, needed - before - wave.shape[1]))))
    spectrum = jnp.fft.rfft(frames(padded[:, :needed], FFT, HOP) * window[None, None])
    magnitude = jnp.sqrt(jnp.square(spectrum.real) + jnp.square(spectrum.imag))
    bands = jnp.matmul(magnitude, mel, precision=jax.lax.Precision.HIGHEST)
    level = 10.0 * jnp.log10(jnp.maximum(bands, AMPLITUDE_FLOOR))
    level = jnp.maximum(level - level.max(axis=(1, 2), keepdims=True), -RANGE)
    return jnp.swapaxes(level, 1, 2)
