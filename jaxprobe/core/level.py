"""Scaling a whole item before it is cut into windows, as some encoders' references do.

The loader does it to what it decodes, and the check of a port to the waves of its reference.
"""

import numpy as np
from jaxtyping import Float

from jaxprobe.core.errors import ConfigError

LEVELS = ('none', 'zscore', 'peak')
EPSILON = 1e-7  # Of the variance: `Wav2Vec2FeatureExtractor.zero_mean_unit_var_norm`.


def apply(wave: Float[np.ndarray, 'samples'], how: str) -> Float[np.ndarray, 'samples']:
    """Scales an item.

    Args:
        wave: all its samples, at least one.
        how: 'none'; 'zscore', zero mean and unit variance (transformers' feature extractor for
            wav2vec 2.0, HuBERT and MERT); or 'peak', largest magnitude 1 (jukemir). Silence has
            no peak and stays as it is.

    Returns:
        float32; the wave itself for 'none'.

    Raises:
        ConfigError: an unknown way.

    >>> apply(np.array([0.0, 0.25, -0.5], np.float32), 'peak')
    array([ 0. ,  0.5, -1. ], dtype=float32)
    """
    if how == 'none':
        return wave
    if how == 'zscore':
        mean, variance = wave.mean(dtype=np.float64), wave.var(dtype=np.float64)
        return ((wave - mean) / np.sqrt(variance + EPSILON)).astype(np.float32)
    if how == 'peak':
        peak = float(np.abs(wave).max())
        return wave / np.float32(peak) if peak else wave
    raise ConfigError(f'normalise={how!r} must be one of {", ".join(LEVELS)}.')
