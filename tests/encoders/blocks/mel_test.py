import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks import leaves, mel

MUSICFM = mel.MelSpec(sample_rate=24000, n_fft=2048, hop=240, n_mels=128)


@pytest.fixture(scope='module')
def reference(shared):
    with np.load(shared / 'fixtures' / 'mel_torchaudio' / 'io.npz') as io:
        return dict(io)


@pytest.fixture(scope='module')
def log_mel():
    graph, template = leaves.abstract(lambda: mel.LogMel(MUSICFM))
    arrays = {name.split('.')[-1]: a for name, a in mel.constants(MUSICFM, 'mel').items()}
    params = leaves.place(template, arrays)
    return jax.jit(lambda wave: leaves.module(graph, params)(wave))


def decibels(log_mel, wave):
    return np.asarray(log_mel(jnp.asarray(wave)[None]))[0].T


def test_filters_equal_torchaudio_in_every_bit(reference):
    filters = mel.htk_filters(MUSICFM)
    rows, columns = np.nonzero(filters)
    np.testing.assert_array_equal(rows, reference['fb_nonzero_rows'])
    np.testing.assert_array_equal(columns, reference['fb_nonzero_cols'])
    np.testing.assert_array_equal(filters[rows, columns], reference['fb_nonzero_vals'])


def test_filters_are_not_slaney_nor_normalised():
    filters = mel.htk_filters(MUSICFM)
    assert filters.dtype == np.float32
    assert filters.max() <= 1.0
    assert (filters.max(axis=0) > 0.4).all()  # No empty filter, none scaled by its width.


def test_window_is_periodic(reference):
    np.testing.assert_allclose(mel.hann(2048), reference['window'], atol=3e-7)
    assert mel.hann(8)[-1] > 0


@pytest.mark.parametrize('case', ['noise', 'short1025', 'len12007'])
def test_broadband(log_mel, reference, case):
    ours = decibels(log_mel, reference[f'wav_{case}'])
    np.testing.assert_allclose(ours, reference[f'db_{case}'], atol=2e-3)


@pytest.mark.parametrize('case', ['tone440', 'tone_then_silence', 'impulse', 'clip_loud'])
def test_bins_above_the_rounding_noise(log_mel, reference, case):
    """Below about -60 dB under the loudest bin, float32 transforms hold noise: not compared."""
    ours = decibels(log_mel, reference[f'wav_{case}'])
    exact = reference.get(f'db64_{case}', reference[f'db_{case}'])  # float64 where there is one.
    heard = exact > exact.max() - 60
    assert heard.any()
    np.testing.assert_allclose(ours[heard], exact[heard], atol=0.02)


def test_silence_is_minus_100_without_a_dynamic_range_limit(log_mel, reference):
    np.testing.assert_array_equal(decibels(log_mel, reference['wav_silence']), -100.0)
    loud_then_silent = decibels(log_mel, reference['wav_tone_then_silence'])
    assert np.ptp(loud_then_silent) > 80  # librosa's top_db would stop there.


def test_last_frame_is_dropped(log_mel):
    shapes = {n: jax.eval_shape(log_mel, jnp.zeros((1, n))).shape for n in (2399, 2400, 2640)}
    assert shapes == {2399: (1, 9, 128), 2400: (1, 10, 128), 2640: (1, 11, 128)}
