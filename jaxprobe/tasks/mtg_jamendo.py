"""MTG-Jamendo: tags of full tracks, in four sets (top 50, genre, instrument, mood and theme).

The five splits are the owner's files, read from the user's copy of
github.com/MTG/mtg-jamendo-dataset; artists lie within one part. Tags that the owner discarded
to have the same ones in all splits are not in these files: 87 genres, 40 instruments and 56 moods
remain of the 95, 41 and 59 that papers quote.

`mtg_jamendo_tags.csv` holds the order of the tags: first appearance in train, validation and test
of split 0, which is MARBLE v1's (and v2's) order. `mtg_jamendo_splits.csv` holds for each set and
split the tracks per part, the hours, and the sha256 of the whole, computed from the owner's files
at 1b4fa8c.

Windows are 30 s over the whole track. The papers average the embeddings of a track, MARBLE v1's
code averages logits at the test and trains on windows: `aggregation='embeddings'` is the former.
"""

import csv
import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from jaxprobe.core.errors import ConfigError, DataError, suggest
from jaxprobe.tasks import defaults, marble_v2, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Preparation, Task

QUALITIES = ('auto', 'low', 'full')
TAGS_FILE = Path(__file__).with_name('mtg_jamendo_tags.csv')
TAGS_SHA256 = '8b8c7ae68b0b691e78c6d0cff2c2ea2f18ba78c93037b4eaee3a962d5c78133d'
SPLITS_FILE = Path(__file__).with_name('mtg_jamendo_splits.csv')

_PLACES = (
    'mtg_jamendo', 'mtg_jamendo/mtg-jamendo-dataset', 'mtg-jamendo-dataset', 'mtg_jamendo_dataset',
    'MTG', 'mtg_jamendo_autotagging_moodtheme', '.',
)  # fmt: skip
_PARTS = {'train': 'train', 'valid': 'validation', 'test': 'test'}
_HEADER = ('TRACK_ID', 'ARTIST_ID', 'ALBUM_ID', 'PATH', 'DURATION', 'TAGS')

# Below the data set's folder; {} is '48/948'. What MARBLE v1 uses comes first.
_AUDIO = {
    'low': (
        'audio-low/{}.low.mp3', 'raw_30s/audio-low/{}.low.mp3', 'audio/{}.low.mp3',
        'autotagging_moodtheme/audio-low/{}.low.mp3', '{}.low.mp3', 'audio/{}.low.flac',
    ),
    'full': (
        'audio/{}.mp3', 'audios/{}.mp3', 'raw_30s/audio/{}.mp3',
        'autotagging_moodtheme/audio/{}.mp3', '{}.mp3',
    ),
}  # fmt: skip


class TagSet(NamedTuple):
    """One of the four: how the owner's files call it, MARBLE v2, and a title."""

    file: str
    marble: str
    title: str


_SETS = {
    'mtg_top50': TagSet('top50tags', 'MTGTop50', 'top 50 tags'),
    'mtg_genre': TagSet('genre', 'MTGGenre', 'genre'),
    'mtg_instrument': TagSet('instrument', 'MTGInstrument', 'instrument'),
    'mtg_moodtheme': TagSet('moodtheme', 'MTGMood', 'mood and theme'),
}


class Track(NamedTuple):
    """A line of an owner's split file; `audio` is '48/948'."""

    id: str
    artist: str
    audio: str
    tags: tuple[str, ...]


def top50(split: int = 0, audio: str = 'auto', jsonl: str = '') -> Task:
    """The 50 most frequent tags of all kinds; arguments as of `tagging`."""
    return tagging('mtg_top50', split, audio, jsonl)


def genre(split: int = 0, audio: str = 'auto', jsonl: str = '') -> Task:
    """87 genres; arguments as of `tagging`."""
    return tagging('mtg_genre', split, audio, jsonl)


