import jax.numpy as jnp
import librosa
import numpy as np

from jaxprobe.encoders.openl3 import frontend

WINDOW, MEL = jnp.float32(frontend.hann()), jnp.float32(frontend.slaney_mel())


def level(wave, centred=False):
    return np.asarray(frontend.decibels(WINDOW, MEL, jnp.float32(wave), centred))


def noise(rows=1):
    return 0.1 * np.random.RandomState(0).standard_normal((rows, 48000))


def test_filters_are_librosas():
    theirs = librosa.filters.mel(sr=48000, n_fft=2048, n_mels=256).T
    np.testing.assert_allclose(frontend.slaney_mel(), theirs, rtol=1e-5, atol=1e-9)


def test_magnitudes_and_not_powers_become_decibels():
    wave = noise()
    magnitude = np.abs(np.fft.rfft(wave[0, 242 * 7 : 242 * 7 + 2048] * frontend.hann()))
    theirs = 10 * np.log10(magnitude @ frontend.slaney_mel())
    ours = level(wave)[0, :, 7]
    np.testing.assert_allclose(ours - ours.max(), theirs - theirs.max(), atol=1e-3)


def test_the_loudest_cell_of_each_window_is_zero_and_nothing_is_80_below_it():
    waves = noise(2) * [[1.0], [1e-3]]
    waves[0, 24000:] = 0.0
    both = level(waves)
    assert both.shape == (2, 256, 199)
    np.testing.assert_array_equal(both.max(axis=(1, 2)), 0.0)
    assert both[0].min() == -80.0


def test_silence_is_flat():
    np.testing.assert_array_equal(level(np.zeros((1, 48000))), 0.0)


def test_kapre_begins_with_the_window_and_librosa_before_it():
    click = np.zeros((1, 48000))
    click[0, 1100] = 1.0
    kapre = level(click)[0].max(axis=0)
    assert np.flatnonzero(kapre > -79)[0] == 0  # Frame 0 covers samples 0 to 2047.
    assert np.flatnonzero(kapre > -79)[-1] == 4
    centred = level(click, centred=True)[0].max(axis=0)
    assert np.flatnonzero(centred > -79)[0] == 1
    assert np.flatnonzero(centred > -79)[-1] == 8


def test_the_last_frame_of_kapre_is_filled_up_with_zeros():
    wave = noise()
    longer = np.concatenate([wave[0], np.zeros(2048)])[198 * 242 :][:2048]
    magnitude = np.abs(np.fft.rfft(longer * frontend.hann()))
    theirs = 10 * np.log10(magnitude @ frontend.slaney_mel())
    ours = level(wave)[0, :, 198]
    np.testing.assert_allclose(ours - ours.max(), theirs - theirs.max(), atol=1e-3)
