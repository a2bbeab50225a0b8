import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from jaxprobe.audio.window import Windowing, cut
from jaxprobe.encoders import base
from jaxprobe.encoders.mule import frontend

WINDOW, MEL = jnp.float32(frontend.hann()), jnp.float32(frontend.htk_mel())
SLICES = jax.jit(lambda wave: frontend.slices(WINDOW, MEL, wave, 1.0))


def theirs(wave):
    """The reference's recipe on a whole item: the centres of its slices, and the slices."""
    power = librosa.feature.melspectrogram(
        y=wave, sr=16000, n_fft=2048, win_length=400, hop_length=160, n_mels=96, htk=True,
        norm=2.0, pad_mode='reflect',
    )  # fmt: skip
    level = np.log10(10000 * power + 1)
    frames = level.shape[1]
    centres = [min(max(c, 150), frames - 150) for c in range(200, frames, 200)]
    found = [level[:, c - 150 : c + 150] for c in centres]
    return centres, np.stack([(s - s.mean()) / max(s.std(), 0.01) for s in found])


def ours(wave, tail):
    card = base.card('jaxprobe.encoders.mule.card:MULE')
    windows, _ = cut(wave, Windowing(card.window_samples, card.hop_samples, tail))
    return np.asarray(SLICES(jnp.asarray(windows)))


def noise(samples):
    state = np.random.RandomState(samples)
    swell = 0.05 + 0.3 * np.sin(np.arange(samples) / 9000) ** 2
    return (swell * state.standard_normal(samples)).astype(np.float32)


def test_filters_are_librosas():
    mel = librosa.filters.mel(sr=16000, n_fft=2048, n_mels=96, htk=True, norm=2.0).T
    np.testing.assert_allclose(frontend.htk_mel(), mel, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('samples', [56040, 160000, 163333])
def test_every_window_of_an_item_is_a_slice_of_its_whole_spectrogram(samples):
    wave = noise(samples)
    centres, slices = theirs(wave)
    mine = ours(wave, 'drop')
    assert centres[: len(mine)] == [200 * (k + 1) for k in range(len(mine))]
    print(f'{samples}: {len(mine)} windows, max {np.abs(mine - slices[: len(mine)]).max():.1e}')
    np.testing.assert_allclose(mine, slices[: len(mine)], atol=2e-4)


def test_windows_at_the_start_of_the_item_would_fail():
    wave = noise(96000)
    moved = np.asarray(SLICES(jnp.asarray(wave[None, frontend.SKIPPED :][:, : frontend.SAMPLES])))
    assert np.abs(moved[0] - theirs(wave)[1][0]).max() > 1.0


def test_overlap_gives_the_last_slice_within_a_frame_and_a_half():
    """The reference's ends with a frame centred on the item's end, which mirrors the item."""
    wave = noise(96000)
    centres, slices = theirs(wave)
    assert centres == [200, 400, 451]
    mine = ours(wave, 'overlap')
    assert len(mine) == 3
    start = 96000 - frontend.SAMPLES + frontend.SKIPPED + 200  # Centre of its first frame.
    assert 0 <= (451 - 150) * 160 - start <= 240
    together = [np.corrcoef(mine[2].ravel(), np.roll(slices[2], k, 1).ravel())[0, 1]
                for k in (0, 1, 20)]  # fmt: skip
    assert max(together[:2]) > 0.7 > together[2]


def test_silence_is_divided_by_the_floor_and_finite():
    np.testing.assert_array_equal(SLICES(jnp.zeros((1, frontend.SAMPLES))), 0.0)


def test_the_level_matters():
    """Which is why mono at half level, as the authors' reader has it, is an option."""
    wave = jnp.asarray(0.01 * noise(frontend.SAMPLES)[None])
    half = frontend.slices(WINDOW, MEL, wave, 0.5)
    assert float(jnp.abs(half - SLICES(wave)).max()) > 0.05
    np.testing.assert_allclose(half, SLICES(0.5 * wave), atol=1e-6)
