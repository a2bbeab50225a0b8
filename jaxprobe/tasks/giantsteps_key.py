"""GiantSteps key: 24 keys of electronic dance music, two minutes a song.

Training and validation songs are those of giantsteps-mtg-key-dataset whose key its annotators
were sure of (C == 2) and that have one key (no '/'); the test is giantsteps-key-dataset, all of
it. The split between training and validation is by artist, from the sha1 of the name, and whoever
made music with an artist of the validation set is in it too (jukemir's rule, which MARBLE v1
took over).

An item is a song; its windows are its 30 s clips, the remainder is dropped. Scores of a song's
windows are combined in the four ways of MARBLE v1 (vote, max, mean of logits, mean of softmax),
the one that is best on validation. MARBLE v1 cut the clips into files of their own; its folder is
read with `layout='marble_v1'`, MARBLE v2's lists of them with `jsonl`. An item is a song there too,
of several files.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from jaxprobe.core.errors import ConfigError, DataError, suggest
from jaxprobe.tasks import defaults, key_names, marble_v2, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Task

LAYOUTS = ('owner', 'marble_v1')
SPLIT_SHA256 = '4b5d72afff79dd23c052e6cbabeadcf5c48b85067dccab267cc919dd957482d4'

_PLACES = ('giantsteps_key', 'GS', 'giantsteps', '.')
_TRAIN, _TEST = 'giantsteps-mtg-key-dataset', 'giantsteps-key-dataset'
_CLIPS = 'giantsteps_clips'
_TABLE = 116  # sha1 of an artist modulo this; the first 100 are training.
_TRAIN_SHARE = 100
_SURE = '2'  # In column C of annotations.txt.

_TWIN = (
    'two songs are the same audio (md5), one in each of training and validation: 1926377 (valid) '
    'and 2997186 (train), B minor; seven more such pairs lie within one split'
)
_CLIPS_OF_SONGS = 'a song is read from the files of its 30 s clips, in order'

CARD = DatasetCard(
    name='giantsteps_key',
    title='GiantSteps key (train and validation: GiantSteps-MTG key)',
    homepage='https://github.com/GiantSteps/giantsteps-key-dataset',
    licence='annotations: none stated; audio: previews of commercial recordings, for research only',
    citation=(
        'P. Knees, A. Faraldo, P. Herrera, R. Vogl, S. Boeck, F. Hoerschlaeger and M. Le Goff. Two '
        'data sets for tempo estimation and key detection in electronic dance music annotated from '
        'user corrections. ISMIR 2015. Training set: A. Faraldo, github.com/GiantSteps/'
        'giantsteps-mtg-key-dataset. Split: R. Castellon, C. Donahue and P. Liang. Codified audio '
        'language modeling learns useful representations for music information retrieval. ISMIR '
        '2021.'
    ),
    how_to_get=(
        'Clone github.com/GiantSteps/giantsteps-mtg-key-dataset (fd7b8c5) and '
        'github.com/GiantSteps/giantsteps-key-dataset into giantsteps_key below the data '
        'directory, and run audio_dl.sh in each: the mp3 files (3 GB) go to its folder audio.'
    ),
    folder='giantsteps_key',
    split_source=(
        'test: giantsteps-key-dataset; else sha1 of the artist modulo 116, collaborators of '
        'validation artists with them (jukemir, MARBLE v1)'
    ),
    items={'train': 923, 'valid': 236, 'test': 604},
    split_sha256=SPLIT_SHA256,
    hours=58.6,  # 7035 clips of 30 s.
)


def key(layout: str = 'owner', jsonl: str = '') -> Task:
    """24 keys, MIREX weighted score per song, MARBLE v1's numbers.

    Args:
        layout: 'owner', the two repositories with their mp3 files; 'marble_v1', the folder
            giantsteps_clips with meta.json that MARBLE v1 makes of them.
        jsonl: MARBLE v2's lists instead: the folder of GS.train.jsonl.

    Raises:
        ConfigError: no such layout.
    """
    if layout not in LAYOUTS:
        raise ConfigError(
            f'giantsteps_key: layout {layout!r} is unknown. {suggest(layout, LAYOUTS)}'
        )
    card, read, notes = CARD, owner_items, (_TWIN,)
    if layout == 'marble_v1':
        card, read, notes = _clip_card(), clip_items, (_TWIN, _CLIPS_OF_SONGS)
    task = Task(
        name='giantsteps_key',
        kind=Kind.KEY,
        labels=key_names.LABELS,
        metrics=defaults.metrics(Kind.KEY, key_names.LABELS),
        card=card,
        protocol=defaults.protocol(Kind.KEY, window_seconds=30.0),
        prepare=owners.preparing(
            card,
            Kind.KEY,
            key_names.LABELS,
            read,
            notes=notes,
            split_sha256=SPLIT_SHA256,
        ),
        items=read,
        options={'layout': layout},
    )
    if not jsonl:
        return task
    return marble_v2.task(
        task,
        jsonl,
        'GS',
        lambda name: key_names.index(str(name)),
        uid='ori_uid',
        notes=(_TWIN, _CLIPS_OF_SONGS),
    )


def owner_items(data_dir: Path) -> list[Item]:
    """Lists the songs of both repositories, by split and number.

    Raises:
        DataError: a repository is not there, or its annotations cannot be read.
    """
    train, test = (_repository(data_dir, name) for name in (_TRAIN, _TEST))
    items = [*_training(train), *_test(test)]
    return [item for split in SPLITS for item in items if item.split == split]


def artist_splits(songs: Iterable[str]) -> Mapping[str, str]:
    """Puts artists into training or validation.

    Args:
        songs: the artists of every song, as Beatport names them: 'Brainbashers, Lance Madden'.

    Returns:
        Artist -> 'train' or 'valid'. Two passes carry the validation set to collaborators of
        collaborators; within a pass a song sees what the songs before it have changed.
    """
    credits = [artists(song) for song in songs]
    splits = {artist: _drawn(artist) for own in credits for artist in own}
    for _ in range(2):
        for own in credits:
            if any(splits[artist] == 'valid' for artist in own):
                splits |= dict.fromkeys(own, 'valid')
    return splits


def split_of(song: str, splits: Mapping[str, str]) -> str:
    """A song validates if any of its artists does."""
    return 'valid' if any(splits[artist] == 'valid' for artist in artists(song)) else 'train'


def artists(song: str) -> tuple[str, ...]:
    """The artists of one song.

    >>> artists('Brainbashers, Lance Madden')
    ('Brainbashers', 'Lance Madden')
    """
    return tuple(name.strip() for name in song.strip().split(','))


def _drawn(artist: str) -> str:
    number = int(hashlib.sha1(artist.lower().encode()).hexdigest(), 16)
    return 'train' if number % _TABLE < _TRAIN_SHARE else 'valid'


def _repository(data_dir: Path, name: str) -> Path:
    """A clone, or an unpacked archive of one, whose folder ends in the commit."""
    for place in _PLACES:
        for folder in sorted((data_dir / place).glob(f'{name}*')):
            if (folder / 'annotations').is_dir():
                return folder
    raise DataError(
        f'{name} is not below {data_dir}: none of {", ".join(_PLACES)} holds {name}*/annotations. '
        f'{CARD.how_to_get}'
    )


def _audio(repository: Path, number: int) -> Path:
    """The owner's script puts songs beside the annotations, MARBLE v1 beside both repositories."""
    name = f'{number}.LOFI.mp3'
    return owners.first([repository / 'audio' / name, repository.parent / 'audio' / name])


