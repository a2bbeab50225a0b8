"""Clipping: the loudest samples cut off."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from jaxprobe.deform.base import Card, same


def apply(
    wave: Float[np.ndarray, 'S'],
    rate: int,
    severity: float,
    options: Mapping[str, float],
    random: np.random.RandomState,
) -> Float[np.ndarray, 'S']:
    """Limits samples to what lies between two percentiles of the item, half of them at each end."""
    del rate, options, random
    low, high = np.percentile(wave, [severity / 2, 100 - severity / 2])
    return np.clip(wave, np.float32(low), np.float32(high))


CARD = Card(
    name='clip',
    title='Clipping',
    severity='share of samples that are cut',
    unit='%',
    severities=(5.0, 10.0, 20.0, 40.0),
    least=0.0,
    most=99.0,
    harm=same,
    what='samples beyond two percentiles of the item are set to them; the level is not restored',
    source='audiomentations ClippingDistortion, which mir_ref offers',
    apply=apply,
)
