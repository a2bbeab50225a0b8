import numpy as np
import pytest

from jaxprobe.deform import reverb
from tests.deform import against_audiomentations as other

RATE = 16000


def test_the_echo_falls_by_60_db_in_its_time():
    """By Schroeder's integral of what is still to come."""
    drawn = reverb.response(RATE, 0.8, np.random.RandomState(0))
    left = 10 * np.log10(np.cumsum(drawn[::-1] ** 2)[::-1] / np.sum(drawn**2))
    fall = np.interp([-25, -5], left[::-1], np.arange(len(left))[::-1] / RATE)
    assert 3 * (fall[0] - fall[1]) == pytest.approx(0.8, rel=0.05)


def test_wet_is_the_share_of_echo_and_the_direct_sound_stays_where_it_is():
    wave = other.wave()
    random = np.random.RandomState(0).standard_normal(RATE).astype(np.float32)

    def mixed(wet, wave=wave):
        return reverb.apply(wave, RATE, 0.5, {'wet': wet}, np.random.RandomState(3))

    np.testing.assert_array_equal(mixed(0.0), wave)
    echo = mixed(1.0)
    assert other.ratio(echo, wave) == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(mixed(0.25), np.sqrt(0.75) * wave + 0.5 * echo, atol=1e-6)
    lags = np.correlate(mixed(0.5, random), random[4000:-4000], 'valid')
    assert int(np.argmax(lags)) == 4000
    assert len(echo) == len(wave)
