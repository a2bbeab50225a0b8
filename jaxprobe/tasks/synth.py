"""Synthetic tasks: every clip-level kind, and frames, made by our own code from a seed.

They need no download and no licence, are the same on every machine, and are musical enough that
layers differ: pitch, timbre, harmony, tempo, texture and mood, in varying rooms and noise. They
show that the machinery works and how layers differ; they do not stand for real music.

`synth_pitch` and `synth_instrument` share the collection `notes`; `synth_key`, `synth_tags` and
`synth_emotion` share `phrases`, so that an encoder reads each collection once. Grooves and songs,
whose time is known, are `tasks/synth_rhythm.py`'s.
"""

import dataclasses
from pathlib import Path

from jaxprobe.core.errors import ConfigError
from jaxprobe.tasks import defaults, key_names, synth_words
from jaxprobe.tasks.base import (
    SPLITS,
    DatasetCard,
    Item,
    Kind,
    Preparation,
    Protocol,
    Task,
)

ITEMS = (600, 200, 200)  # Clips per split.
RHYTHM_ITEMS = (120, 30, 30)  # Of the longer clips of `synth_beats` and `synth_structure`.
_WINDOW_SECONDS = 3.0


def pitch(items: tuple[int, ...] = ITEMS, seed: int = 0) -> Task:
    """Pitch class of a note in three octaves, by eight instruments, over a softer drone."""
    labels = synth_words.PITCH_CLASSES
    return _task('synth_pitch', 'notes', Kind.MULTICLASS, labels, items, seed)


def instrument(items: tuple[int, ...] = ITEMS, seed: int = 0) -> Task:
    """Which of eight instruments plays the note; players differ from session to session."""
    labels = synth_words.INSTRUMENTS
    return _task('synth_instrument', 'notes', Kind.MULTICLASS, labels, items, seed)


def key(items: tuple[int, ...] = ITEMS, seed: int = 0) -> Task:
    """Key of a phrase: 24 of them, by chords, bass and melody where the phrase has them."""
    labels = key_names.LABELS
    return _task('synth_key', 'phrases', Kind.KEY, labels, items, seed)


def tags(items: tuple[int, ...] = ITEMS, seed: int = 0) -> Task:
    """Thirteen tags of a phrase: texture, tempo, articulation, sound. Correlated, uneven."""
    labels = synth_words.TAGS
    return _task('synth_tags', 'phrases', Kind.MULTILABEL, labels, items, seed)


def emotion(items: tuple[int, ...] = ITEMS, seed: int = 0) -> Task:
    """Arousal and valence of a phrase, by rules with noise.

    Arousal follows tempo, loudness, brightness and percussion; valence mode, register and tempo.
    """
    labels = synth_words.MOODS
    return _task('synth_emotion', 'phrases', Kind.REGRESSION, labels, items, seed)


def beats(items: tuple[int, ...] = RHYTHM_ITEMS, seed: int = 0) -> Task:
    """Beats and downbeats of 12 s of drums, chords or both, at a steady tempo."""
    protocol = dataclasses.replace(defaults.protocol(Kind.BEATS, 6.0), frame_rate=25.0)
    seconds, labels = synth_words.GROOVE_SECONDS, synth_words.BEATS
    return _timed('synth_beats', 'grooves', seconds, Kind.BEATS, labels, protocol, items, seed)


def structure(items: tuple[int, ...] = RHYTHM_ITEMS, seed: int = 0) -> Task:
    """Which of four sections of a song of 24 s is being played."""
    protocol = dataclasses.replace(defaults.protocol(Kind.FRAMES, 8.0), frame_rate=4.0)
    seconds, labels = synth_words.SONG_SECONDS, synth_words.SECTIONS
    return _timed('synth_structure', 'songs', seconds, Kind.FRAMES, labels, protocol, items, seed)


def _timed(
    name: str,
    collection: str,
    seconds: float,
    kind: Kind,
    labels: tuple[str, ...],
    protocol: Protocol,
    items: tuple[int, ...],
    seed: int,
) -> Task:
    _check_counts(name, items)

    def listed(data_dir: Path) -> list[Item]:
        from jaxprobe.tasks import synth_rhythm

        return synth_rhythm.items_of(name, collection, data_dir, items, seed)

    def prepare(data_dir: Path) -> Preparation:
        from jaxprobe.tasks import audit, synth_rhythm

        written = synth_rhythm.make(collection, data_dir, items, seed)
        note = f'{written} clips written, {sum(items) - written} were there'
        return audit.survey(listed(data_dir), kind, labels, here=(note,))

    return Task(
        name=name,
        kind=kind,
        labels=labels,
        metrics=defaults.metrics(kind, labels),
        card=_card(collection, items, seed, seconds),
        protocol=protocol,
        prepare=prepare,
        items=listed,
        options={'items': items, 'seed': seed},
    )


def _check_counts(name: str, items: tuple[int, ...]) -> None:
    if len(items) != len(SPLITS) or min(items) < 1:
        raise ConfigError(
            f'{name}.items={items} must be three counts of at least 1: train, valid, test.'
        )


def _task(
    name: str,
    collection: str,
    kind: Kind,
    labels: tuple[str, ...],
    items: tuple[int, ...],
    seed: int,
) -> Task:
    _check_counts(name, items)

    def listed(data_dir: Path) -> list[Item]:
        from jaxprobe.tasks import synth_corpus

        return synth_corpus.items(_corpus(collection, items, seed), name, data_dir)

    def prepare(data_dir: Path) -> Preparation:
        from jaxprobe.tasks import audit, synth_corpus

        written = synth_corpus.make(_corpus(collection, items, seed), data_dir)
        note = f'{written} clips written, {sum(items) - written} were there'
        return audit.survey(listed(data_dir), kind, labels, here=(note,))

    return Task(
        name=name,
        kind=kind,
        labels=labels,
        metrics=defaults.metrics(kind, labels),
        card=_card(collection, items, seed),
        protocol=defaults.protocol(kind, _WINDOW_SECONDS),
        prepare=prepare,
        items=listed,
        options={'items': items, 'seed': seed},
    )


def _corpus(collection: str, items: tuple[int, ...], seed: int):
    from jaxprobe.tasks import synth_corpus

    train, valid, test = items
    return synth_corpus.Corpus(collection, (train, valid, test), seed)


def _card(
    collection: str, items: tuple[int, ...], seed: int, seconds: float = synth_words.SECONDS
) -> DatasetCard:
    return DatasetCard(
        name=f'synth_{collection}',
        title=f'Synthetic {collection}: {synth_words.COLLECTIONS[collection]}',
        homepage='jaxprobe/tasks/synth.py',
        licence='made by jaxprobe (Apache-2.0); no third-party material',
        citation='none: generated by jaxprobe',
        how_to_get=(
            f'nothing to download: prepare makes {sum(items)} clips of {seconds:g} s from a seed'
        ),
        folder=synth_words.folder(collection, seed),
        split_source=(
            f'drawn by rule, version {synth_words.VERSION}, seed {seed}; sessions of five clips '
            f'do not cross splits'
        ),
        items=dict(zip(SPLITS, items, strict=True)),
        hours=sum(items) * seconds / 3600,
    )
