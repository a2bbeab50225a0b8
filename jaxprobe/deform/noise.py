"""White Gaussian noise at a signal-to-noise ratio."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from jaxprobe.deform.base import Card, negative


def apply(
    wave: Float[np.ndarray, 'S'],
    rate: int,
    severity: float,
    options: Mapping[str, float],
    random: np.random.RandomState,
) -> Float[np.ndarray, 'S']:
    """Adds noise whose power is `severity` dB below that of the whole item.

    The noise is scaled by its own power as drawn, so that the ratio is met exactly, also by items
    of a few samples. Silence has no power to compare with and stays as it is.
    """
    del rate, options
    power = np.mean(np.square(wave, dtype=np.float64))
    if not power:
        return wave
    noise = random.standard_normal(len(wave))
    scale = np.sqrt(power / np.mean(np.square(noise))) * 10 ** (-severity / 20)
    return (wave + scale * noise).astype(np.float32)


CARD = Card(
    name='noise',
    title='White noise',
    severity='signal-to-noise ratio',
    unit='dB',
    severities=(30.0, 20.0, 15.0, 10.0, 5.0, 0.0),
    least=-60.0,
    most=120.0,
    harm=negative,
    what='Gaussian noise, as loud as the item less so many dB',
    source='mir_ref D1 (15 dB) and D2 (0 dB): audiomentations AddGaussianSNR',
    apply=apply,
    random=True,
)
