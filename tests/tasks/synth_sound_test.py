import numpy as np
import pytest

from jaxprobe.tasks import synth_sound
from jaxprobe.tasks.synth_sound import HARMONICS, INSTRUMENTS, RATE, Voice


def player(instrument, **changes):
    return Voice(instrument, np.ones(HARMONICS), **changes)


def spectrum(sound):
    """Magnitudes at whole Hz."""
    return np.abs(np.fft.rfft(sound[:RATE] * np.hanning(min(len(sound), RATE)), RATE))


@pytest.mark.parametrize('instrument', INSTRUMENTS)
@pytest.mark.parametrize('midi', [33, 57, 69, 93])
def test_a_note_has_its_pitch(instrument, midi):
    sound = synth_sound.note(player(instrument), midi, 1.0, 0.8)
    frequency = 440 * 2 ** ((midi - 69) / 12)
    found = spectrum(sound)
    near = slice(int(frequency * 0.97), int(frequency * 1.03) + 2)
    assert found[near].max() > 0.25 * found.max()
    assert np.isfinite(sound).all()
    assert 0.05 < np.abs(sound).max() < 3


@pytest.mark.parametrize('instrument', INSTRUMENTS)
def test_nothing_aliases(instrument):
    sound = synth_sound.note(player(instrument, tilt=4.0), 96, 0.5, 1.0)
    found = spectrum(sound)
    assert found[10200:].max() < 0.02 * found.max()


def test_length_is_time_held_and_release():
    sound = synth_sound.note(player('organ'), 60, 0.5, 1.0)
    assert len(sound) == int(0.5 * RATE) + int(INSTRUMENTS['organ'].release * RATE)
    assert len(synth_sound.note(player('organ'), 60, 100.0, 1.0)) < 4 * RATE
    assert not synth_sound.note(player('organ'), 60, 0.0, 1.0).any()


def test_velocity_is_loudness_and_brightness():
    def centroid(sound):
        found = spectrum(sound)
        return found @ np.arange(len(found)) / found.sum()

    soft, loud = (synth_sound.note(player('brass'), 60, 0.5, v) for v in (0.3, 1.0))
    assert np.std(loud) > 3 * np.std(soft)
    assert centroid(loud) > 1.2 * centroid(soft)


def test_plucked_strings_fade_and_organs_do_not():
    def ratio(instrument):
        sound = synth_sound.note(player(instrument), 60, 1.0, 1.0)
        return np.std(sound[int(0.8 * RATE) : RATE]) / np.std(sound[: int(0.2 * RATE)])

    assert ratio('pluck') < 0.6 < 0.9 < ratio('organ')


def test_vibrato_bends_the_pitch():
    plain = synth_sound.note(player('organ', vibrato=0.0), 81, 1.0, 1.0)
    bent = synth_sound.note(player('organ', vibrato=3.0), 81, 1.0, 1.0)
    side = [880 + k for k in (-7, -6, -5, 5, 6, 7)]
    assert spectrum(bent)[side].sum() > 5 * spectrum(plain)[side].sum()


def test_breath_needs_noise():
    noise = np.random.RandomState(0).randn(4 * RATE)
    plain = synth_sound.note(player('flute'), 72, 0.3, 1.0)
    blown = synth_sound.note(player('flute'), 72, 0.3, 1.0, noise)
    assert plain.shape == blown.shape
    assert 0.01 < np.std(blown - plain) < 0.1


def test_drums_differ():
    hits = {name: synth_sound.drum(name) for name in ('kick', 'snare', 'hat')}
    low = {name: spectrum(hit)[:200].sum() / spectrum(hit).sum() for name, hit in hits.items()}
    assert low['kick'] > 0.5 > 0.3 > low['snare'] > low['hat']


def test_add_cuts_what_hangs_over():
    wave = np.zeros(RATE)
    synth_sound.add(wave, np.ones(RATE), 0.5, 2.0)
    synth_sound.add(wave, np.ones(RATE), 3.0)
    np.testing.assert_array_equal(wave[: RATE // 2], 0)
    np.testing.assert_array_equal(wave[RATE // 2 :], 2)
