"""Louder or softer by a number of decibels."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from jaxprobe.deform.base import Card


def apply(
    wave: Float[np.ndarray, 'S'],
    rate: int,
    severity: float,
    options: Mapping[str, float],
    random: np.random.RandomState,
) -> Float[np.ndarray, 'S']:
    """Multiplies by 10^(dB / 20); nothing is clipped."""
    del rate, options, random
    return wave * np.float32(10 ** (severity / 20))


CARD = Card(
    name='gain',
    title='Gain',
    severity='gain',
    unit='dB',
    severities=(-6.0, -12.0, -24.0, -36.0),
    least=-120.0,
    most=60.0,
    harm=abs,
    what='all samples times one factor; loud samples are not clipped',
    source='mir_ref D4 (-12 dB): audiomentations Gain',
    apply=apply,
)
