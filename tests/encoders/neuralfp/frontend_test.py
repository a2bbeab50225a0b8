import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from jaxprobe.encoders.neuralfp import frontend

WINDOW = jnp.asarray(frontend.hann(), jnp.float32)
MEL = jnp.asarray(frontend.mel_filters(), jnp.float32)


def log_mel(wave):
    return np.asarray(frontend.log_mel(WINDOW, MEL, jnp.asarray(wave)))


@pytest.mark.filterwarnings('ignore:Empty filters')  # 256 bands are narrower than 7.8 Hz bins.
def test_log_mel_equals_librosa_of_magnitudes():
    wave = (0.1 * np.random.RandomState(2).standard_normal((1, 8000))).astype(np.float32)
    bands = librosa.feature.melspectrogram(
        y=wave[0],
        sr=8000,
        n_fft=1024,
        hop_length=256,
        n_mels=256,
        fmin=300,
        fmax=4000,
        power=1.0,
        center=True,
        pad_mode='constant',
    )
    theirs = np.log10(bands + 0.06)
    ours = log_mel(wave)[0]
    assert ours.shape == (256, 32)
    np.testing.assert_allclose(ours, theirs - theirs.max(), atol=2e-5)


def test_every_segment_has_its_own_maximum():
    wave = np.random.RandomState(3).uniform(-1, 1, (3, 8000)).astype(np.float32)
    wave[1] *= 0.01
    found = log_mel(wave)
    np.testing.assert_array_equal(found.max(axis=(1, 2)), 0)
    np.testing.assert_allclose(found[1], log_mel(wave[1:2])[0], atol=1e-6)


def test_silence_is_zero():
    assert not log_mel(np.zeros((1, 8000), np.float32)).any()
