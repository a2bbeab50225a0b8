"""The two filterbanks, in float64 numpy: Kaldi's mel triangles and Ellis' chroma map."""

import numpy as np
from jaxtyping import Float


def kaldi_mel(
    bins: int, fft: int, sample_rate: int, low: float = 20.0
) -> Float[np.ndarray, 'spectrum D']:
    """Triangles of equal width on Kaldi's mel scale, 1127 ln(1 + f / 700), up to Nyquist.

    The triangles are linear in mel (not in Hz, as HTK and librosa draw them), of height one,
    and the Nyquist bin has no weight.

    Args:
        bins: number of triangles.
        fft: length of the transform.
        sample_rate: Hz.
        low: lower edge of the first triangle, Hz.

    Returns:
        [fft // 2 + 1, bins].
    """
    mel = _mel(np.arange(fft // 2 + 1) * sample_rate / fft)[:, None]
    edges = np.linspace(_mel(low), _mel(sample_rate / 2), bins + 2)
    width = edges[1] - edges[0]
    rising = (mel - edges[None, :-2]) / width
    falling = (edges[None, 2:] - mel) / width
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[-1] = 0.0
    return weights


def _mel(frequency):
    return 1127.0 * np.log1p(np.asarray(frequency) / 700.0)


def chroma(
    fft: int, sample_rate: int, classes: int = 12, centre: float = 5.0, spread: float = 2.0
) -> Float[np.ndarray, 'spectrum C']:
    """Gaussians around every pitch class over all octaves (Ellis 2007), A4 = 440 Hz, C first.

    A spectrum bin is as wide as the step to the next one in semitones, at least one; its weights
    have unit length, and bins far from octave `centre` (counted from 27.5 Hz) weigh less.

    Args:
        fft: length of the transform.
        sample_rate: Hz.
        classes: pitch classes per octave.
        centre: octave of full weight; 5 is 880 Hz.
        spread: standard deviation of that weight, in octaves.

    Returns:
        [fft // 2 + 1, classes].
    """
    frequency = np.arange(1, fft) * sample_rate / fft
    pitch = classes * np.log2(frequency / 27.5)  # In semitones above A0.
    # The zero-frequency bin has no pitch: it is put 1.5 octaves below the first one.
    pitch = np.concatenate([[pitch[0] - 1.5 * classes], pitch])
    width = np.concatenate([np.maximum(np.diff(pitch), 1.0), [1.0]])
    distance = pitch[:, None] - np.arange(classes)[None, :]
    distance = (distance + classes / 2) % classes - classes / 2
    weights = np.exp(-0.5 * (2 * distance / width[:, None]) ** 2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    weights *= np.exp(-0.5 * ((pitch / classes - centre) / spread) ** 2)[:, None]
    a_to_c = 3 * classes // 12
    return np.roll(weights, -a_to_c, axis=1)[: fft // 2 + 1]
