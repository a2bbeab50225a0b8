import librosa
import numpy as np
import pytest

from jaxprobe.encoders.blocks import slaney


@pytest.mark.parametrize(
    ('rate', 'fft', 'bands', 'low', 'high'),
    [(16000, 512, 96, 0.0, 8000.0), (8000, 1024, 256, 300.0, 4000.0)],
)
@pytest.mark.filterwarnings('ignore:Empty filters')  # 256 bands are narrower than 7.8 Hz bins.
def test_filters_equal_librosa(rate, fft, bands, low, high):
    theirs = librosa.filters.mel(sr=rate, n_fft=fft, n_mels=bands, fmin=low, fmax=high)
    np.testing.assert_allclose(slaney.filters(rate, fft, bands, low, high).T, theirs, atol=2e-9)


def test_triangles_have_unit_area():
    filters = slaney.filters(16000, 1 << 16, 40, 0.0, 8000.0)
    np.testing.assert_allclose(filters.sum(axis=0) * 16000 / (1 << 16), 1.0, atol=1e-3)
