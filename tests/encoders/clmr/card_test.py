import pytest

from jaxprobe import plan
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base, options
from jaxprobe.encoders.clmr.card import CLMR, FRAME, WIDTHS, configure
from jaxprobe.tasks import registry

PRESETS = {preset.name: preset for preset in CLMR.presets}


def under(**values):
    complete = options.complete('clmr', CLMR.options, values)
    return base.configured(CLMR, complete)


def test_a_window_is_three_to_the_tenth():
    assert CLMR.window_samples == 59049
    assert CLMR.window_seconds == pytest.approx(2.678, abs=1e-3)
    assert [layer.width for layer in CLMR.layers] == list(WIDTHS)
    assert [layer.name for layer in CLMR.layers if not layer.frames] == ['conv9', 'conv10']


def test_the_default_option_changes_nothing():
    assert configure(CLMR, {'frame_length': FRAME}) == CLMR


def test_frame_length_is_the_window():
    assert under(frame_length=59409).window_samples == 59409
    assert under(frame_length='59409').window_seconds == 59409 / 22050
    with pytest.raises(ConfigError, match='frame_length=59050 must be one of: 59049, 59409'):
        under(frame_length=59050)


@pytest.mark.parametrize(
    ('name', 'samples', 'tail', 'short'),
    [
        ('jukemir', 59409, 'drop', 'refuse'),
        ('marble_v1', 59409, 'drop', 'repeat'),
        ('mir_ref', 59049, 'pad', 'pad'),
    ],
)
def test_presets_cut_as_the_peers_do(name, samples, tail, short):
    preset = options.preset('clmr', CLMR.presets, name)
    found = plan.framing(under(**preset.options), registry.build('synth_pitch'), preset=preset)
    assert (found.samples, found.hop) == (samples, samples)
    assert (found.tail, found.short) == (tail, short)
