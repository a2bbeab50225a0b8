import dataclasses

import numpy as np
import pytest

from jaxprobe.tasks import synth_facts, synth_score
from jaxprobe.tasks.synth_words import SECONDS

SCALES = {'major': {0, 2, 4, 5, 7, 9, 11}, 'minor': {0, 2, 3, 5, 7, 8, 10}}
PHRASES = [synth_facts.phrase_clip(0, 'train', k) for k in range(120)]


@pytest.mark.parametrize('clip', PHRASES[::3], ids=lambda c: f'{c.session.name}-{c.seed}')
def test_phrases_stay_in_their_key(clip):
    played = {(note.midi - clip.tonic) % 12 for note in synth_score.phrase_events(clip)}
    assert played <= SCALES[clip.mode]


def test_phrases_dwell_on_the_tonic_chord():
    weight = np.zeros(12)
    for clip in PHRASES:
        for note in synth_score.phrase_events(clip):
            weight[(note.midi - clip.tonic) % 12] += note.seconds * note.velocity
    assert weight.argmax() == 0
    assert weight[7] > np.median(weight)


def test_registers():
    for clip in PHRASES:
        notes = synth_score.phrase_events(clip)
        assert all(24 <= note.midi <= 100 for note in notes)
        lead = np.median([n.midi for n in notes if n.voice.instrument == clip.lead])
        assert np.isfinite(lead)
        has_bass = any(note.midi < 45 for note in notes)
        if 'bass' in clip.tags:
            assert has_bass


def test_tempo_sets_the_number_of_notes():
    counts = {'fast': [], 'slow': []}
    for clip in PHRASES:
        bare = clip._replace(tags=clip.tags - {'chords', 'bass'})
        for tag in counts:
            if tag in clip.tags:
                counts[tag].append(len(synth_score.phrase_events(bare)))
    assert min(counts['fast']) > np.median(counts['slow'])


def test_staccato_notes_are_short():
    clip = PHRASES[0]._replace(tags=frozenset())
    short = clip._replace(tags=frozenset({'staccato'}))
    pairs = zip(synth_score.phrase_events(clip), synth_score.phrase_events(short), strict=True)
    assert all(b.seconds < 0.5 * a.seconds for a, b in pairs)


def test_drums_only_with_the_tag():
    clip = PHRASES[0]
    assert synth_score.drum_events(clip._replace(tags=frozenset())) == []
    hits = synth_score.drum_events(clip._replace(tags=frozenset({'percussion'})))
    assert {name for name, _, _ in hits} == {'kick', 'snare', 'hat'}
    assert hits[0][:2] == ('hat', 0.0)


@pytest.mark.parametrize('index', range(12))
def test_note_clips_play_their_pitch_louder_than_the_drone(index):
    clip = synth_facts.note_clip(0, 'valid', index)
    notes = synth_score.note_events(clip)
    strokes = [n for n in notes if n.voice.instrument != 'drone']
    drone = [n for n in notes if n.voice.instrument == 'drone']
    assert len(strokes) == clip.strokes
    assert {n.midi % 12 for n in strokes} == {clip.pitch_class}
    assert len(drone) == 2
    assert max(n.velocity for n in drone) < min(n.velocity for n in strokes)
    assert all(0 <= n.start < SECONDS for n in notes)


def test_a_player_keeps_the_voice_for_a_session():
    a, b = (synth_facts.session(0, 'notes', 'train', k) for k in (0, 5))
    first, again = (synth_score.voice(a, 'flute', 'solo') for _ in range(2))
    np.testing.assert_array_equal(first.colour, again.colour)
    assert (first.attack, first.cents) == (again.attack, again.cents)
    other = synth_score.voice(b, 'flute', 'solo')
    assert not np.allclose(first.colour, other.colour)
    assert synth_score.voice(a, 'flute', 'solo', vibrato=3.0).vibrato == 3.0
    assert synth_score.voice(a, 'flute', 'solo', tilt=1.0).tilt == pytest.approx(first.tilt + 1)


def test_events_are_plain_numbers():
    assert not dataclasses.is_dataclass(synth_score.Note)
    for note in synth_score.phrase_events(PHRASES[1]):
        assert type(note.midi) is int
        assert note.seconds > 0
        assert 0 < note.velocity <= 1
