import numpy as np
import pytest

from jaxprobe.deform import gain
from tests.deform import against_audiomentations as other


@pytest.mark.parametrize('decibels', [-12.0, 6.0, 0.0])
def test_gain_is_exact(decibels):
    wave = other.wave()
    out = gain.apply(wave, 1, decibels, {}, np.random.RandomState(0))
    np.testing.assert_array_equal(out, wave * np.float32(10 ** (decibels / 20)))
    assert other.ratio(out, wave) == pytest.approx(decibels, abs=1e-5)
