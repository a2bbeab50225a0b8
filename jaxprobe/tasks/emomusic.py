"""EmoMusic: arousal and valence of 744 clips of 45 s.

The test is MediaEval 2013's evaluation set. The development set is split by artist: sha1 of the
cleaned name modulo 10, eight parts to training (jukemir's rule, which MARBLE v1 took over).
Targets are z-scored with mean and population standard deviation of the whole development set,
which R2 does not see.

MARBLE v1 hears the first 30 s of a clip in windows of 5 s; the paper says 45 s (`crop=0`).
"""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import defaults, marble_v2, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Task

LABELS = ('arousal', 'valence')
CLIP_SECONDS = 45.0
SPLIT_SHA256 = '82a883ddd76f08a83bccf9bf345b642aecb9f5996583dd4c9e3da6b695c5438f'

_PLACES = ('emomusic', 'EMO', '.')
_INFO, _STATIC = 'songs_info.csv', 'static_annotations.csv'
_PARTS, _TRAIN_PARTS = 10, 8
_DIGITS = 7  # Of a target: as many as float32 holds, so that every reader gives the same split.


class Song(NamedTuple):
    """A clip as the owner describes it; `split` is what he says: development or evaluation."""

    number: int
    artist: str
    evaluation: bool
    arousal: float
    valence: float


def emotion(crop: float = 30.0, jsonl: str = '') -> Task:
    """Arousal and valence, R2, MARBLE v1's numbers.

    Args:
        crop: seconds heard from the beginning of a clip; 0 hears all 45.
        jsonl: MARBLE v2's lists instead: the folder of EMO.train.jsonl.

    Raises:
        ConfigError: the crop is negative or longer than a clip.
    """
    if not 0 <= crop <= CLIP_SECONDS:
        raise ConfigError(f'emomusic: crop={crop} must be 0 (the whole clip) to {CLIP_SECONDS}.')

    def listed(data_dir: Path) -> list[Item]:
        return items(data_dir, crop or None)

    card = _card(crop or CLIP_SECONDS)
    task = Task(
        name='emomusic',
        kind=Kind.REGRESSION,
        labels=LABELS,
        metrics=defaults.metrics(Kind.REGRESSION, LABELS),
        card=card,
        protocol=defaults.protocol(Kind.REGRESSION, window_seconds=5.0),
        prepare=owners.preparing(card, Kind.REGRESSION, LABELS, listed, split_sha256=SPLIT_SHA256),
        items=listed,
        options={'crop': crop},
    )
    if not jsonl:
        return task
    return marble_v2.task(task, jsonl, 'EMO', marble_v2.numbers(2), duration=crop or None)


def items(data_dir: Path, duration: float | None = 30.0) -> list[Item]:
    """Lists the clips by split and number, from the owner's tables or MARBLE v1's meta.json.

    Raises:
        DataError: neither is there, or they cannot be read.
    """
    try:
        folder = owners.root(data_dir, _below('annotations'), _INFO, _card(CLIP_SECONDS))
    except DataError as error:
        made = [place for place in _below('emomusic') if (data_dir / place / 'meta.json').exists()]
        if not made:
            raise error from None
        return _ordered(_of_meta(data_dir / made[0], duration))
    return _ordered(_of_owner(folder, duration))


def split_of(artist: str) -> str:
    """Training or validation, for an artist of the development set.

    >>> split_of('The New Mystikal Troubadours'), split_of('Broke For Free')
    ('valid', 'train')
    """
    kept = (c for c in artist.lower() if ord(c) < 128 and (c.isalpha() or c.isspace()))
    cleaned = ' '.join(''.join(kept).split())
    number = int(hashlib.sha1(cleaned.encode()).hexdigest(), 16)
    return 'train' if number % _PARTS < _TRAIN_PARTS else 'valid'


def standardised(songs: Sequence[Song]) -> list[tuple[float, float]]:
    """Targets of songs, z-scored by those of the development set.

    Raises:
        DataError: the development set has no spread.
    """
    columns = []
    for label in LABELS:
        values = [getattr(song, label) for song in songs]
        known = [v for v, song in zip(values, songs, strict=True) if not song.evaluation]
        mean = math.fsum(known) / max(len(known), 1)
        variance = math.fsum((v - mean) ** 2 for v in known) / max(len(known), 1)
        if not variance > 0:
            raise DataError(f'{_STATIC}: {label} of the development set is one and the same value.')
        columns.append([round((v - mean) / math.sqrt(variance), _DIGITS) for v in values])
    return list(zip(*columns, strict=True))


