import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.fbank_chroma import model
from jaxprobe.encoders.fbank_chroma.card import CARD


@pytest.fixture(scope='module')
def params():
    return model.make_params()


def noise(samples, batch=1):
    wave = np.random.RandomState(3).standard_normal((batch, samples)) * 0.1
    return jnp.asarray(wave, jnp.float32)


def test_chroma_equals_librosa(params):
    wave = noise(8123)
    theirs = librosa.feature.chroma_stft(
        y=np.asarray(wave[0]), sr=16000, n_fft=4096, hop_length=160, tuning=0.0
    )
    ours = np.asarray(model.chroma(params, wave))[0]
    np.testing.assert_allclose(ours, theirs[:, : len(ours)].T, rtol=1e-4, atol=2e-6)


def test_fbank_ignores_a_constant_offset(params):
    # The mean of every frame is removed, so what the offset moves is rounding alone.
    wave = noise(4000)
    moved = model.fbank(params, wave + 0.5) - model.fbank(params, wave)
    assert float(jnp.abs(moved).max()) < 1e-3


def test_fbank_of_a_louder_wave_moves_by_the_gain(params):
    wave = noise(4000)
    moved = model.fbank(params, 2 * wave) - model.fbank(params, wave)
    np.testing.assert_allclose(moved, np.log(4.0), atol=1e-3)


def test_chroma_ignores_loudness_and_stays_zero_in_silence(params):
    wave = noise(4000)
    np.testing.assert_allclose(
        model.chroma(params, 8 * wave), model.chroma(params, wave), atol=1e-6
    )
    assert (model.chroma(params, jnp.zeros((1, 4000))) == 0).all()


@pytest.mark.parametrize('samples', [400, 559, 560, 4096, 80000])
def test_encode_gives_one_frame_per_hop_for_any_window(params, samples):
    shapes = jax.eval_shape(model.encode, params, jnp.zeros((2, samples)))
    frames = 1 + (samples - 400) // 160
    assert [s.shape for s in shapes] == [(2, frames, 80), (2, frames, 12), (2, frames, 92)]


def test_encode_concatenates_fbank_then_chroma(params):
    mel, pitch, both = jax.jit(model.encode)(params, noise(6000, batch=2))
    np.testing.assert_array_equal(both, np.concatenate([mel, pitch], -1))
    np.testing.assert_allclose(mel, model.fbank(params, noise(6000, batch=2)), atol=1e-3)


@pytest.mark.parametrize('wrong', [{'weights': 'random'}, {'arch': 'tiny'}, {'dtype': 'bfloat16'}])
def test_build_refuses_what_it_does_not_have(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        base.load('fbank_chroma', **wrong)


def test_build_by_name():
    encoder = base.load('fbank_chroma')
    assert encoder.card is CARD
    assert encoder.weights_sha256 == 'none'
