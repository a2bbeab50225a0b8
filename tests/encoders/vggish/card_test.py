import numpy as np
import pytest

from jaxprobe import plan
from jaxprobe.audio.window import Windowing, cut
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base, options
from jaxprobe.encoders.vggish.card import VGGISH, configure
from jaxprobe.tasks import registry


def under(**values):
    return base.configured(VGGISH, options.complete('vggish', VGGISH.options, values))


def windowing(card, hop=0):
    return Windowing(
        card.window_samples,
        hop or card.hop_samples,
        lead=card.lead_samples,
        lead_fill=card.lead_fill,
    )


def test_the_default_options_change_nothing():
    assert configure(VGGISH, {'frontend': 'audioset', 'output': 'pre_relu'}) == VGGISH
    assert (VGGISH.window_samples, VGGISH.hop_samples, VGGISH.lead_samples) == (15600, 15360, 0)


def test_three_seconds_are_three_examples():
    """As the authors count them: 298 frames, of which 96 by 96, and a rest."""
    windows, _ = cut(np.zeros(48000, np.float32), windowing(VGGISH))
    assert windows.shape == (3, 15600)


def test_essentias_first_frame_is_centred_on_the_start():
    card = under(frontend='essentia')
    windows, _ = cut(np.arange(1, 40001, dtype=np.float32), windowing(card, 93 * 160))
    assert windows.shape[1] == card.input_samples == 15600
    assert (windows[0, :200] == 0).all()
    assert windows[0, 200] == 1.0
    assert windows[1, 200] == 1 + 93 * 160  # Sample 160 i is the middle of frame i.


def test_mir_refs_windows():
    preset = options.preset('vggish', VGGISH.presets, 'mir_ref')
    card = under(**preset.options)
    found = plan.framing(card, registry.build('synth_pitch'), preset=preset)
    assert (found.hop, found.samples, found.lead) == (14880, 15400, 200)


@pytest.mark.parametrize('wrong', [{'output': 'pca'}, {'frontend': 'librosa'}, {'hop': 1}])
def test_what_it_does_not_have_is_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        under(**wrong)


def test_zeros_in_tails_are_refused():
    preset = options.Preset(name='x', what='', tail='pad')
    with pytest.raises(ConfigError, match='tail=pad cannot be used with vggish'):
        plan.framing(VGGISH, registry.build('synth_pitch'), preset=preset)
