"""What is played in each synthetic clip: the facts the labels come from, and the notes.

Two collections. `notes`: one pitch, one instrument, struck one to three times. `phrases`: a few
beats of music in one key, with melody and, by chance, chords, bass and percussion.

Conventions
-----------
Clip `index` of a split depends on (seed, collection, split, index) alone, so a short list of
clips begins a long one. Five clips in a row share a session: the players, their tuning, the room
and the noise of the recording. Sessions belong to one split, so what a probe learns about a
player in training does not help it in the test.
"""

from typing import NamedTuple

import numpy as np

from jaxprobe.core import rng
from jaxprobe.tasks.synth_sound import HARMONICS, Voice
from jaxprobe.tasks.synth_words import INSTRUMENTS, SECONDS, TAGS

SESSION_CLIPS = 5

_SCALES = {'major': (0, 2, 4, 5, 7, 9, 11), 'minor': (0, 2, 3, 5, 7, 8, 10)}
# Degrees of the scale, 0 the tonic; every progression ends at home.
_PROGRESSIONS = {
    'major': ((0, 3, 4, 0), (0, 5, 3, 4, 0), (0, 4, 0), (3, 4, 0), (0, 1, 4, 0)),
    'minor': ((0, 3, 6, 0), (0, 5, 6, 0), (0, 3, 4, 0), (0, 6, 0), (5, 6, 0)),
}
_SUSTAINED = ('organ', 'flute', 'reed', 'brass', 'string')
_CHORDAL = ('organ', 'string', 'pluck', 'keys')


class Session(NamedTuple):
    """What the clips of one recording session share, and no label speaks of.

    Attributes:
        name: the group of its clips.
        cents: tuning of the room, against A at 440 Hz.
        tilt: dB per octave of the microphone.
        room: seconds of reverberation (to -60 dB).
        wet: level of the reverberation against the direct sound.
        snr: signal to noise ratio in dB.
        seed: of its players' tone colours.
    """

    name: str
    cents: float
    tilt: float
    room: float
    wet: float
    snr: float
    seed: int


class NoteClip(NamedTuple):
    """Facts of a clip of `notes`; `velocity` is in (0, 1], `strokes` a count."""

    session: Session
    pitch_class: int
    octave: int
    instrument: int
    velocity: float
    strokes: int
    seed: int


class PhraseClip(NamedTuple):
    """Facts of a clip of `phrases`.

    Attributes:
        tonic: pitch class of the key.
        bpm: beats per minute.
        level: dynamics in about [-2, 2]; sets loudness and with it brightness.
        tags: those of `TAGS` that hold.
        lead: instrument of the melody.
        chordal: instrument of the chords.
        arousal: about [-2, 2], of tempo, level, brightness and percussion, with some noise.
        valence: about [-2, 2], of mode, register and tempo, with some noise.
    """

    session: Session
    tonic: int
    bpm: float
    level: float
    tags: frozenset[str]
    lead: str
    chordal: str
    arousal: float
    valence: float
    seed: int

    @property
    def mode(self) -> str:
        """'major' or 'minor'."""
        return 'minor' if 'minor' in self.tags else 'major'


class Note(NamedTuple):
    """One event: seconds, seconds, MIDI pitch, velocity, and who plays."""

    start: float
    seconds: float
    midi: float
    velocity: float
    voice: Voice


def session(seed: int, collection: str, split: str, index: int) -> Session:
    """Draws the session that clip `index` of a split belongs to."""
    number = index // SESSION_CLIPS
    random = rng.random_state(seed, 'synth', collection, split, 'session', number)
    return Session(
        name=f'{split}-{number:04d}',
        cents=float(random.uniform(-20, 20)),
        tilt=float(random.uniform(-1.5, 1.0)),
        room=float(random.uniform(0.2, 0.6)),
        wet=float(random.uniform(0, 0.25)),
        snr=float(random.uniform(17, 40)),
        seed=int(random.randint(2**31)),
    )


def note_clip(seed: int, split: str, index: int) -> NoteClip:
    """Draws the facts of a clip of `notes`."""
    random = rng.random_state(seed, 'synth', 'notes', split, index)
    return NoteClip(
        session=session(seed, 'notes', split, index),
        pitch_class=int(random.randint(12)),
        octave=int(random.randint(3)),
        instrument=int(random.randint(len(INSTRUMENTS))),
        velocity=float(random.uniform(0.3, 1.0)),
        strokes=int(random.randint(1, 4)),
        seed=int(random.randint(2**31)),
    )


