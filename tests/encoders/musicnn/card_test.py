import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.musicnn import card

NAMES = ['musicnn_msd', 'musicnn_mtt', 'musicnn_msd_big', 'vgg_msd', 'vgg_mtt']


@pytest.mark.parametrize('name', NAMES)
def test_cards_are_registered_under_their_names(name):
    assert base.card(name).name == name


@pytest.mark.parametrize('name', NAMES)
def test_a_window_is_187_frames(name):
    found = base.card(name)
    assert found.window_samples == 187 * 256
    assert found.window_samples / found.sample_rate == found.window_seconds
    assert found.lead_samples == 256  # Half of the first frame.
    assert found.input_samples == 48128
    assert found.port_version == 2
    assert found.fixed_window
    assert found.short == 'repeat'  # Training repeated short clips.


def test_the_wheel_is_pinned():
    assert len(card.WHEEL.sha256) == 64
    assert card.WHEEL.source in card.WHEEL.how


def test_the_big_model_says_that_no_package_holds_it():
    weights = card.MUSICNN_MSD_BIG.weights
    assert weights.kind == 'file'
    assert '--config.encoder.weights=FOLDER' in weights.how
