import numpy as np
import pytest

from jaxprobe.deform import pitch

RATE = 16000


def frequency(wave):
    """Of a sine, from its spectrum's peak between bins."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    return np.argmax(spectrum) * RATE / (8 * len(wave))


@pytest.mark.parametrize('semitones', [-2.0, 0.5, 12.0])
def test_a_sine_moves_by_the_semitones_and_lasts_as_long(semitones):
    sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    out = pitch.apply(sine, RATE, semitones, {}, np.random.RandomState(0))
    assert len(out) == len(sine)
    inner = slice(2000, -2000)
    moved = 12 * np.log2(frequency(out[inner]) / frequency(sine[inner]))
    assert moved == pytest.approx(semitones, abs=0.02)
