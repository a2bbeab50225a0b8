"""What is played in a synthetic clip: its facts written out as notes and strokes.

Conventions
-----------
Times are seconds from the beginning of the clip, pitches MIDI numbers. Notes may ring past the
end, where they are cut.
"""

from typing import NamedTuple

import numpy as np

from jaxprobe.core import rng
from jaxprobe.tasks.synth_facts import NoteClip, PhraseClip, Session
from jaxprobe.tasks.synth_sound import HARMONICS, Voice
from jaxprobe.tasks.synth_words import INSTRUMENTS, SECONDS

_SCALES = {'major': (0, 2, 4, 5, 7, 9, 11), 'minor': (0, 2, 3, 5, 7, 8, 10)}
# Degrees of the scale, 0 the tonic; every progression ends at home.
_PROGRESSIONS = {
    'major': ((0, 3, 4, 0), (0, 5, 3, 4, 0), (0, 4, 0), (3, 4, 0), (0, 1, 4, 0)),
    'minor': ((0, 3, 6, 0), (0, 5, 6, 0), (0, 3, 4, 0), (0, 6, 0), (5, 6, 0)),
}
Progression = tuple[int, ...]


class Note(NamedTuple):
    """One event: seconds, seconds, MIDI pitch, velocity, and who plays."""

    start: float
    seconds: float
    midi: int
    velocity: float
    voice: Voice


def voice(session: Session, instrument: str, part: str, **changes: float) -> Voice:
    """Hires the session's player of an instrument; `changes` are fields of `Voice`.

    A player's colour, attack and tuning are drawn once a session, so that two sessions never
    sound quite alike.
    """
    random = rng.random_state(session.seed, instrument, part)
    colour = np.exp(0.25 * random.randn(HARMONICS))
    drawn = {
        'attack': float(np.exp(0.35 * random.randn())),
        'cents': session.cents + 6 * float(random.randn()),
        'tilt': session.tilt,
    }
    drawn['tilt'] += changes.pop('tilt', 0.0)
    return Voice(instrument, colour, **(drawn | changes))


def note_events(clip: NoteClip) -> list[Note]:
    """Writes out a clip of `notes`: even strokes after a short rest, over a softer drone."""
    random = rng.random_state(clip.seed)
    player = voice(clip.session, INSTRUMENTS[clip.instrument], 'solo')
    midi = 48 + 12 * clip.octave + clip.pitch_class
    rest = random.uniform(0, 0.25)
    step = (SECONDS - 0.2 - rest) / clip.strokes
    held = step * random.uniform(0.5, 0.95)
    strokes = [
        Note(rest + k * step, held, midi, clip.velocity * random.uniform(0.8, 1.0), player)
        for k in range(clip.strokes)
    ]
    others = voice(clip.session, 'drone', 'drone')
    low = 45 + int(random.randint(12))
    drone = clip.velocity * random.uniform(0.1, 0.5)
    return strokes + [
        Note(0.0, SECONDS, pitch, drone, others)
        for pitch in (low, low + int(random.randint(3, 13)))
    ]


def phrase_events(clip: PhraseClip) -> list[Note]:
    """Writes out the pitched notes of a clip of `phrases`."""
    return [event for events in phrase_parts(clip).values() for event in events]


def phrase_parts(clip: PhraseClip) -> dict[str, list[Note]]:
    """The pitched notes by part: 'lead', and 'chords' and 'bass' where the phrase has them."""
    random = rng.random_state(clip.seed)
    progressions = _PROGRESSIONS[clip.mode]
    progression = progressions[int(random.randint(len(progressions)))]
    parts = {'lead': _melody(clip, progression, random)}
    if 'chords' in clip.tags:
        parts['chords'] = _chords(clip, progression)
    if 'bass' in clip.tags:
        parts['bass'] = _bass(clip, progression, random)
    return parts