def phrase_clip(seed: int, split: str, index: int) -> PhraseClip:
    """Draws the facts of a clip of `phrases`."""
    random = rng.random_state(seed, 'synth', 'phrases', split, index)
    energy = random.randn()
    bpm = float(np.clip(108 + 24 * energy + 20 * random.randn(), 55, 190))
    level = float(np.clip(0.6 * energy + 0.7 * random.randn(), -2, 2))
    tags = _draw_tags(random, energy, bpm)
    sustained = 'vibrato' in tags
    tempo = (bpm - 108) / 31
    arousal = 0.55 * tempo + 0.4 * level + 0.5 * (('bright' in tags) + ('percussion' in tags) - 0.7)
    valence = 0.3 * (-1 if 'minor' in tags else 1) + 0.4 * tempo + 0.2 * level
    valence += 0.9 * (('high' in tags) - 0.3)
    return PhraseClip(
        session=session(seed, 'phrases', split, index),
        tonic=int(random.randint(12)),
        bpm=bpm,
        level=level,
        tags=tags,
        lead=_choose(random, _SUSTAINED if sustained else INSTRUMENTS),
        chordal=_choose(random, _CHORDAL),
        arousal=float(arousal + 0.3 * random.randn()),
        valence=float(valence + 0.3 * random.randn()),
        seed=int(random.randint(2**31)),
    )


def _choose(random: np.random.RandomState, names: tuple[str, ...]) -> str:
    return names[int(random.randint(len(names)))]


def _draw_tags(random: np.random.RandomState, energy: float, bpm: float) -> frozenset[str]:
    """Tags hang together through `energy`; how often each holds differs on purpose."""
    luck = dict(zip(TAGS, random.randn(len(TAGS)), strict=True))
    holds = {
        'bass': 0.5 * energy + luck['bass'] > 0.1,
        'bright': 0.5 * energy + luck['bright'] > 0.6,
        'chords': luck['chords'] > -0.4,
        'fast': bpm > 130,
        'high': luck['high'] > 0.6,
        'minor': -0.4 * energy + luck['minor'] > 0.2,
        'noisy': luck['noisy'] > 1.2,
        'percussion': 0.9 * energy + luck['percussion'] > 0.6,
        'reverb': -0.3 * energy + luck['reverb'] > 0.6,
        'slow': bpm < 86,
        'staccato': 0.5 * energy + luck['staccato'] > 0.9,
        'vibrato': -0.3 * energy + luck['vibrato'] > 0.8,
    }
    holds['arpeggio'] = holds['chords'] and luck['arpeggio'] > 0.4
    return frozenset(tag for tag in TAGS if holds[tag])


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
        Note(0, SECONDS, pitch, drone, others) for pitch in (low, low + int(random.randint(3, 13)))
    ]


def phrase_events(clip: PhraseClip) -> list[Note]:
    """Writes out the pitched notes of a clip of `phrases`."""
    random = rng.random_state(clip.seed)
    progressions = _PROGRESSIONS[clip.mode]
    progression = progressions[int(random.randint(len(progressions)))]
    events = _melody(clip, progression, random)
    if 'chords' in clip.tags:
        events += _chords(clip, progression)
    if 'bass' in clip.tags:
        events += _bass(clip, progression, random)
    return events


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


def _melody(clip: PhraseClip, progression: tuple[int, ...], random) -> list[Note]:
    """A walk on the scale in quarters and eighths; beats fall on notes of the chord."""
    beat = 60 / clip.bpm
    lead = _part(clip, clip.lead, 'lead', vibrato=3.0 if 'vibrato' in clip.tags else 0.3)
    held = 0.35 if 'staccato' in clip.tags else 0.95
    low = 60 if 'high' not in clip.tags else 74
    low += (clip.tonic + 6) % 12 - 6
    time, degree, events = 0.0, 0, []
    while time < SECONDS - 0.1:
        root = progression[min(int(time / SECONDS * len(progression)), len(progression) - 1)]
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


def _chords(clip: PhraseClip, progression: tuple[int, ...]) -> list[Note]:
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


def _bass(clip: PhraseClip, progression: tuple[int, ...], random) -> list[Note]:
    """Roots, on every beat, played softly or not."""
    velocity = random.uniform(0.15, 0.7)
    beat = 60 / clip.bpm
    player = _part(clip, 'pluck', 'bass')
    events = []
    for k in range(int(SECONDS / beat) + 1):
        root = progression[min(int(k * beat / SECONDS * len(progression)), len(progression) - 1)]
        midi = 33 + (clip.tonic + 3 + _pitch(clip, root)) % 12
        events.append(Note(k * beat, 0.8 * beat, midi, velocity, player))
    return events


def _part(clip: PhraseClip, instrument: str, part: str, **changes: float) -> Voice:
    tilt = (2.5 if 'bright' in clip.tags else -1.0) + 0.7 * clip.level
    return voice(clip.session, instrument, part, tilt=tilt, **changes)