def _training(repository: Path) -> list[Item]:
    notes = repository / 'annotations'
    credits = {
        _number(row['ID'], notes / 'beatport_metadata.txt'): row['ARTIST']
        for row in owners.table(notes / 'beatport_metadata.txt', ('ID', 'ARTIST'), '\t')
    }
    splits = artist_splits(credits.values())
    items = []
    for row in owners.table(notes / 'annotations.txt', ('ID', 'MANUAL KEY', 'C'), '\t'):
        number = _number(row['ID'], notes / 'annotations.txt')
        name = row['MANUAL KEY']
        if row['C'] != _SURE or '/' in name:
            continue
        if number not in credits:
            raise DataError(f'{notes}/beatport_metadata.txt lacks song {number}; fetch it again.')
        split = split_of(credits[number], splits)
        target = _key(name, f'{notes}/annotations.txt, song {number}')
        group = artists(credits[number])[0].lower()
        items.append(Item(_uid(number), _audio(repository, number), split, target, group=group))
    return sorted(items, key=lambda item: item.id)


def _test(repository: Path) -> list[Item]:
    items = []
    for path in (repository / 'annotations' / 'key').glob('*.LOFI.key'):
        number = _number(path.name.split('.')[0], path)
        target = _key(owners.text(path), str(path))
        items.append(Item(_uid(number), _audio(repository, number), 'test', target))
    return sorted(items, key=lambda item: item.id)


