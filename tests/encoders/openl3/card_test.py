import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base

CARD = 'jaxprobe.encoders.openl3.card:OPENL3'


def test_by_default_a_second_is_centred_on_every_tenth():
    card = base.card(CARD)
    assert card.input_samples == 48000
    assert (card.lead_samples, card.lead_fill, card.hop_samples) == (24000, 'zeros', 4800)
    assert card.zero_pad


@pytest.mark.parametrize(('hop', 'samples', 'gflop'), [(0.5, 24000, 40.8), (1, 48000, 20.4)])
def test_the_cost_follows_the_hop(hop, samples, gflop):
    card = base.card(CARD, {'hop': hop})
    assert card.hop_samples == samples
    assert card.gflop_per_second == pytest.approx(gflop)
    assert card.frame_rate == 48000 / samples


def test_a_hop_is_truncated_to_samples_as_in_the_reference():
    assert base.card(CARD, {'hop': 0.29}).hop_samples == 13919  # 13919.999...


def test_uncentred_windows_start_at_the_item():
    card = base.card(CARD, {'center': False})
    assert (card.lead_samples, card.window_samples) == (0, 48000)
    assert card.window_seconds == 1.0


@pytest.mark.parametrize('hop', [0.0, -1.0, 1e-6, 'nan', 'inf', '-inf', 1.001, 5])
def test_a_hop_below_a_sample_or_above_a_window_is_refused(hop):
    with pytest.raises(ConfigError, match=r'at least one sample of 48000 Hz and at most 1\.0'):
        base.card(CARD, {'hop': hop})


def test_the_shortest_hop_is_a_sample():
    assert base.card(CARD, {'hop': 1 / 48000}).hop_samples == 1


def test_an_unknown_front_end_names_the_two():
    with pytest.raises(ConfigError, match='kapre, librosa'):
        base.card(CARD, {'frontend': 'essentia'})


@pytest.mark.parametrize('preset', ['openl3', 'mir_ref'])
def test_presets_name_their_source_and_set_known_options(preset):
    card = base.card(CARD)
    (found,) = [one for one in card.presets if one.name == preset]
    assert 'spec/encoders_cnn.md' in found.what
    assert base.card(CARD, dict(found.options)).input_samples == 48000
