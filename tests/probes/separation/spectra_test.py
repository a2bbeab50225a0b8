import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.probes.separation import spectra
from jaxprobe.probes.separation.spectra import Spectra

ANALYSE = jax.jit(spectra.analyse, static_argnums=0)
SYNTHESISE = jax.jit(spectra.synthesise, static_argnums=0)
FILTER = jax.jit(spectra.wiener_gain, static_argnums=2)
SIZES = Spectra(rate=2400, n_fft=64, hop=10)


def padded(wave, sizes):
    half = sizes.n_fft // 2
    return np.pad(wave, (half, half), mode='reflect')


def test_sizes_are_marble_v1s():
    sizes = Spectra()
    assert (sizes.bins, sizes.frame_rate) == (1025, 75.0)
    assert sizes.samples(450) == 449 * 320 + 2048
    assert sizes.frames(24000) == 76


@pytest.mark.parametrize('sizes', [SIZES, Spectra()])
def test_torch_has_the_same_spectra_and_waves(sizes):
    torch = pytest.importorskip('torch')
    wave = np.random.RandomState(0).randn(8 * sizes.n_fft + 7).astype(np.float32)
    found = ANALYSE(sizes, jnp.asarray(padded(wave, sizes)))
    window = torch.hann_window(sizes.n_fft)
    there = {'hop_length': sizes.hop, 'window': window, 'center': True}
    expected = torch.stft(torch.tensor(wave), sizes.n_fft, return_complex=True, **there)
    assert found.shape == (sizes.frames(len(wave)), sizes.bins)
    np.testing.assert_allclose(found, expected.T, atol=3e-4)
    state = np.random.RandomState(1)
    gain = state.rand(*found.shape).astype(np.float32)
    back = SYNTHESISE(sizes, found * gain, len(found))
    wanted = torch.istft(expected * torch.tensor(gain.T), sizes.n_fft, length=len(wave), **there)
    np.testing.assert_allclose(back[: len(wave)], wanted, atol=2e-5)
    np.testing.assert_allclose(SYNTHESISE(sizes, found, len(found))[: len(wave)], wave, atol=2e-5)


def test_spectra_behind_the_end_do_not_count():
    wave = np.random.RandomState(0).randn(300).astype(np.float32)
    found = ANALYSE(SIZES, jnp.asarray(padded(wave, SIZES)))
    longer = jnp.concatenate([found, jnp.full((9, SIZES.bins), 5.0 + 1j)])
    back = SYNTHESISE(SIZES, longer, len(found))
    np.testing.assert_allclose(back[:300], wave, atol=1e-5)


def test_several_waves_at_once():
    waves = np.random.RandomState(0).randn(2, 3, 200).astype(np.float32)
    found = ANALYSE(SIZES, jnp.asarray(waves))
    np.testing.assert_allclose(found[1, 2], ANALYSE(SIZES, jnp.asarray(waves[1, 2])), atol=1e-5)


def test_the_filter_is_open_unmixs():
    """Golden: `openunmix.filtering.wiener` 1.3.0 (torch 2.13, float64), one target, residual=True.

    Magnitudes 40 and below of 3 frames and 2 frequencies; gains are |estimate| / |mixture|.
    """
    magnitude = np.array([[40.0, 3.0], [0.5, 12.0], [0.02, 0.004]], np.float32)
    mask = np.array([[0.2, 0.9], [1.3, 0.0], [0.5, 0.7]], np.float32)
    golden = np.array(
        [
            [0.05882352075995868, 0.9877834626871734],
            [0.9490969539117015, 0.0],
            [0.2777777808916954, 0.04631380071808436],
        ]
    )
    np.testing.assert_allclose(
        FILTER(jnp.asarray(mask), jnp.asarray(magnitude), 3), golden, atol=1e-6
    )
    twice = FILTER(np.tile(mask, (2, 1)), np.tile(magnitude, (2, 1)), 3)
    np.testing.assert_allclose(twice[3:], golden, atol=1e-6)
    ideal = FILTER(jnp.ones((3, 2)), magnitude, 3)
    np.testing.assert_allclose(ideal[0], 1, atol=1e-4)
