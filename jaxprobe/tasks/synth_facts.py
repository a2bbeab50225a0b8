"""What each synthetic clip is: the facts that its labels and its notes come from.

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
from jaxprobe.tasks.synth_words import INSTRUMENTS, TAGS

SESSION_CLIPS = 5

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
