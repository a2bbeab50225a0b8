import numpy as np

from jaxprobe.audio.window import Windowing, cut
from jaxprobe.encoders import base
from jaxprobe.encoders.neuralfp import card

NAME = 'jaxprobe.encoders.neuralfp.card:NEURALFP'


def test_segments_of_a_second_every_half():
    found = base.card(NAME)
    assert (found.window_samples, found.hop_samples, found.lead_samples) == (8000, 4000, 0)
    assert found.fixed_window


def test_the_card_says_that_no_weights_are_published():
    assert 'publish no weights' in card.NEURALFP.weights.how
    assert 'no weights' in card.NEURALFP.weights_licence


def segments_of(wave, name):
    """Cuts as a run with this preset would, leads included."""
    (preset,) = [p for p in card.NEURALFP.presets if p.name == name]
    found = base.card(NAME, preset.options)
    windowing = Windowing(
        found.window_samples,
        found.hop_samples,
        preset.tail,
        short=preset.short,
        lead=found.lead_samples,
        lead_fill=found.lead_fill,
    )
    return cut(wave, windowing)[0]


def test_mir_ref_cuts_what_mir_ref_feeds():
    """Zeros in front, zeros up to a multiple of 4000 behind, segments of 8000 every 4000."""
    for samples in (2500, 4000, 8000, 10000, 24000, 31999):
        wave = np.random.RandomState(samples).uniform(-1, 1, samples).astype(np.float32)
        padded = np.pad(wave, (4000, -samples % 4000))
        starts = range(0, len(padded) - 8000 + 1, 4000)
        theirs = np.stack([padded[s : s + 8000] for s in starts])
        np.testing.assert_array_equal(segments_of(wave, 'mir_ref'), theirs)
