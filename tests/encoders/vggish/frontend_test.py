import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.vggish import frontend

MEL = jnp.asarray(frontend.htk_mel(), jnp.float32)
NOISE = (0.1 * np.random.RandomState(5).standard_normal(15600)).astype(np.float32)


def log_mel(wave, symmetric=False):
    window = jnp.asarray(frontend.hann(symmetric), jnp.float32)
    return np.asarray(jax.jit(frontend.log_mel)(window, MEL, jnp.asarray(wave)[None]))[0]


def plain(wave, power=1.0, periodic=True, bins=None):
    """The definition in float64, one frame and one triangle at a time."""
    window = np.hanning(401)[:400] if periodic else np.hanning(400)
    hertz = np.arange(257) * 16000 / 512
    mels = 1127 * np.log1p(hertz / 700)
    edges = np.linspace(1127 * np.log1p(125 / 700), 1127 * np.log1p(7500 / 700), 66)
    found = []
    for start in range(0, len(wave) - 399, 160):
        magnitude = np.abs(np.fft.fft(wave[start : start + 400] * window, 512))[:257] ** power
        magnitude[0] = 0
        bands = [
            sum(magnitude * np.interp(mels, edges[b : b + 3], [0, 1, 0], 0, 0)) for b in range(64)
        ]
        found.append(np.log(np.array(bands) + 0.01))
    return np.stack(found)


@pytest.mark.parametrize('symmetric', [False, True])
def test_log_mel_is_its_definition(symmetric):
    ours = log_mel(NOISE, symmetric)
    assert ours.shape == (96, 64)
    np.testing.assert_allclose(ours, plain(NOISE, periodic=not symmetric), atol=2e-5)


def test_power_in_place_of_magnitude_would_fail():
    assert np.abs(plain(NOISE, power=2.0) - plain(NOISE)).max() > 1.0


def test_the_two_windows_differ_a_little():
    difference = np.abs(log_mel(NOISE) - log_mel(NOISE, symmetric=True)).max()
    assert 1e-3 < difference < 0.1


def test_hann_equals_scipy():
    from scipy.signal import get_window

    np.testing.assert_allclose(frontend.hann(), get_window('hann', 400), atol=1e-15)
    np.testing.assert_allclose(frontend.hann(True), get_window('hann', 400, False), atol=1e-15)


def test_filters_are_straight_in_mel_and_not_in_hertz():
    """Librosa's HTK filters have the same corners; their sides are straight in Hz."""
    import librosa

    theirs = librosa.filters.mel(
        sr=16000, n_fft=512, n_mels=64, fmin=125, fmax=7500, htk=True, norm=None
    ).T
    difference = np.abs(frontend.htk_mel() - theirs).max()
    assert 1e-3 < difference < 1e-2  # Ten times what the log mel may be off.
    assert (frontend.htk_mel()[0] == 0).all()


def test_silence_is_the_logarithm_of_the_offset():
    np.testing.assert_allclose(log_mel(np.zeros(15600, np.float32)), np.log(0.01), rtol=1e-6)


@pytest.mark.parametrize('samples', [400, 559, 560, 15599, 15600])
def test_frame_count(samples):
    window = jnp.asarray(frontend.hann(), jnp.float32)
    shape = jax.eval_shape(frontend.log_mel, window, MEL, jnp.zeros((2, samples))).shape
    assert shape == (2, 1 + (samples - 400) // 160, 64)
