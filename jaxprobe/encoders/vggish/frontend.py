"""From a wave to the log mel examples of AudioSet, as the authors' numpy code computes them.

Unlike most log mels: the magnitude and not the power, triangles that are straight in mel and not
in Hz, no area normalisation, an offset of 0.01 inside the logarithm, frames of 25 ms that are not
centred. Source: `spec/encoders_cnn.md` section 5.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks.frames import frames

SAMPLE_RATE, FRAME, HOP, FFT = 16000, 400, 160, 512
BANDS, LOWEST, HIGHEST, OFFSET = 64, 125.0, 7500.0, 0.01


def hann(symmetric: bool = False) -> Float[np.ndarray, 'frame']:
    """A Hann window of 400 samples: periodic, or symmetric as Essentia's."""
    period = FRAME - 1 if symmetric else FRAME
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / period)


def htk_mel() -> Float[np.ndarray, 'spectrum bands']:
    """Triangles of height 1 on the mel axis, 125 to 7500 Hz, [257 64]; 0 Hz counts nowhere."""
    edges = np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 2)[None, :]
    mel = _mel(np.linspace(0.0, SAMPLE_RATE / 2, FFT // 2 + 1))[:, None]
    low, middle, high = edges[:, :-2], edges[:, 1:-1], edges[:, 2:]
    rising, falling = (mel - low) / (middle - low), (high - mel) / (high - middle)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return weights


def _mel(frequency):
    return 1127.0 * np.log(1.0 + frequency / 700.0)


def log_mel(
    window: Float[Array, 'frame'], mel: Float[Array, 'spectrum bands'], wave: Float[Array, 'B S']
) -> Float[Array, 'B T bands']:
    """Log mel magnitude at 100 frames per second.

    Args:
        window: from `hann`.
        mel: from `htk_mel`.
        wave: [B S] in +-1; frame i covers samples 160 i to 160 i + 399.

    Returns:
        [B T 64] with T = 1 + (S - 400) // 160: 96 frames of 15 600 samples.
    """
    spectrum = jnp.fft.rfft(frames(wave, FRAME, HOP) * window[None, None], FFT)
    bands = jnp.matmul(jnp.abs(spectrum), mel, precision='highest')
    return jnp.log(bands + OFFSET)
