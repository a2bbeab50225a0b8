"""Synthetic separation: phrases of four parts, each written as its own file beside their sum.

`<data_dir>/synth/stems-v<version>-s<seed>/<split>/00000/{lead,chords,bass,drums,mixture}.wav`,
16 bit mono. The parts are those of the collection `phrases`, all four in every clip, so that no
stem is silent; players, keys and tempi differ, sessions do not cross splits. The mixture is the
sum of the stems to the last bit.
"""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int16

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import (
    audit,
    defaults,
    musdb18,
    synth_corpus,
    synth_facts,
    synth_score,
    synth_sound,
    synth_words,
)
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Preparation, Stems, Task

LABELS = ('lead', 'chords', 'bass', 'drums')
ITEMS = (120, 30, 30)  # Clips per split.
SAMPLES = int(synth_words.SECONDS * synth_sound.RATE)
_PEAK = 30000  # Of the mixture, in 16 bit.
_GAINS = {'lead': 1.0, 'chords': 0.8, 'bass': 1.6, 'drums': 0.9}


def separation(
    items: tuple[int, ...] = ITEMS,
    seed: int = 0,
    direction: str = 'uni',
    lstm_layers: int = 3,
    rate: int = 24000,
    n_fft: int = 2048,
) -> Task:
    """Lead, chords, bass and drums of a phrase, from their mixture.

    Args:
        items: clips of training, validation and test.
        seed: another one makes another collection.
        direction, lstm_layers, rate, n_fft: as `musdb18` has them.

    Raises:
        ConfigError: counts or a head that cannot be.
    """
    musdb18.check_head('synth_separation', direction, lstm_layers)
    if len(items) != len(SPLITS) or min(items) < 1:
        raise ConfigError(
            f'synth_separation.items={items} must be three counts of at least 1: train, valid, '
            f'test.'
        )

    def listed(data_dir: Path) -> list[Item]:
        return _items(data_dir, items, seed)

    def prepare(data_dir: Path) -> Preparation:
        written = sum(
            _make(data_dir / folder, split, i, seed) for folder, split, i in _all(items, seed)
        )
        note = f'{written} clips written, {sum(items) - written} were there'
        return audit.survey(listed(data_dir), Kind.SEPARATION, LABELS, notes=(note,))

    return Task(
        name='synth_separation',
        kind=Kind.SEPARATION,
        labels=LABELS,
        metrics=defaults.metrics(Kind.SEPARATION, LABELS),
        card=_card(items, seed),
        protocol=defaults.protocol(Kind.SEPARATION, 3.0),
        prepare=prepare,
        items=listed,
        options={
            'items': items,
            'seed': seed,
            'direction': direction,
            'lstm_layers': lstm_layers,
            'rate': rate,
            'n_fft': n_fft,
        },
    )


def stems(clip: synth_facts.PhraseClip) -> Int16[np.ndarray, 'K S']:
    """Renders the parts of a clip, in the order of `LABELS`; their sum fits 16 bit."""
    parts = np.stack([_part(clip, label) * _GAINS[label] for label in LABELS])
    scale = _PEAK / max(np.abs(parts.sum(axis=0)).max(), np.abs(parts).max())
    return np.rint(parts * scale).astype(np.int16)


def clip_of(seed: int, split: str, index: int) -> synth_facts.PhraseClip:
    """Facts of a clip: those of `phrases`, with every part there and none of them doubled."""
    drawn = synth_facts.phrase_clip(seed, split, index)
    tags = (drawn.tags | {'chords', 'bass', 'percussion'}) - {'noisy', 'reverb'}
    return drawn._replace(tags=frozenset(tags))


def _part(clip: synth_facts.PhraseClip, label: str) -> Float[np.ndarray, 'S']:
    wave = np.zeros(SAMPLES)
    if label == 'drums':
        for drum, start, gain in synth_score.drum_events(clip):
            synth_sound.add(wave, synth_sound.drum(drum), start, gain)
        return wave
    for event in synth_score.phrase_parts(clip)[label]:
        sound = synth_sound.note(event.voice, event.midi, event.seconds, event.velocity)
        synth_sound.add(wave, sound, event.start)
    return wave


def _all(counts: tuple[int, ...], seed: int) -> list[tuple[str, str, int]]:
    """Folder below the data directory, split and index of every clip."""
    home = synth_words.folder('stems', seed)
    return [
        (f'{home}/{split}/{i:05d}', split, i)
        for split, count in zip(SPLITS, counts, strict=True)
        for i in range(count)
    ]


def _paths(folder: Path) -> list[Path]:
    return [folder / f'{name}.wav' for name in (*LABELS, musdb18.MIXTURE)]


def _make(folder: Path, split: str, index: int, seed: int) -> bool:
    """Writes a clip unless all of it is there, the mixture last; says whether it did."""
    whole = len(synth_corpus.wav_bytes(np.zeros(SAMPLES, np.int16)))
    if all(path.is_file() and path.stat().st_size == whole for path in _paths(folder)):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    parts = stems(clip_of(seed, split, index))
    waves = [*parts, parts.sum(axis=0, dtype=np.int16)]
    for path, wave in zip(_paths(folder), waves, strict=True):
        temporary = fs.temporary_name(path)
        temporary.write_bytes(synth_corpus.wav_bytes(wave))
        os.replace(temporary, path)
    return True


def _items(data_dir: Path, counts: tuple[int, ...], seed: int) -> list[Item]:
    listed = []
    for name, split, index in _all(counts, seed):
        *own, mixture = _paths(data_dir / name)
        if not mixture.is_file():
            raise DataError(
                f'synth_separation: {mixture} is not there. Make the clips with `jaxprobe prepare '
                f'synth_separation --data_dir={data_dir}`.'
            )
        session = synth_facts.session(seed, 'phrases', split, index)
        listed.append(
            Item(f'{split}-{index:05d}', mixture, split, Stems(tuple(own)), group=session.name)
        )
    return listed


def _card(counts: tuple[int, ...], seed: int) -> DatasetCard:
    return DatasetCard(
        name='synth_stems',
        title='Synthetic stems: lead, chords, bass and drums of phrases',
        homepage='jaxprobe/tasks/synth_stems.py',
        licence='made by jaxprobe (Apache-2.0); no third-party material',
        citation='none: generated by jaxprobe',
        how_to_get=f'nothing to download: prepare makes {sum(counts)} clips of 3.1 s from a seed',
        folder=synth_words.folder('stems', seed),
        split_source=(
            f'drawn by rule, version {synth_words.VERSION}, seed {seed}; sessions of five clips '
            f'do not cross splits'
        ),
        items=dict(zip(SPLITS, counts, strict=True)),
        hours=sum(counts) * synth_words.SECONDS / 3600,
    )
