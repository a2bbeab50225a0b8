import numpy as np
import pytest

from jaxprobe.deform import pitch, stretch
from tests.deform.pitch_test import RATE, frequency


@pytest.mark.parametrize('speed', [0.5, 0.8, 2.0])
def test_length_follows_the_speed_and_pitch_does_not(speed):
    sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    out = stretch.apply(sine, RATE, speed, {}, np.random.RandomState(0))
    assert len(out) == round(RATE / speed)
    assert frequency(out[1000:-1000]) == pytest.approx(440, abs=1)
    # What sounds late sounds as much later, or earlier.
    late = sine * (np.arange(RATE) > RATE // 2)
    out = stretch.apply(late, RATE, speed, {}, np.random.RandomState(0))
    onset = np.argmax(np.abs(out) > 0.25)
    assert onset / RATE == pytest.approx(0.5 / speed, abs=pitch.FRAME / 2 / RATE + 0.005)


def test_slower_and_faster_by_as_much_are_as_bad():
    assert stretch.harm(0.8) == pytest.approx(stretch.harm(1.25))
    assert stretch.harm(0.5) > stretch.harm(1.25)
    wave = np.ones(10, np.float32)
    assert [
        len(stretch.apply(wave[:n], RATE, 2.0, {}, np.random.RandomState(0))) for n in (10, 5, 1)
    ] == [5, 2, 1]
