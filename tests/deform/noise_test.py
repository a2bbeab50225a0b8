import json
from pathlib import Path

import numpy as np
import pytest

from jaxprobe.deform import noise
from tests.deform import against_audiomentations as other


def added(wave, snr, seed=1):
    out = noise.apply(wave, 22050, snr, {}, np.random.RandomState(seed))
    return out.astype(np.float64) - wave


@pytest.mark.parametrize('snr', [60.0, 15.0, 0.0, -20.0])
@pytest.mark.parametrize('size', [7, 22050])
def test_the_ratio_is_reached(snr, size):
    wave = other.wave()[:size]
    assert other.ratio(wave, added(wave, snr)) == pytest.approx(snr, abs=0.01)


def test_the_ratio_is_that_of_audiomentations():
    """Theirs is met on average; they scale by the power that noise has before it is drawn."""
    golden = json.loads((Path(__file__).parents[1] / 'golden/audiomentations.json').read_text())
    for name, theirs in golden['noise'].items():
        snr, wave = float(name.split(':')[1]), other.wave()
        assert abs(theirs['mean_db'] - snr) < 0.01
        assert other.ratio(wave, added(wave, snr)) == pytest.approx(theirs['mean_db'], abs=0.01)


def test_it_is_white_and_the_same_noise_at_every_ratio():
    wave = other.wave()
    loud, soft = added(wave, 0.0), added(wave, 20.0)
    np.testing.assert_allclose(loud, 10 * soft, atol=1e-5)
    power = np.abs(np.fft.rfft(loud)[1:-1]) ** 2
    bands = power[: len(power) // 8 * 8].reshape(8, -1).mean(axis=1)
    assert np.ptp(10 * np.log10(bands)) < 0.8
    assert abs(np.corrcoef(loud, wave)[0, 1]) < 0.02


def test_silence_stays():
    assert not added(np.zeros(100, np.float32), 0.0).any()
