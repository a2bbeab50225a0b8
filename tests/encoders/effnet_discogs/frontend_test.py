import jax.numpy as jnp
import librosa
import numpy as np
from scipy.signal import get_window

from jaxprobe.encoders.effnet_discogs import frontend

WINDOW = jnp.asarray(frontend.hann(), jnp.float32)
MEL = jnp.asarray(frontend.mel_filters(), jnp.float32)


def test_the_window_is_the_symmetric_one():
    np.testing.assert_allclose(frontend.hann(), get_window('hann', 512, fftbins=False), atol=1e-15)
    assert np.abs(frontend.hann() - get_window('hann', 512)).max() > 1e-3


def test_log_mel_equals_librosa_centred_between_zeros():
    wave = (0.1 * np.random.RandomState(2).standard_normal(128 * 256)).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=wave,
        sr=16000,
        n_fft=512,
        hop_length=256,
        n_mels=96,
        window=get_window('hann', 512, fftbins=False),
        center=True,
        pad_mode='constant',
    )
    theirs = np.log10(1 + 10000 * power.astype(np.float64)).T[:128]
    led = np.pad(wave, (256, 0))
    ours = np.asarray(frontend.log_mel(WINDOW, MEL, jnp.asarray(led)[None]))[0]
    assert ours.shape == (128, 96)
    np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_silence_is_zero():
    assert not np.asarray(frontend.log_mel(WINDOW, MEL, jnp.zeros((1, 1024)))).any()
