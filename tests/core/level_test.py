import numpy as np
import pytest

from jaxprobe.core import level
from jaxprobe.core.errors import ConfigError


def wave(samples=1000):
    noise = np.random.RandomState(0).standard_normal(samples)
    return (0.01 * noise + 0.3).astype(np.float32)


def test_zscore_has_no_mean_and_unit_variance():
    scaled = level.apply(wave(), 'zscore')
    assert scaled.dtype == np.float32
    assert abs(scaled.mean()) < 1e-5
    assert scaled.var() == pytest.approx(1e-4 / (1e-4 + 1e-7), rel=1e-2)


def test_zscore_is_that_of_transformers(shared):
    """A raw wave, the same as MARBLE v1 hands it on, a zero-padded clip, and silence."""
    with np.load(shared / 'fixtures' / 'w2v2_feature_extractor' / 'io.npz') as io:
        pairs = [
            (io['a'], io['pad_values'][0]),
            (io['b'], io['pad_values'][1, : len(io['b'])]),
            (io['a'], io['marble_v1_torch_1xN_out'][0]),
            (io['marble_v2_padded_clip_in'], io['marble_v2_padded_clip_out'][0]),
            (np.zeros(100, np.float32), io['silence_out'][0]),
        ]
    for raw, theirs in pairs:
        np.testing.assert_allclose(level.apply(raw, 'zscore'), theirs, atol=1e-5)


def test_peak_is_one():
    scaled = level.apply(-wave(), 'peak')
    assert np.abs(scaled).max() == 1.0
    assert scaled.dtype == np.float32


def test_silence_stays_silent():
    silence = np.zeros(8, np.float32)
    for how in level.LEVELS:
        np.testing.assert_array_equal(level.apply(silence, how), silence)


def test_none_is_the_wave_itself():
    one = wave()
    assert level.apply(one, 'none') is one


def test_unknown_way():
    with pytest.raises(ConfigError, match='zscore'):
        level.apply(wave(), 'z-score')
