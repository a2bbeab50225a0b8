import pytest

from jaxprobe.encoders.effnet_discogs import card

CARDS = [card.EFFNET_DISCOGS, card.EFFNET_DISCOGS_STYLE]


@pytest.mark.parametrize('found', CARDS, ids=lambda c: c.name)
def test_a_window_is_a_patch_of_128_frames_every_62(found):
    assert found.window_samples == 128 * 256
    assert found.hop_samples == 62 * 256
    assert found.hop_samples / found.sample_rate == 0.992
    assert found.lead_samples == 256  # Half of the first frame,
    assert found.lead_fill == 'zeros'  # which is centred on a file's first sample.


def test_the_two_models_differ_in_file_and_predictions():
    artist, style = CARDS
    assert artist.layers[-1].width == 512
    assert style.layers[-1].width == 400
    assert artist.layers[:-1] == style.layers[:-1]
    assert artist.weights.filename == 'discogs_artist_embeddings-effnet-bs64-1.pb'
    assert style.weights.filename == 'discogs-effnet-bs64-1.pb'
    assert artist.weights_licence == style.weights_licence == 'CC BY-NC-SA 4.0'
