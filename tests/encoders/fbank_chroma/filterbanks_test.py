import librosa
import numpy as np

from jaxprobe.encoders.fbank_chroma import filterbanks


def test_chroma_equals_librosa():
    ours = filterbanks.chroma(4096, 16000).T
    theirs = librosa.filters.chroma(sr=16000, n_fft=4096, tuning=0.0)
    np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_chroma_equals_the_stored_reference(shared):
    with np.load(shared / 'fixtures/baseline/fbank_chroma.npz') as fixture:
        np.testing.assert_allclose(
            filterbanks.chroma(4096, 16000).T, fixture['chroma_fb'], atol=1e-7
        )


def test_chroma_puts_a_note_into_its_class():
    weights = filterbanks.chroma(4096, 16000)
    for midi in range(57, 100):
        bin_ = round(440 * 2 ** ((midi - 69) / 12) * 4096 / 16000)
        exact = 69 + 12 * np.log2(bin_ * 16000 / 4096 / 440)  # The pitch of the bin itself.
        assert weights[bin_].argmax() == round(exact) % 12


def test_kaldi_mel_equals_transformers():
    from transformers.audio_utils import mel_filter_bank

    theirs = mel_filter_bank(
        num_frequency_bins=257,
        num_mel_filters=80,
        min_frequency=20,
        max_frequency=8000,
        sampling_rate=16000,
        norm=None,
        mel_scale='kaldi',
        triangularize_in_mel_space=True,
    )
    np.testing.assert_allclose(filterbanks.kaldi_mel(80, 512, 16000)[:-1], theirs[:-1], atol=1e-9)


def test_kaldi_mel_leaves_the_nyquist_bin_out():
    mel = filterbanks.kaldi_mel(80, 512, 16000)
    assert mel.shape == (257, 80)
    assert (mel[-1] == 0).all()
    assert (mel[0] == 0).all()
    assert (mel.sum(0) > 0).all()
