import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.mule import frontend

CARD = 'jaxprobe.encoders.mule.card:MULE'


def test_a_window_reaches_to_the_end_of_the_last_frame_of_its_slice():
    card = base.card(CARD)
    assert card.window_samples == frontend.SAMPLES == 56040
    assert card.hop_samples == frontend.STEP * frontend.HOP == 32000
    assert card.window_seconds == 3.5025
    assert card.lead_samples == 0


def test_layers_are_vectors_of_a_window():
    card = base.card(CARD)
    assert len(card.layers) == 18
    assert not any(layer.frames for layer in card.layers)
    assert card.mix == ()


@pytest.mark.parametrize(('preset', 'level'), [('marble_v1', 'mono_x1'), ('mule', 'official')])
def test_presets_name_level_and_tail(preset, level):
    (found,) = [one for one in base.card(CARD).presets if one.name == preset]
    assert found.options == {'level': level}
    assert found.tail == 'overlap'
    assert 'spec/encoders_cnn.md' in found.what


def test_zeros_are_not_the_authors_way_with_tails():
    assert not base.card(CARD).zero_pad
