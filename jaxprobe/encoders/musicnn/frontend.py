"""From a wave to log mel patches, with the reference's own arithmetic."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.encoders.blocks import slaney
from jaxprobe.encoders.blocks.frames import frames

SAMPLE_RATE, FFT, HOP, BANDS = 16000, 512, 256, 96
LARGEST_FLOAT16 = 65504.0


def slaney_mel() -> Float[np.ndarray, 'spectrum bands']:
    """Triangles on Slaney's mel scale (linear to 1 kHz, then logarithmic), each of unit area.

    Returns:
        [257 96], 0 Hz to 8 kHz: what `librosa.filters.mel(sr=16000, n_fft=512, n_mels=96)` is
        the transpose of.
    """
    return slaney.filters(SAMPLE_RATE, FFT, BANDS, 0.0, SAMPLE_RATE / 2)


def hann(symmetric: bool = False) -> Float[np.ndarray, 'fft']:
    """A Hann window of 512 samples: periodic, or symmetric as Essentia's."""
    period = FFT - 1 if symmetric else FFT
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / period)


def log_mel(
    window: Float[Array, 'fft'],
    mel: Float[Array, 'spectrum bands'],
    wave: Float[Array, 'B S'],
    halved: bool = True,
) -> Float[Array, 'B T bands']:
    """Log-compressed mel power at 62.5 frames per second.

    Frame i covers samples 256 i to 256 i + 511, and nothing is padded: the reference centres its
    frames, so the wave has to begin half a frame before the window (`Card.lead_samples`). At the
    start of a file the reference reflects; so does whoever cuts the windows. Essentia has zeros
    there, its own window, and keeps power in single precision.

    Args:
        window: from `hann`.
        mel: from `slaney_mel`.
        wave: [B S] in +-1; 256 + 47 872 samples give the 187 frames of a patch.
        halved: whether power goes through half precision, as the authors' does.

    Returns:
        [B T 96] with T = S // 256 - 1.
    """
    spectrum = jnp.fft.rfft(frames(wave, FFT, HOP) * window[None, None])
    power = spectrum.real**2 + spectrum.imag**2
    bands = jnp.matmul(power, mel, precision='highest')
    return compress(bands) if halved else scaled(bands)


def compress(bands: Float[Array, '*shape']) -> Float[Array, '*shape']:
    """log10(10000 x + 1) of mel power that went through half precision.

    The reference stores mel power as float16 and scales it as float32 (numpy 1 promoted it). It
    has to be scaled after the way back: 10000 x overflows float16 from 6.55 on. Power beyond
    float16's range itself, which no wave in +-1 has, is clipped instead of becoming infinite.
    """
    halved = jnp.minimum(bands, LARGEST_FLOAT16).astype(jnp.float16)
    return scaled(halved.astype(jnp.float32))


def scaled(bands: Float[Array, '*shape']) -> Float[Array, '*shape']:
    """log10(10000 x + 1)."""
    return jnp.log10(10000.0 * bands + 1.0)
