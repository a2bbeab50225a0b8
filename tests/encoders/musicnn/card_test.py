import pytest

from jaxprobe import plan
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base, options
from jaxprobe.encoders.musicnn import card
from jaxprobe.tasks import registry

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


@pytest.mark.parametrize('name', NAMES)
def test_options_at_their_defaults_change_nothing(name):
    found = base.ENCODERS.load(name)
    assert base.card(name) == found
    assert found.parity is not None


@pytest.mark.parametrize(('name', 'width'), [('musicnn_msd', 1506), ('musicnn_msd_big', 4194)])
def test_the_pooled_layer_stands_behind_the_others(name, width):
    plain, pooled = base.card(name), base.card(name, {'pooled': 'true'})
    assert pooled.layers[:-1] == plain.layers
    assert (pooled.layers[-1].name, pooled.layers[-1].width) == ('pooled', width)
    assert not pooled.layers[-1].frames


@pytest.mark.parametrize(
    ('name', 'preset', 'hop', 'fill', 'last'),
    [
        ('musicnn_msd', 'mir_ref', 93 * 256, 'zeros', 'logits'),
        ('musicnn_msd_big', 'jukemir', 187 * 256, 'reflect', 'pooled'),
        ('musicnn_msd_big', 'marble_v1', 187 * 256, 'reflect', 'pooled'),
    ],
)
def test_presets_cut_as_the_peers_do(name, preset, hop, fill, last):
    asked = options.preset(name, base.card(name).presets, preset)
    found = base.card(name, asked.options)
    framing = plan.framing(found, registry.build('synth_pitch'), preset=asked)
    assert (framing.samples, framing.hop, framing.tail) == (187 * 256, hop, 'drop')
    assert found.lead_fill == fill
    assert found.layers[-1].name == last


@pytest.mark.parametrize(
    ('name', 'asked', 'seen'),
    [
        ('vgg_msd', {'pooled': True}, "vgg_msd has no option 'pooled'. It has none"),
        ('musicnn_msd', {'penultimate': 'post_relu'}, 'must be one of: graph, pre_relu'),
        ('musicnn_mtt', {'fronted': 'essentia'}, "Did you mean 'frontend'"),
    ],
)
def test_what_they_do_not_have_is_one_error(name, asked, seen):
    with pytest.raises(ConfigError, match=seen):
        base.load(name, weights='random', arch='tiny', options=asked)


def test_a_preset_of_another_model_is_one_error():
    with pytest.raises(ConfigError, match="no preset 'jukemir'"):
        options.preset('musicnn_msd', base.card('musicnn_msd').presets, 'jukemir')
