import numpy as np
import pytest

from jaxprobe.deform import lowpass

RATE = 16000


def attenuation(hz, cutoff, order=4.0):
    """In dB, of a sine that has rung in."""
    sine = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32)
    out = lowpass.apply(sine, RATE, cutoff, {'order': order}, np.random.RandomState(0))
    return -10 * np.log10(np.mean(out[RATE // 2 :] ** 2) / 0.5)


@pytest.mark.parametrize('cutoff', [500.0, 2000.0])
def test_half_the_power_at_the_cutoff_and_butterworth_s_law_above(cutoff):
    assert attenuation(cutoff, cutoff) == pytest.approx(3.01, abs=0.02)
    assert attenuation(cutoff / 2, cutoff) < 0.05
    # Butterworth's law, 6 dB per octave and order, on the axis of the bilinear transform.
    octave = np.tan(np.pi * 2 * cutoff / RATE) / np.tan(np.pi * cutoff / RATE)
    for order in (2, 4):
        law = 10 * np.log10(1 + octave ** (2 * order))
        assert attenuation(2 * cutoff, cutoff, float(order)) == pytest.approx(law, abs=0.05)


def test_what_has_nothing_above_stays_and_an_offset_makes_no_step():
    wave = np.linspace(-1, 1, 100, dtype=np.float32)
    options, random = {'order': 4.0}, np.random.RandomState(0)
    np.testing.assert_array_equal(lowpass.apply(wave, RATE, 8000.0, options, random), wave)
    steady = np.full(100, 0.25, np.float32)
    np.testing.assert_allclose(lowpass.apply(steady, RATE, 500.0, options, random), steady, 1e-6)