def instrument(split: int = 0, audio: str = 'auto', jsonl: str = '') -> Task:
    """40 instruments; arguments as of `tagging`."""
    return tagging('mtg_instrument', split, audio, jsonl)


def moodtheme(split: int = 0, audio: str = 'auto', jsonl: str = '') -> Task:
    """56 moods and themes; arguments as of `tagging`."""
    return tagging('mtg_moodtheme', split, audio, jsonl)


def tagging(name: str, split: int, audio: str, jsonl: str) -> Task:
    """One of the four tasks, macro ROC-AUC, MARBLE v1's numbers.

    Args:
        name: the task's.
        split: which of the owner's five splits; publications use 0.
        audio: 'low', the mono VBR copies that MARBLE v1 uses; 'full', 320 kbps; 'auto', low
            where any are found, else full.
        jsonl: MARBLE v2's lists instead: the folder of MTGTop50.train.jsonl, and so on.

    Raises:
        ConfigError: no such split or audio.
    """
    if split not in range(5):
        raise ConfigError(f'{name}: split={split} must be 0 to 4.')
    if audio not in QUALITIES:
        raise ConfigError(f'{name}: audio {audio!r} is unknown. {suggest(audio, QUALITIES)}')
    labels = tags()[name]

    def listed(data_dir: Path) -> list[Item]:
        return items(data_dir, name, split, audio)

    card = _card(name, split)
    task = Task(
        name=name,
        kind=Kind.MULTILABEL,
        labels=labels,
        metrics=defaults.metrics(Kind.MULTILABEL, labels),
        card=card,
        protocol=defaults.protocol(Kind.MULTILABEL, window_seconds=30.0),
        prepare=_preparing(card, name, labels, listed, audio, facts(name, split)['sha256']),
        items=listed,
        options={'split': split, 'audio': audio},
    )
    if not jsonl:
        return task
    return marble_v2.task(task, jsonl, _SETS[name].marble, marble_v2.some_of(labels))


def items(data_dir: Path, name: str, split: int = 0, audio: str = 'auto') -> list[Item]:
    """Lists the tracks of a set, in the order of the owner's files.

    Raises:
        DataError: the split files are not there, or are not the owner's.
    """
    tracks = {part: _tracks(path, name) for part, path in _files(data_dir, name, split).items()}
    index = {tag: k for k, tag in enumerate(tags()[name])}
    place = _place(data_dir, name, split)
    layout = _layout(place, [track.audio for own in tracks.values() for track in own], audio)
    return [
        Item(
            id=track.id,
            path=place / layout.format(track.audio),
            split=part,
            target=tuple(sorted({index[tag] for tag in track.tags})),
            group=track.artist,
        )
        for part in SPLITS
        for track in tracks[part]
    ]


@functools.cache
def tags() -> Mapping[str, tuple[str, ...]]:
    """Tags of each set in the order of the outputs, with the owner's prefixes.

    Raises:
        DataError: the file shipped with the package was changed.
    """
    data = TAGS_FILE.read_bytes()
    if hashlib.sha256(data).hexdigest() != TAGS_SHA256:
        raise DataError(f'{TAGS_FILE} was changed: its sha256 is not {TAGS_SHA256}. Reinstall.')
    rows = list(csv.DictReader(data.decode().splitlines()))
    return {name: tuple(r['tag'] for r in rows if r['set'] == name) for name in _SETS}


@functools.cache
def facts(name: str, split: int) -> Mapping[str, str]:
    """What is known of a set's split: train, valid, test, hours, sha256."""
    rows = csv.DictReader(SPLITS_FILE.read_text().splitlines())
    return next(row for row in rows if (row['set'], row['split']) == (name, str(split)))


