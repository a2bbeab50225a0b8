"""A low-pass filter, as a small loudspeaker or a telephone is one."""

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
    """Filters with a causal Butterworth of `order` whose -3 dB point is at `severity` Hz.

    It starts as if the first sample had lasted for ever, so that an offset makes no step. A file
    that holds nothing above `severity` stays as it is.
    """
    del random
    if severity >= rate / 2:
        return wave
    from scipy import signal  # Heavy, and needed here only.

    sections = signal.butter(int(options['order']), severity, fs=rate, output='sos')
    steady = signal.sosfilt_zi(sections) * wave[0]
    return signal.sosfilt(sections, wave.astype(np.float64), zi=steady)[0].astype(np.float32)


CARD = Card(
    name='lowpass',
    title='Low-pass',
    severity='cutoff',
    unit='Hz',
    severities=(8000.0, 4000.0, 2000.0, 1000.0),
    least=20.0,
    most=192000.0,
    harm=negative,
    what='Butterworth filter, 6 dB per octave and order (4), -3 dB at the cutoff',
    source='audiomentations LowPassFilter with a rolloff of 24 dB',
    apply=apply,
    options={'order': 4.0},
)
