"""Synthetic beats and structure: music whose time is known, made by our own code from a seed.

`<data_dir>/synth/{grooves,songs}-v<version>-s<seed>/<split>/00000.wav`, 16 bit mono.

`grooves` (12 s): a drum kit, a strummed instrument over a bass, or both, at a steady tempo of 70 to
170 BPM in three or four, beginning anywhere in the bar. `songs` (24 s): sections of one to three
phrases of `synth_facts`, told apart by who plays and how; key, tempo and players are the song's.
Sessions of five clips share players, tuning and noise, and do not cross splits.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int16

from jaxprobe.core import fs, rng
from jaxprobe.core.errors import DataError
from jaxprobe.tasks import (
    synth_corpus,
    synth_facts,
    synth_render,
    synth_score,
    synth_sound,
    synth_words,
)
from jaxprobe.tasks.base import SPLITS, Beats, Item, Segments
from jaxprobe.tasks.synth_words import GROOVE_SECONDS, SECTIONS, SONG_SECONDS

# The tags of a section's phrases.
_SECTION_TAGS = {
    'verse': frozenset({'bass'}),
    'chorus': frozenset({'bass', 'chords', 'percussion', 'bright'}),
    'bridge': frozenset({'chords', 'arpeggio', 'reverb'}),
    'break': frozenset({'percussion', 'staccato', 'high'}),
}
_PARTS = ('kit', 'strum', 'both')
_SHARED = frozenset({'minor'})  # Of a song's own tags, those that all its sections have.
_TRIAD = (0, 4, 7)
_ROOTS = (0, 5, 7, 9)  # Semitones above the tonic; a bar each.


class Groove(NamedTuple):
    """Facts of a groove.

    Attributes:
        meter: beats per bar.
        first: time of the first beat, in seconds.
        place: of the first beat in its bar; 0 is a downbeat.
        parts: 'kit', 'strum' or 'both'.
        tonic: pitch class.
        strummed: instrument.
    """

    session: synth_facts.Session
    bpm: float
    meter: int
    first: float
    place: int
    parts: str
    tonic: int
    strummed: str
    seed: int

    @property
    def beats(self) -> Beats:
        """Where its beats and downbeats are."""
        count = math.ceil((GROOVE_SECONDS - self.first) * self.bpm / 60)
        times = [round(self.first + 60 / self.bpm * k, 6) for k in range(count)]
        down = [t for k, t in enumerate(times) if (k + self.place) % self.meter == 0]
        return Beats(tuple(times), tuple(down))


class Song(NamedTuple):
    """Facts of a song: its sections in order, as (name, phrases)."""

    session: synth_facts.Session
    sections: tuple[tuple[str, tuple[synth_facts.PhraseClip, ...]], ...]

    @property
    def segments(self) -> Segments:
        """Where its sections are."""
        lengths = [len(phrases) * synth_words.SECONDS for _, phrases in self.sections]
        starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]]).round(6).tolist()
        return Segments(
            tuple(starts), tuple(SECTIONS.index(name) for name, _ in self.sections), SONG_SECONDS
        )


def groove(seed: int, split: str, index: int) -> Groove:
    """Draws the facts of a clip of `grooves`."""
    random = rng.random_state(seed, 'synth', 'grooves', split, index)
    bpm = round(70 * (170 / 70) ** random.uniform(0, 1), 3)  # Powers differ in their last bits.
    meter = 3 if random.rand() < 0.3 else 4
    return Groove(
        session=synth_facts.session(seed, 'grooves', split, index),
        bpm=bpm,
        meter=meter,
        first=round(random.uniform(0.02, 60 / bpm), 3),
        place=int(random.randint(meter)),
        parts=_PARTS[int(random.randint(len(_PARTS)))],
        tonic=int(random.randint(12)),
        strummed=('pluck', 'keys', 'organ')[int(random.randint(3))],
        seed=int(random.randint(2**31)),
    )


def song(seed: int, split: str, index: int) -> Song:
    """Draws the facts of a clip of `songs`."""
    random = rng.random_state(seed, 'synth', 'songs', split, index)
    own = synth_facts.phrase_clip(seed, f'songs {split}', index)
    own = own._replace(session=synth_facts.session(seed, 'songs', split, index))
    sections, left, last = [], math.ceil(SONG_SECONDS / synth_words.SECONDS), ''
    while left:
        names = [name for name in SECTIONS if name != last]
        last = names[int(random.randint(len(names)))]
        count = min(left, int(random.randint(1, 4)))
        left -= count
        tags = _SECTION_TAGS[last] | (own.tags & _SHARED)
        phrases = [own._replace(tags=tags, seed=int(random.randint(2**31))) for _ in range(count)]
        sections.append((last, tuple(phrases)))
    return Song(own.session, tuple(sections))


def render_groove(clip: Groove) -> Int16[np.ndarray, 'S']:
    """Plays a groove, with the noise of its session."""
    wave = np.zeros(round(GROOVE_SECONDS * synth_sound.RATE))
    for k, time in enumerate(clip.beats.beats):
        bar, place = divmod(k + clip.place, clip.meter)
        if clip.parts != 'strum':
            _hit(wave, time, place, clip)
        if clip.parts != 'kit':
            _strum(wave, time, bar, place, clip)
    random = rng.random_state(clip.seed, 'noise')
    loudness = np.sqrt(np.mean(wave**2))
    wave += random.randn(len(wave)) * loudness * 10 ** (-clip.session.snr / 20)
    return np.rint(wave / np.abs(wave).max() * 16000).astype(np.int16)


def render_song(clip: Song) -> Int16[np.ndarray, 'S']:
    """Plays the phrases of a song one after the other."""
    phrases = [phrase for _, own in clip.sections for phrase in own]
    whole = np.concatenate([synth_render.phrase_clip(phrase) for phrase in phrases])
    return whole[: round(SONG_SECONDS * synth_sound.RATE)]


def _hit(wave: Float[np.ndarray, 'S'], time: float, place: int, clip: Groove) -> None:
    """Kick on the first beat, and the third of four; snare on the others; hats in eighths."""
    strong = place == 0 or (clip.meter, place) == (4, 2)
    synth_sound.add(wave, synth_sound.drum('kick' if strong else 'snare'), time, 0.9)
    for eighth in (0.0, 30 / clip.bpm):
        synth_sound.add(wave, synth_sound.drum('hat'), time + eighth, 0.5)


def _strum(wave: Float[np.ndarray, 'S'], time: float, bar: int, place: int, clip: Groove) -> None:
    """A bass note on the downbeat, where the harmony changes; chords on the other beats."""
    root = clip.tonic + _ROOTS[bar % len(_ROOTS)]
    if place == 0:
        player = synth_score.voice(clip.session, 'pluck', 'bass')
        synth_sound.add(wave, synth_sound.note(player, 33 + root % 12, 55 / clip.bpm, 1.0), time)
        return
    player = synth_score.voice(clip.session, clip.strummed, 'chords')
    for third in _TRIAD:
        sound = synth_sound.note(player, 55 + (root + third) % 12, 25 / clip.bpm, 0.6)
        synth_sound.add(wave, sound, time, 0.4)


class _Collection(NamedTuple):
    """How clips are drawn and played, and what is asked of them."""

    seconds: float
    draw: Callable[[int, str, int], Groove | Song]
    render: Callable[..., Int16[np.ndarray, 'S']]
    target: Callable[..., Beats | Segments]


_COLLECTIONS = {
    'grooves': _Collection(GROOVE_SECONDS, groove, render_groove, lambda clip: clip.beats),
    'songs': _Collection(SONG_SECONDS, song, render_song, lambda clip: clip.segments),
}


def _all(collection: str, counts: tuple[int, ...], seed: int) -> list[tuple[str, str, int]]:
    """File below the data directory, split and index of every clip."""
    home = synth_words.folder(collection, seed)
    return [
        (f'{home}/{split}/{i:05d}.wav', split, i)
        for split, count in zip(SPLITS, counts, strict=True)
        for i in range(count)
    ]


def make(collection: str, data_dir: Path, counts: tuple[int, ...], seed: int) -> int:
    """Writes the clips that are not there whole; returns how many."""
    own, written = _COLLECTIONS[collection], 0
    silence = np.zeros(round(own.seconds * synth_sound.RATE), np.int16)
    whole = len(synth_corpus.wav_bytes(silence))
    for folder in {(data_dir / name).parent for name, *_ in _all(collection, counts, seed)}:
        fs.sweep(folder)
    for name, split, index in _all(collection, counts, seed):
        path = data_dir / name
        if path.is_file() and path.stat().st_size == whole:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        data = synth_corpus.wav_bytes(own.render(own.draw(seed, split, index)))
        fs.write_bytes(path, data, durable=False)
        written += 1
    return written


def items_of(
    task: str, collection: str, data_dir: Path, counts: tuple[int, ...], seed: int
) -> list[Item]:
    """Lists the clips with their times.

    Raises:
        DataError: one has not been made.
    """
    own, listed = _COLLECTIONS[collection], []
    for name, split, index in _all(collection, counts, seed):
        if not (data_dir / name).is_file():
            raise DataError(
                f'{task}: {data_dir / name} is not there. Make the clips with `jaxprobe prepare '
                f'{task} --data_dir={data_dir}`.'
            )
        clip = own.draw(seed, split, index)
        listed.append(
            Item(
                id=f'{split}-{index:05d}',
                path=data_dir / name,
                split=split,
                target=own.target(clip),
                group=clip.session.name,
            )
        )
    return listed
