import pytest

from jaxprobe import plan
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.jukebox import architecture, card
from jaxprobe.encoders.options import preset
from jaxprobe.tasks import registry


def test_a_window_is_8192_tokens():
    found = base.card('jukebox_5b')
    assert found.window_samples == 1048576
    assert [layer.name for layer in found.layers][:2] == ['input', 'layer1']
    assert len(found.layers) == 37
    assert found.layers[36].name == 'layer36'  # What jukemir takes.
    assert found.mix == tuple(range(1, 37))
    assert found.normalise == 'peak'
    assert not any(layer.frames for layer in found.layers)


def test_cost_is_that_of_the_sizes():
    found = base.card('jukebox_5b')
    a = architecture.resolve('')
    cost = architecture.gflop_per_second(a, found.sample_rate)
    assert found.gflop_per_second == pytest.approx(cost, rel=0.01)
    assert cost == pytest.approx(1715, rel=0.01)  # spec/encoders_cnn.md, closed form.
    assert (a.prior_width, a.prior_depth) == (card.WIDTH, card.DEPTH)
    assert (a.n_ctx, a.block) == (card.TOKENS, card.BLOCK)
    assert 2 ** sum(architecture.DOWNS) == card.HOP


def test_blocks_are_frames():
    found = base.card('jukebox_5b', {'pool': 'block'})
    assert all(layer.frames for layer in found.layers)
    assert found.frame_rate * found.window_seconds == 128
    assert found.frame_rate == pytest.approx(5.383, abs=1e-3)


def test_fewer_tokens_are_shorter_windows():
    assert base.card('jukebox_5b', {'tokens': '1024'}).window_samples == 131072
    assert base.card('jukebox_5b', {'tokens': 2048, 'pool': 'block'}).frame_rate > 5


def test_preset_jukemir_is_25_seconds_once_per_item():
    named = base.card('jukebox_5b')
    found = preset('jukebox_5b', named.presets, 'jukemir')
    under = base.card('jukebox_5b', found.options)
    assert under.window_samples == 25 * 44100
    framing = plan.framing(under, registry.build('synth_instrument'), preset=found)
    assert framing.samples == 1102500
    assert framing.hop > 3600 * 44100  # No second window in any song.
    assert (framing.tail, framing.short) == ('drop', 'refuse')


def test_preset_marble_v1_takes_the_first_part_of_every_30_seconds():
    named = base.card('jukebox_5b')
    found = preset('jukebox_5b', named.presets, 'marble_v1')
    framing = plan.framing(named, registry.build('synth_instrument'), preset=found)
    assert (framing.samples, framing.hop) == (1048576, 30 * 44100)


def test_jukemirs_context_needs_all_tokens():
    with pytest.raises(ConfigError, match='context=window'):
        base.card('jukebox_5b', {'context': 'clip', 'tokens': 1024})


def test_zeros_are_refused():
    """A mean over all tokens would mix the silence of a tail into the music."""
    with pytest.raises(ConfigError, match='cannot be used with jukebox_5b'):
        plan.framing(
            base.card('jukebox_5b'),
            registry.build('synth_instrument'),
            preset=plan.Preset(name='x', what='', tail='pad'),
        )


def test_licences_forbid_commerce():
    found = base.card('jukebox_5b')
    assert 'Noncommercial' in found.code_licence
    assert 'no commercial use' in found.weights_licence
