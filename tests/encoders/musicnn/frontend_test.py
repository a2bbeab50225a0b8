import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from jaxprobe.audio.window import Windowing, cut
from jaxprobe.encoders.musicnn import frontend

HANN = jnp.asarray(frontend.hann(), jnp.float32)
MEL = jnp.asarray(frontend.slaney_mel(), jnp.float32)


def noise(samples, scale=0.1):
    return (scale * np.random.RandomState(5).standard_normal(samples)).astype(np.float32)


def test_slaney_mel_equals_librosa():
    theirs = librosa.filters.mel(sr=16000, n_fft=512, n_mels=96)
    np.testing.assert_allclose(frontend.slaney_mel().T, theirs, atol=1e-9)


def test_hann_equals_scipy():
    from scipy.signal import get_window

    np.testing.assert_allclose(frontend.hann(), get_window('hann', 512), atol=1e-15)
    np.testing.assert_allclose(frontend.hann(True), get_window('hann', 512, False), atol=1e-15)


def test_log_mel_equals_librosa_with_numpy_half_precision():
    wave = noise(187 * 256)
    led = np.pad(wave, (256, 0), mode='reflect')
    mel = librosa.feature.melspectrogram(
        y=wave, sr=16000, n_fft=512, hop_length=256, n_mels=96, pad_mode='reflect'
    )
    theirs = np.log10(10000 * mel.T.astype(np.float16).astype(np.float32) + 1)[:187]
    ours = np.asarray(frontend.log_mel(HANN, MEL, jnp.asarray(led)[None]))[0]
    assert ours.shape == (187, 96)
    # Where power lies between two half-precision numbers, rounding may fall either way.
    np.testing.assert_allclose(ours, theirs, atol=5e-4)
    assert (np.abs(ours - theirs) > 5e-6).mean() < 2e-3


def test_essentias_log_mel_is_its_definition():
    """Frames centred on 256 i with zeros before the item, a symmetric window, single precision."""
    wave = noise(30000)
    windows, _ = cut(wave, Windowing(25600, 4400, lead=256, lead_fill='zeros'))
    symmetric = jnp.asarray(frontend.hann(symmetric=True), jnp.float32)
    ours = np.asarray(frontend.log_mel(symmetric, MEL, jnp.asarray(windows), halved=False))
    padded = np.pad(wave.astype(np.float64), (256, 0))
    for window, start in ((0, 0), (1, 4400)):
        for frame in (0, 1, 50):
            at = start + 256 * frame
            spectrum = np.abs(np.fft.rfft(padded[at : at + 512] * np.hanning(512))) ** 2
            wanted = np.log10(1 + 10000 * spectrum @ frontend.slaney_mel())
            np.testing.assert_allclose(ours[window, frame], wanted, atol=1e-5)


def test_compress_rounds_to_half_precision_exactly_as_numpy():
    power = np.concatenate(
        [np.logspace(-12, 4.8, 4001), [0.0, 6e-8, 2.9e-8, 3.1e-8, 6.1e-5, 65504.0]]
    ).astype(np.float32)
    with np.errstate(over='ignore'):
        halved = np.minimum(power, 65504.0).astype(np.float16).astype(np.float32)
    theirs = np.log10(10000 * halved.astype(np.float64) + 1)
    np.testing.assert_allclose(jax.jit(frontend.compress)(power), theirs, rtol=1e-6, atol=1e-7)


def test_compress_scales_in_float32():
    # In half precision 10000 x is infinite from 6.55 on: the trap of running the original on
    # numpy 2.
    with np.errstate(over='ignore'):
        assert np.isinf(np.float16(7.0) * np.float16(10000))
    np.testing.assert_allclose(frontend.compress(jnp.array([7.0])), np.log10(70001), rtol=1e-6)


def test_compress_the_half_precision_is_not_a_no_op():
    # 1e-8 is below half of the smallest half-precision number; without rounding it would show.
    assert float(frontend.compress(jnp.array([1e-8]))[0]) == 0.0


def test_compress_is_finite_for_absurdly_loud_input():
    assert np.isfinite(frontend.compress(jnp.array([1e30]))).all()


def test_log_mel_reads_the_lead_in_its_first_frame_alone():
    wave = noise(257 * 256)
    longer = np.asarray(frontend.log_mel(HANN, MEL, jnp.asarray(wave)[None]))[0]
    ours = np.asarray(frontend.log_mel(HANN, MEL, jnp.asarray(wave[69 * 256 :])[None]))[0]
    assert ours.shape == (187, 96)
    np.testing.assert_allclose(ours, longer[69:], atol=5e-4)
    mirrored = np.pad(wave[70 * 256 :], (256, 0), mode='reflect')
    other = np.asarray(frontend.log_mel(HANN, MEL, jnp.asarray(mirrored)[None]))[0]
    assert np.abs(ours[0] - other[0]).max() > 0.1
    np.testing.assert_allclose(ours[1:], other[1:], atol=5e-4)


@pytest.mark.parametrize('samples', [512, 767, 768, 1000, 48128])
def test_log_mel_frame_count(samples):
    shape = jax.eval_shape(frontend.log_mel, HANN, MEL, jnp.zeros((2, samples))).shape
    assert shape == (2, samples // 256 - 1, 96)
