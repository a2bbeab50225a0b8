"""Higher or lower by semitones, at the same speed."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from jaxprobe.deform.base import Card

FRAME = 2048  # Samples that librosa's vocoder needs; shorter items are filled up and cut again.


def apply(
    wave: Float[np.ndarray, 'S'],
    rate: int,
    severity: float,
    options: Mapping[str, float],
    random: np.random.RandomState,
) -> Float[np.ndarray, 'S']:
    """Stretches time by a phase vocoder and resamples back (librosa)."""
    del options, random
    from librosa import effects  # Heavy, and needed here only.

    whole = np.pad(wave, (0, max(0, FRAME - len(wave))))
    return effects.pitch_shift(whole, sr=rate, n_steps=severity)[: len(wave)].astype(np.float32)


CARD = Card(
    name='pitch',
    title='Pitch shift',
    severity='shift',
    unit='semitones',
    severities=(-0.5, 0.5, -1.0, 1.0, -2.0, 2.0),
    least=-24.0,
    most=24.0,
    harm=abs,
    what='a phase vocoder and resampling; up and down by the same are one step of the axis',
    source='librosa.effects.pitch_shift, as audiomentations PitchShift in mir_ref',
    apply=apply,
)
