"""Reverberation of a room that is noise with an exponential decay."""

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
    """Mixes the item with its echo, whose energy falls by 60 dB in `severity` seconds.

    The echo has the power of the item and `wet` of the power of the mix; the direct sound stays
    where it is, and what rings on after the item's end is cut off.
    """
    if not wave.any():
        return wave
    from scipy import signal  # Heavy, and needed here only.

    echo = signal.fftconvolve(wave.astype(np.float64), response(rate, severity, random))
    echo = echo[: len(wave)]
    echo *= np.sqrt(np.mean(np.square(wave, dtype=np.float64)) / np.mean(np.square(echo)))
    wet = options['wet']
    return (np.sqrt(1 - wet) * wave + np.sqrt(wet) * echo).astype(np.float32)


def response(
    rate: int, seconds: float, random: np.random.RandomState
) -> Float[np.ndarray, 'samples']:
    """Draws an impulse response: Gaussian noise under exp(-6.9 t / `seconds`).

    Source: J. A. Moorer, "About This Reverberation Business", Computer Music Journal 3(2), 1979.
    """
    time = np.arange(max(1, round(rate * seconds))) / rate
    return random.standard_normal(len(time)) * np.exp(-np.log(1000) * time / seconds)


CARD = Card(
    name='reverb',
    title='Reverberation',
    severity='RT60',
    unit='s',
    severities=(0.25, 0.5, 1.0, 2.0),
    least=0.01,
    most=20.0,
    harm=same,
    what='convolved with decaying noise; half of the power is echo (wet=0.5)',
    source='Moorer 1979; audiomentations ApplyImpulseResponse takes recorded ones',
    apply=apply,
    options={'wet': 0.5},
    random=True,
)