def _uid(number: int) -> str:
    """MARBLE's id of a song: seven digits."""
    return f'{number:07d}'


def _number(text: str, path: Path) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(f'{path}: {text!r} is no number of a song.') from None


def _key(name: str, where: str) -> int:
    try:
        return key_names.index(name)
    except ValueError as error:
        raise DataError(f'{where}: {error}.') from None


def clip_items(data_dir: Path) -> list[Item]:
    """Lists the songs of MARBLE v1's folder giantsteps_clips, by split and number.

    Raises:
        DataError: it is not there, or meta.json is not what MARBLE v1 writes.
    """
    places = [f'{place}/{_CLIPS}' for place in _PLACES]
    folder = owners.root(data_dir, places, 'meta.json', _clip_card())
    songs: dict[str, dict[int, Item]] = {}
    for uid, meta in owners.json_object(folder / 'meta.json').items():
        where = f'{folder}/meta.json, clip {uid}'
        try:
            split, name = meta['split'], meta['y']
            song, number = str(meta['clip']['audio_uid']), int(meta['clip']['clip_idx'])
        except (KeyError, TypeError, ValueError):
            raise DataError(f'{where} lacks split, y, clip.audio_uid or clip.clip_idx.') from None
        if split not in SPLITS:
            raise DataError(f'{where}: split {split!r} is not train, valid or test.')
        clip = Item(song, folder / 'wav' / f'{uid}.wav', split, _key(str(name), where))
        if number in songs.setdefault(song, {}):
            raise DataError(f'{where} is clip {number} of song {song}, like another before it.')
        songs[song][number] = clip
    items = [_song([clips[k] for k in sorted(clips)], folder) for clips in songs.values()]
    return sorted(items, key=lambda item: (SPLITS.index(item.split), item.id))


def _song(clips: Sequence[Item], folder: Path) -> Item:
    """One item of the clips of a song, in order."""
    first = clips[0]
    if any((clip.split, clip.target) != (first.split, first.target) for clip in clips):
        raise DataError(f'{folder}/meta.json: clips of song {first.id} differ in split or key.')
    return dataclasses.replace(first, more=tuple(clip.path for clip in clips[1:]))


def _clip_card() -> DatasetCard:
    return dataclasses.replace(
        CARD,
        title=f'{CARD.title}, as 30 s clips made by MARBLE v1',
        split_source=f'meta.json of MARBLE v1: {CARD.split_source}',
        how_to_get=(
            "MARBLE v1's benchmark/tasks/GS/download.py and preprocess.py make giantsteps_clips/"
            'meta.json and giantsteps_clips/wav; put the folder into giantsteps_key below the data '
            'directory.'
        ),
    )
