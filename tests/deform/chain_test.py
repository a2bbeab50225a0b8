import numpy as np
import pytest

from jaxprobe.core import rng
from jaxprobe.core.errors import ConfigError
from jaxprobe.deform import chain, gain, registry
from tests.deform import against_audiomentations as other


def heard(name, clip='a', root=0, wave=None):
    wave = other.wave() if wave is None else wave
    return chain.one(name).apply(wave, other.RATE, root=root, clip=clip)


def test_names_are_read_and_written_one_way():
    names = ['noise:15', 'gain:-12', 'reverb:1:wet=0.3', 'lowpass:4000>noise:15']
    text = ' noise:15.0, gain:-12 ,noise:15,reverb:1:wet=0.30,lowpass:4000 > noise:15'
    assert [one.name for one in chain.parse(text)] == names
    files = ['noise-15', 'gain--12', 'reverb-1-wet=0.3', 'lowpass-4000+noise-15']
    assert [chain.one(name).file_name for name in names] == files
    assert chain.one('reverb:1:wet=0.5').name == 'reverb:1'
    assert chain.one('reverb:1:wet=0.3').steps[0].family == 'reverb:wet=0.3'
    assert chain.one('noise:-0').name == 'noise:0'
    assert chain.one('lowpass:4000>noise:15').title == 'Low-pass 4000 Hz, then White noise 15 dB'
    assert chain.parse('') == ()


def test_a_name_alone_stands_for_its_severities_and_a_set_for_its_names():
    assert [c.name for c in chain.parse('mp3')] == ['mp3:128', 'mp3:64', 'mp3:32', 'mp3:16']
    assert tuple(c.name for c in chain.parse('mir_ref')) == registry.MIR_REF
    whole = chain.parse('all')
    assert {c.steps[0].known_as for c in whole} == set(registry.OWN)
    assert len({c.file_name for c in whole}) == len(whole)


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('noize:15', "'noize' is unknown. Did you mean 'noise'"),
        ('lowpass:4000>noise', "'noise' has no severity where it needs one"),
        ('noise:loud', "module 'noise' cannot be imported|'loud' is not a number"),
        ('noise:1e9', 'signal-to-noise ratio of 1e.09 dB is not between -60 and 120'),
        ('reverb:1:dry=1', "no option 'dry'. Known: wet"),
        ('reverb:1:wet=much', "'much' is not a number"),
        ('stretch:nan', "'nan' is not a number"),
        ('no_such_module:CARD:1', "module 'no_such_module' cannot be imported"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(text, says):
    with pytest.raises(ConfigError, match=says):
        chain.parse(text)


def test_a_chain_is_its_steps_one_after_another():
    steps = ['lowpass:4000', 'noise:15', 'gain:-12', 'clip:20']
    wave = other.wave()
    for step in steps:
        wave = heard(step, wave=wave)
    np.testing.assert_array_equal(heard('>'.join(steps)), wave)
    assert not np.array_equal(heard('>'.join(steps[::-1])), wave)


def test_a_step_that_comes_twice_draws_twice():
    wave = other.wave()
    first = heard('noise:40') - wave
    second = heard('noise:40>noise:40') - wave - first
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_draws_follow_seed_and_clip_and_no_order():
    before = np.random.RandomState(0).get_state()[1].copy()
    alone = heard('noise:10', 'b')
    heard('noise:10', 'a')
    np.testing.assert_array_equal(heard('noise:10', 'b'), alone)
    assert not np.array_equal(heard('noise:10', 'a'), alone)
    assert not np.array_equal(heard('noise:10', 'b', root=1), alone)
    np.testing.assert_array_equal(np.random.RandomState(0).get_state()[1], before)
    wave, drawn = other.wave(), rng.random_state(0, 'deform', 'noise', 0, 'b')
    drawn = drawn.standard_normal(len(wave))
    assert np.corrcoef(alone - wave, drawn)[0, 1] > 0.9999


def test_what_counts_for_a_store():
    assert chain.one('noise:15').random
    assert not chain.one('mp3:32>gain:-12').random
    assert chain.one('mp3:32>gain:-12').version == '1>1'


def test_a_card_of_the_user_s_own_has_its_path_for_a_name():
    own = chain.one('jaxprobe.deform.gain:CARD:-12')
    assert own.steps[0].card is gain.CARD
    assert own.name == 'jaxprobe.deform.gain:CARD:-12'
    assert own.file_name == 'jaxprobe.deform.gain-CARD--12'
    assert own.steps[0].family == 'jaxprobe.deform.gain:CARD'


def test_the_input_is_left_alone():
    wave = other.wave()
    kept = wave.copy()
    for name in ('noise:0', 'clip:40', 'gain:-12', 'lowpass:30000'):
        out = heard(name, wave=wave)
        out += 1
    np.testing.assert_array_equal(wave, kept)