def _below(folder: str) -> list[str]:
    """Archives unpack into the data set's folder or into one of their own."""
    return [where for place in _PLACES for where in (f'{place}/{folder}', place)]


def _of_owner(folder: Path, duration: float | None) -> list[Item]:
    info = owners.table(folder / _INFO, ('song_id', 'Artist', 'Mediaeval 2013 set'))
    static = owners.table(folder / _STATIC, ('song_id', 'mean_arousal', 'mean_valence'))
    answers = {row['song_id']: row for row in static}
    songs = []
    for row in info:
        where = f'{folder / _STATIC}, song {row["song_id"]}'
        answer = answers.get(row['song_id'])
        if answer is None or not row['song_id'].isdigit():
            raise DataError(f'{where}: not there, but in {_INFO}. Fetch the annotations again.')
        arousal, valence = (owners.number(answer, f'mean_{label}', where) for label in LABELS)
        evaluation = row['Mediaeval 2013 set'] == 'evaluation'
        songs.append(Song(int(row['song_id']), row['Artist'], evaluation, arousal, valence))
    return [
        Item(
            id=f'{song.number:04d}',
            path=_audio(folder, song.number),
            split='test' if song.evaluation else split_of(song.artist),
            target=target,
            duration=duration,
            group=song.artist,
        )
        for song, target in zip(songs, standardised(songs), strict=True)
    ]


def _audio(folder: Path, number: int) -> Path:
    """The owner's mp3, or the wav that MARBLE v1 makes of it."""
    home = folder.parent if folder.name == 'annotations' else folder
    return owners.first(
        [
            home / 'clips_45seconds' / f'{number}.mp3',
            home / 'clips_45sec' / 'clips_45seconds' / f'{number}.mp3',
            home / 'emomusic' / 'wav' / f'{number:04d}.wav',
        ]
    )


def _of_meta(folder: Path, duration: float | None) -> list[Item]:
    """What MARBLE v1 (and jukemir) make: meta.json with split and z-scored y, and wav files."""
    listed = []
    for uid, meta in owners.json_object(folder / 'meta.json').items():
        try:
            split, (arousal, valence) = meta['split'], meta['y']
            target = round(float(arousal), _DIGITS), round(float(valence), _DIGITS)
            group = str(meta['extra']['songs_info']['Artist'])
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f'{folder}/meta.json, clip {uid}: split, y and extra.songs_info are expected.'
            ) from None
        if split not in SPLITS:
            raise DataError(f'{folder}/meta.json, clip {uid}: split {split!r} is unknown.')
        path = folder / 'wav' / f'{uid}.wav'
        listed.append(Item(uid, path, split, target, duration=duration, group=group))
    return listed


def _ordered(listed: list[Item]) -> list[Item]:
    return sorted(listed, key=lambda item: (SPLITS.index(item.split), item.id))


def _card(seconds: float) -> DatasetCard:
    return DatasetCard(
        name='emomusic',
        title='EmoMusic, arousal and valence of songs',
        homepage='https://cvml.unige.ch/databases/emoMusic/',
        licence=(
            'audio: Creative Commons, per song, from the Free Music Archive; annotations: see the '
            'homepage'
        ),
        citation=(
            'M. Soleymani, M. N. Caro, E. M. Schmidt, C.-Y. Sha and Y.-H. Yang. 1000 songs for '
            'emotional analysis of music. CrowdMM 2013. Split: R. Castellon, C. Donahue and P. '
            'Liang. Codified audio language modeling learns useful representations for music '
            'information retrieval. ISMIR 2021.'
        ),
        how_to_get=(
            'From cvml.unige.ch/databases/emoMusic take clips_45sec.tar.gz and annotations.tar.gz '
            'and unpack them in emomusic below the data directory: emomusic/clips_45seconds/2.mp3 '
            'and emomusic/annotations/songs_info.csv.'
        ),
        folder='emomusic',
        split_source=(
            'test: MediaEval 2013 evaluation set; else sha1 of the cleaned artist modulo 10, under '
            '8 is training (jukemir, MARBLE v1)'
        ),
        items={'train': 504, 'valid': 115, 'test': 125},
        split_sha256=SPLIT_SHA256,
        hours=round(744 * seconds / 3600, 1),
    )
