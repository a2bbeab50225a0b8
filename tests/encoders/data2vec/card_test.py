import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.data2vec import card
from jaxprobe.encoders.hubert import architecture


@pytest.mark.parametrize('found', card.CARDS, ids=lambda c: c.name)
def test_registered_and_consistent(found):
    assert base.card(found.name) == found
    assert len(found.layers) == 13
    assert {layer.width for layer in found.layers} == {768}
    assert (found.sample_rate, found.frame_rate, found.min_samples) == (16000, 50.0, 400)
    assert (found.normalise, found.zero_pad) == ('zscore', False)
    assert [option.name for option in found.options] == ['normalise']
    cost = architecture.gflop_per_second(found.architecture, 16000, found.window_seconds)
    assert found.gflop_per_second == pytest.approx(cost, abs=0.05)


def test_marbles_data2vec_is_the_fine_tuned_one():
    """Its yaml is called data2vec-audio-base and loads the file that has seen transcripts."""
    assert card.DATA2VEC_AUDIO_BASE_960H.weights.source.endswith('-960h')
    assert {name for name, _ in card.DATA2VEC_AUDIO_BASE_960H.heads} == {
        'lm_head.weight',
        'lm_head.bias',
    }
    assert card.DATA2VEC_AUDIO_BASE.heads == ()


def test_music2vec_has_the_window_of_its_pre_training():
    assert card.MUSIC2VEC.window_samples == 480_000