def drum_events(clip: PhraseClip) -> list[tuple[str, float, float]]:
    """Writes out the percussion of a clip of `phrases`: (drum, start in seconds, gain)."""
    if 'percussion' not in clip.tags:
        return []
    beat = 60 / clip.bpm
    hits = []
    for k in range(int(SECONDS / beat * 2) + 1):
        hits.append(('hat', k * beat / 2, 0.7 if k % 2 else 1.0))
        if k % 4 == 0:
            hits.append(('kick', k * beat / 2, 1.0))
        elif k % 4 == 2:
            hits.append(('snare', k * beat / 2, 0.8))
    return hits


def _pitch(clip: PhraseClip, degree: int) -> int:
    """Semitones above the tonic of a scale degree, which may exceed an octave either way."""
    octave, step = divmod(degree, 7)
    return 12 * octave + _SCALES[clip.mode][step]


def _root(progression: Progression, time: float) -> int:
    """Degree of the chord at a time; chords share the clip evenly."""
    return progression[min(int(time / SECONDS * len(progression)), len(progression) - 1)]


def _melody(
    clip: PhraseClip, progression: Progression, random: np.random.RandomState
) -> list[Note]:
    """A walk on the scale in quarters and eighths; beats fall on notes of the chord."""
    beat = 60 / clip.bpm
    lead = _part(clip, clip.lead, 'lead', vibrato=3.0 if 'vibrato' in clip.tags else 0.3)
    held = 0.35 if 'staccato' in clip.tags else 0.95
    low = 60 if 'high' not in clip.tags else 72
    low += (clip.tonic + 6) % 12 - 6
    time, degree, events = 0.0, 0, []
    while time < SECONDS - 0.1:
        root = _root(progression, time)
        degree += int(random.randint(-2, 3))
        degree = min(
            (root + 7 * octave + third for octave in (-1, 0, 1) for third in (0, 2, 4)),
            key=lambda d: (abs(d - degree), d),
        )
        degree = max(-3, min(degree, 9))
        parts = 2 if random.rand() < 0.45 else 1
        for k in range(parts):
            step = degree if k == 0 else degree + (1 if random.rand() < 0.5 else -1)
            velocity = random.uniform(0.75, 1.0)
            length = beat / parts
            events.append(Note(time, held * length, low + _pitch(clip, step), velocity, lead))
            time += length
    return events


def _chords(clip: PhraseClip, progression: Progression) -> list[Note]:
    """Triads in the middle register, held or broken into eighths."""
    beat = 60 / clip.bpm
    player = _part(clip, clip.chordal, 'chords')
    held = 0.5 if 'staccato' in clip.tags else 0.97
    span = SECONDS / len(progression)
    events = []
    for k, root in enumerate(progression):
        pitches = [48 + clip.tonic + _pitch(clip, root + third) for third in (0, 2, 4)]
        pitches = [p - 12 if p > 64 else p for p in pitches]
        if 'arpeggio' not in clip.tags:
            events += [Note(k * span, held * span, p, 0.45, player) for p in pitches]
            continue
        steps = max(int(span / (beat / 2)), 2)
        for step in range(steps):
            start = k * span + step * span / steps
            events.append(Note(start, held * span / steps, pitches[step % 3], 0.6, player))
    return events


def _bass(clip: PhraseClip, progression: Progression, random: np.random.RandomState) -> list[Note]:
    """Roots, on every beat, played softly or not."""
    velocity = random.uniform(0.15, 0.7)
    beat = 60 / clip.bpm
    player = _part(clip, 'pluck', 'bass')
    events = []
    for k in range(int(SECONDS / beat) + 1):
        root = _root(progression, k * beat)
        midi = 33 + (clip.tonic + 3 + _pitch(clip, root)) % 12
        events.append(Note(k * beat, 0.8 * beat, midi, velocity, player))
    return events


def _part(clip: PhraseClip, instrument: str, part: str, **changes: float) -> Voice:
    tilt = (2.5 if 'bright' in clip.tags else -1.0) + 0.7 * clip.level
    return voice(clip.session, instrument, part, tilt=tilt, **changes)
