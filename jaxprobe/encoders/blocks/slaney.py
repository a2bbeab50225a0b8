"""Slaney's mel filterbank: triangles of unit area, linear to 1 kHz and logarithmic above.

Source: Slaney, "Auditory Toolbox", 1998, as `librosa.filters.mel` (its defaults) and Essentia's
`slaneyMel` with `unit_tri` have it.
"""

import numpy as np
from jaxtyping import Float

# 200/3 Hz per mel up to 1 kHz (mel 15), then 27 mels per factor of 6.4.
_KNEE_HZ, _KNEE_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27.0


def filters(
    sample_rate: int, fft: int, bands: int, low: float, high: float
) -> Float[np.ndarray, 'spectrum bands']:
    """Makes a filterbank.

    Args:
        sample_rate: Hz.
        fft: samples of the transform.
        bands: how many triangles.
        low: Hz where the first one begins.
        high: Hz where the last one ends.

    Returns:
        [fft // 2 + 1, bands], float64: a spectrum times it gives bands.
    """
    frequency = np.linspace(0.0, sample_rate / 2, fft // 2 + 1)[:, None]
    edges = _mel_to_hz(np.linspace(_hz_to_mel(low), _hz_to_mel(high), bands + 2))[None, :]
    start, middle, end = edges[:, :-2], edges[:, 1:-1], edges[:, 2:]
    rising = (frequency - start) / (middle - start)
    falling = (end - frequency) / (end - middle)
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (end - start))


def _hz_to_mel(frequency: float) -> float:
    if frequency < _KNEE_HZ:
        return frequency * 3.0 / 200.0
    return float(_KNEE_MEL + np.log(frequency / _KNEE_HZ) / _LOG_STEP)


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    above = _KNEE_HZ * np.exp(_LOG_STEP * np.maximum(mel - _KNEE_MEL, 0.0))
    return np.where(mel < _KNEE_MEL, mel * 200.0 / 3.0, above)
