import numpy as np
import pytest

from jaxprobe.deform import clip
from tests.deform import against_audiomentations as other


@pytest.mark.parametrize('percent', [0.0, 5.0, 40.0])
def test_so_many_samples_are_cut_half_at_each_end(percent):
    wave = other.wave()
    out = clip.apply(wave, 1, percent, {}, np.random.RandomState(0))
    for cut in (out < wave, out > wave):
        assert cut.mean() == pytest.approx(percent / 200, abs=2e-4)
    np.testing.assert_array_equal(out[out == wave], wave[out == wave])
    assert len(set(out[out < wave])) <= 1  # All at one level.
