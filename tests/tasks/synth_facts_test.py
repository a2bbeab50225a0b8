import numpy as np
import pytest

from jaxprobe.tasks import synth_facts
from jaxprobe.tasks.synth_words import INSTRUMENTS, TAGS

DRAWS = [synth_facts.note_clip, synth_facts.phrase_clip]
PHRASES = [synth_facts.phrase_clip(0, 'train', k) for k in range(1500)]


@pytest.mark.parametrize('draw', DRAWS)
def test_a_clip_depends_on_its_own_name_only(draw):
    first = draw(0, 'train', 17)
    draw(0, 'train', 3)
    assert draw(0, 'train', 17) == first
    assert draw(1, 'train', 17) != first
    assert draw(0, 'test', 17) != first


def test_sessions_hold_five_clips_and_no_two_splits():
    names = [synth_facts.session(0, 'notes', 'train', k).name for k in range(10)]
    assert names == ['train-0000'] * 5 + ['train-0001'] * 5
    assert synth_facts.session(0, 'notes', 'test', 0).name == 'test-0000'
    train, test = (synth_facts.session(0, 'notes', s, 0) for s in ('train', 'test'))
    assert train.room != test.room
    assert train == synth_facts.session(0, 'notes', 'train', 4)


def test_notes_are_even_and_independent():
    clips = [synth_facts.note_clip(0, 'train', k) for k in range(1500)]
    pitches = np.bincount([c.pitch_class for c in clips], minlength=12)
    players = np.bincount([c.instrument for c in clips], minlength=len(INSTRUMENTS))
    assert pitches.min() > 80
    assert players.min() > 130
    by_pitch = np.corrcoef([c.pitch_class for c in clips], [c.instrument for c in clips])
    assert abs(by_pitch[0, 1]) < 0.1
    assert {c.octave for c in clips} == {0, 1, 2}
    assert {c.strokes for c in clips} == {1, 2, 3}


def test_tags_are_uneven_and_correlated_but_none_is_rare():
    holds = np.array([[tag in clip.tags for tag in TAGS] for clip in PHRASES], float)
    shares = dict(zip(TAGS, holds.mean(0), strict=True))
    assert min(shares.values()) > 0.08
    assert max(shares.values()) > 0.6
    together = np.corrcoef(holds.T)
    at = TAGS.index
    assert together[at('fast'), at('percussion')] > 0.2
    assert together[at('fast'), at('slow')] < -0.1
    assert not any({'fast', 'slow'} <= clip.tags for clip in PHRASES)
    assert all('chords' in clip.tags for clip in PHRASES if 'arpeggio' in clip.tags)


def test_keys_are_even_and_modes_nearly():
    keys = np.bincount([c.tonic for c in PHRASES], minlength=12)
    assert keys.min() > 80
    assert 0.3 < np.mean([c.mode == 'minor' for c in PHRASES]) < 0.5


def test_moods_follow_the_music_with_some_noise():
    arousal = np.array([c.arousal for c in PHRASES])
    valence = np.array([c.valence for c in PHRASES])
    assert 0.6 < np.corrcoef(arousal, [c.bpm for c in PHRASES])[0, 1] < 0.95
    assert 0.4 < np.corrcoef(valence, ['high' in c.tags for c in PHRASES])[0, 1] < 0.9
    assert np.corrcoef(valence, [c.mode == 'minor' for c in PHRASES])[0, 1] < -0.2
    assert np.abs(arousal).max() < 4.5
    assert np.abs(valence).max() < 4


def test_vibrato_needs_a_tone_that_lasts():
    assert {c.lead for c in PHRASES if 'vibrato' in c.tags} <= {
        'organ', 'flute', 'reed', 'brass', 'string',
    }  # fmt: skip