def _preparing(
    card: DatasetCard,
    name: str,
    labels: tuple[str, ...],
    listed: Callable[[Path], list[Item]],
    audio: str,
    sha256: str,
) -> Callable[[Path], Preparation]:
    """Adds to the usual survey which of the audio was found."""

    def prepare(data_dir: Path) -> Preparation:
        notes = []
        try:
            found = next((i.path for i in listed(data_dir) if i.path.is_file()), None)
        except DataError:
            found = None  # The survey says why.
        if found:
            quality = 'low' if '.low.' in found.name else 'full'
            notes = [f'audio: {quality} quality, as {found.name}; option audio={audio}']
        return owners.preparing(
            card, Kind.MULTILABEL, labels, listed, notes=notes, split_sha256=sha256
        )(data_dir)

    return prepare


def _file(name: str, split: int, part: str) -> str:
    return f'data/splits/split-{split}/autotagging_{_SETS[name].file}-{_PARTS[part]}.tsv'


def _place(data_dir: Path, name: str, split: int) -> Path:
    return owners.root(data_dir, _PLACES, _file(name, split, 'train'), _card(name, split))


def _files(data_dir: Path, name: str, split: int) -> Mapping[str, Path]:
    place = _place(data_dir, name, split)
    return {part: place / _file(name, split, part) for part in SPLITS}


def _tracks(path: Path, name: str) -> list[Track]:
    """Reads a split file: five columns and then as many tags as there are."""
    lines = owners.text(path).splitlines()
    if not lines or tuple(lines[0].split('\t')) != _HEADER:
        raise DataError(f'{path} does not begin with {", ".join(_HEADER)}, separated by tabs.')
    known, tracks = set(tags()[name]), []
    for at, line in enumerate(lines[1:], start=2):
        fields = [field.strip() for field in line.split('\t')]
        own = tuple(field for field in fields[5:] if field)
        unknown = [tag for tag in own if tag not in known]
        if not own or unknown:
            what = f'tags {unknown} are not of this set' if unknown else 'no tags'
            raise DataError(f"{path}, line {at}: {what}. Fetch the owner's split files again.")
        tracks.append(Track(fields[0], fields[1], fields[3].removesuffix('.mp3'), own))
    return tracks


def _layout(place: Path, audios: list[str], quality: str) -> str:
    """Where the audio is: the first layout in which a track is found, the same for all tracks."""
    wanted = QUALITIES[1:] if quality == 'auto' else (quality,)
    layouts = [layout for choice in wanted for layout in _AUDIO[choice]]
    there = [layout for layout in layouts if (place / layout.split('{}')[0]).is_dir()]
    for layout in there:
        if any((place / layout.format(audio)).is_file() for audio in audios):
            return layout
    return layouts[0]


def _card(name: str, split: int) -> DatasetCard:
    known = facts(name, split)
    return DatasetCard(
        name='mtg_jamendo',
        title=f'MTG-Jamendo, {_SETS[name].title}, split {split}',
        homepage='https://mtg.github.io/mtg-jamendo-dataset/',
        licence=(
            "audio: Creative Commons, per track (the owner's audio_licenses.txt); metadata: CC "
            'BY-NC-SA 4.0'
        ),
        citation=(
            'D. Bogdanov, M. Won, P. Tovstogan, A. Porter and X. Serra. The MTG-Jamendo dataset '
            'for automatic music tagging. ML4MD workshop, ICML 2019.'
        ),
        how_to_get=(
            'Clone github.com/MTG/mtg-jamendo-dataset as mtg_jamendo below the data directory and '
            'run scripts/download/download.py --dataset raw_30s --type audio-low --unpack --remove '
            'mtg_jamendo/audio-low (156 GB; the mood and theme set alone, --dataset '
            'autotagging_moodtheme, is 46 GB). Full quality goes to mtg_jamendo/audio.'
        ),
        folder='mtg_jamendo',
        split_source=(
            f"the owner's data/splits/split-{split}/autotagging_{_SETS[name].file}-*.tsv: no "
            f'artist in two parts'
        ),
        items={part: int(known[part]) for part in SPLITS},
        split_sha256=known['sha256'],
        hours=float(known['hours']),
    )
