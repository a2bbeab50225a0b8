"""Faster or slower, at the same pitch."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from jaxprobe.deform.base import Card
from jaxprobe.deform.pitch import FRAME


def apply(
    wave: Float[np.ndarray, 'S'],
    rate: int,
    severity: float,
    options: Mapping[str, float],
    random: np.random.RandomState,
) -> Float[np.ndarray, 'S2']:
    """Plays `severity` times as fast by a phase vocoder (librosa).

    The length is round(S / severity), and 1 at least.
    """
    del rate, options, random
    from librosa import effects  # Heavy, and needed here only.

    whole = np.pad(wave, (0, max(0, FRAME - len(wave))))
    stretched = effects.time_stretch(whole, rate=severity)
    return stretched[: max(1, round(len(wave) / severity))].astype(np.float32)


def harm(severity: float) -> float:
    """How far from the own speed, in octaves: half and twice as fast are as far."""
    return abs(float(np.log2(severity)))


CARD = Card(
    name='stretch',
    title='Time stretch',
    severity='speed',
    unit='x',
    severities=(0.8, 1.25, 0.5, 2.0),
    least=0.1,
    most=10.0,
    harm=harm,
    what='a phase vocoder; items become longer or shorter, and windows are cut from what they are',
    source='librosa.effects.time_stretch, as audiomentations TimeStretch',
    apply=apply,
    keeps_length=False,
)
