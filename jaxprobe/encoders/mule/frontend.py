"""From a wave to the slice of log mel power that the network reads.

Frames are 400 samples of a periodic Hann window, centred every 160 (the reference pads the
window to a transform of 2048, which only makes the spectrum finer); HTK mel bands whose weights
have unit length, `log10(10000 x + 1)`. A slice is 300 frames, brought to zero mean and to unit
deviation as a whole.

The reference cuts slices out of the whole file's spectrogram, centred on frames 200, 400, ...:
the first begins at frame 50. A window of ours starts where slice 0 would have its frame 0, so
that windows start with the item; what lies before a slice's frame 50 is not looked at.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.frames import frames

SAMPLE_RATE, FFT, WINDOW, HOP, BANDS = 16000, 2048, 400, 160, 96
FRAMES, FIRST, STEP = 300, 50, 200  # Of a slice: frames, its first one, from slice to slice.
SKIPPED = HOP * FIRST - WINDOW // 2  # Samples of a window before the slice's first frame: 7800.
SAMPLES = SKIPPED + HOP * (FRAMES - 1) + WINDOW  # Of a window: 56 040.
LEAST_DEVIATION = 0.01


def htk_mel() -> Float[np.ndarray, 'spectrum bands']:
    """96 triangles on HTK's mel scale, 0 Hz to 8 kHz, each of unit length: [1025 96]."""
    frequency = np.linspace(0.0, SAMPLE_RATE / 2, FFT // 2 + 1)[:, None]
    mel = np.linspace(0.0, 2595.0 * np.log10(1.0 + SAMPLE_RATE / 2 / 700.0), BANDS + 2)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)[None, :]
    low, middle, high = edges[:, :-2], edges[:, 1:-1], edges[:, 2:]
    rising = (frequency - low) / (middle - low)
    falling = (high - frequency) / (high - middle)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return weights / np.linalg.norm(weights, axis=0, keepdims=True)


def hann() -> Float[np.ndarray, 'window']:
    """The periodic Hann window of 400 samples."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)


def log_mel(
    window: Float[Array, 'window'], mel: Float[Array, 'spectrum bands'], wave: Float[Array, 'B S']
) -> Float[Array, 'B T bands']:
    """Compressed mel power of every frame that lies in the wave; nothing is padded.

    Args:
        window: from `hann`.
        mel: from `htk_mel`.
        wave: [B S] in +-1; frame t covers samples 160 t to 160 t + 399.

    Returns:
        [B T 96].
    """
    spectrum = jnp.fft.rfft(frames(wave, WINDOW, HOP) * window[None, None], FFT)
    power = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
    return jnp.log10(10000.0 * jnp.matmul(power, mel, precision=jax.lax.Precision.HIGHEST) + 1.0)


def normalised(level: Float[Array, 'B T F']) -> Float[Array, 'B T F']:
    """Each slice less its mean, over its deviation or 0.01 where that is larger."""
    mean = level.mean(axis=(1, 2), keepdims=True)
    deviation = level.std(axis=(1, 2), keepdims=True)
    return (level - mean) / jnp.maximum(deviation, LEAST_DEVIATION)


def slices(
    window: Float[Array, 'window'],
    mel: Float[Array, 'spectrum bands'],
    wave: Float[Array, 'B S'],
    gain: float,
) -> Float[Array, 'B F T']:
    """What the network reads of windows of 56 040 samples: [B 96 300].

    Args:
        window: from `hann`.
        mel: from `htk_mel`.
        wave: [B 56040].
        gain: on the wave; the compression makes the level matter.
    """
    level = log_mel(window, mel, gain * wave[:, SKIPPED:SAMPLES])
    return jnp.swapaxes(normalised(level), 1, 2)
