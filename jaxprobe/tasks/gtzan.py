"""GTZAN genre: 1000 half-minutes of ten genres, in the fault-filtered split.

The pattern for a data set in its owner's layout: a card, a committed index that says what is in
which split, the known-broken items by name, and one function that finds the files.

The split is Kereliuk, Sturm and Larsen's: repeated, distorted and mislabelled excerpts are out,
and no artist is in two parts. `gtzan_split.csv` was written from the lists of
github.com/coreyker/dnn-mgr (gtzan/{train,valid,test}_filtered.txt at bdad579) and agrees item
by item with github.com/p-lambda/jukemir (metadata/gtzan_ff.json.gz at 2415556).

Excerpts last about 30 s; a few end a few hundredths earlier. The window is 30 s, so those few
follow the encoder's policy for short items: their beginning is repeated to fill the window, and
the store and the result say how many windows were padded.
"""

import csv
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import marble_v2
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Preparation, Protocol, Task

LABELS = (
    'blues', 'classical', 'country', 'disco', 'hiphop', 'jazz', 'metal', 'pop', 'reggae', 'rock',
)  # fmt: skip

BROKEN = {'jazz.00054': 'cannot be decoded in the copy most people have; MARBLE v1 drops it too'}

SPLIT_FILE = Path(__file__).with_name('gtzan_split.csv')
SPLIT_SHA256 = '2194bee9a0bedb7b81f836fdd3fd42f5b0460f51ac43cffa5c243488dacda910'

# Where the ten folders may lie below the data directory, and how copies name their files.
ROOTS = (
    'gtzan_genre/genres',  # The owner's archive.
    'gtzan_genre/gtzan_genre/genres',  # As mirdata unpacks it.
    'gtzan_genre/Data/genres_original',  # The Kaggle copy.
    'gtzan_genre/genres_original',
    'genres',
    'Data/genres_original',
    'genres_original',
)
_SUFFIXES = ('.wav', '.au')

_SHORT = (
    'a few excerpts are a little shorter than the 30 s window; their beginning is repeated to fill '
    'it, and results count such windows'
)

CARD = DatasetCard(
    name='gtzan_genre',
    title='GTZAN genre collection, fault-filtered split',
    homepage='http://marsyas.info/downloads/datasets.html',
    licence='none stated; excerpts of commercial recordings, for research only',
    citation=(
        'G. Tzanetakis and P. Cook. Musical genre classification of audio signals. IEEE '
        'Transactions on Speech and Audio Processing 10(5), 2002. Split: C. Kereliuk, B. L. Sturm '
        'and J. Larsen. Deep learning and music adversaries. IEEE Transactions on Multimedia '
        '17(11), 2015.'
    ),
    how_to_get=(
        'The original address (opihi.cs.uvic.ca/sound/genres.tar.gz) no longer answers. A copy is '
        'kaggle.com/datasets/andradaolteanu/gtzan-dataset-music-genre-classification (1.2 GB). '
        'Put the folder of the ten genres at gtzan_genre/genres below the data directory, as '
        "genres/blues/blues.00000.wav; .au files and the copies' own folders "
        '(gtzan_genre/Data/genres_original) are found as well.'
    ),
    folder='gtzan_genre',
    split_source='coreyker/dnn-mgr gtzan/*_filtered.txt: fault-filtered, no artist in two parts',
    items={'train': 442, 'valid': 197, 'test': 290},
    split_sha256='4d5609464c2d7303db80650d056679767c0ff523889e5286c0deb54f396ee9b6',
    hours=7.74,  # 929 excerpts of 30 s.
    broken=BROKEN,
)


def genre(jsonl: str = '') -> Task:
    """Ten genres, accuracy per song, MARBLE v1's numbers.

    Args:
        jsonl: MARBLE v2's lists instead: the folder of GTZANGenre.train.jsonl.
    """
    task = Task(
        name='gtzan_genre',
        kind=Kind.MULTICLASS,
        labels=LABELS,
        metrics=('accuracy', 'macro_f1'),
        card=CARD,
        protocol=Protocol(monitor='accuracy', plateau_patience=6, window_seconds=30.0),
        prepare=prepare,
        items=items,
    )
    if not jsonl:
        return task
    return marble_v2.task(task, jsonl, 'GTZANGenre', marble_v2.one_of(LABELS), notes=(_SHORT,))


def prepare(data_dir: Path) -> Preparation:
    """Looks for the 929 excerpts of the split."""
    from jaxprobe.tasks import audit

    here = []
    try:
        found = items(data_dir)
        here.append(f'found at {_root(data_dir)}')
    except DataError:
        found = _items(data_dir / ROOTS[0], {})
        here.append(f'none of {", ".join(ROOTS)} is below {data_dir}')
    return audit.survey(found, Kind.MULTICLASS, LABELS, excluded=BROKEN, notes=(_SHORT,), here=here)


def items(data_dir: Path) -> list[Item]:
    """Lists the split's excerpts by genre and number; which of them are there is not asked.

    Raises:
        DataError: no known layout is below `data_dir`.
    """
    root = _root(data_dir)
    if root is None:
        raise DataError(
            f'GTZAN is not below {data_dir}: none of {", ".join(ROOTS)} holds a folder '
            f'{LABELS[0]!r}. {CARD.how_to_get}'
        )
    there = {path.name: path for label in LABELS for path in (root / label).glob(f'{label}.*')}
    return _items(root, there)


@functools.cache
def split() -> Mapping[str, str]:
    """The fault-filtered split: id ('blues.00029') -> 'train', 'valid' or 'test', 930 of them.

    Raises:
        DataError: the file shipped with the package was changed.
    """
    data = SPLIT_FILE.read_bytes()
    if hashlib.sha256(data).hexdigest() != SPLIT_SHA256:
        raise DataError(f'{SPLIT_FILE} was changed: its sha256 is not {SPLIT_SHA256}. Reinstall.')
    return {row['id']: row['split'] for row in csv.DictReader(data.decode().splitlines())}


def _root(data_dir: Path) -> Path | None:
    roots = (data_dir / root for root in ROOTS)
    return next((r for r in roots if any((r / label).is_dir() for label in LABELS)), None)


def _items(root: Path, there: Mapping[str, Path]) -> list[Item]:
    """Items of the split; a file that is not `there` is expected as .wav."""
    listed = []
    for part in SPLITS:
        for name, own in split().items():
            if own != part or name in BROKEN:
                continue
            label = name.split('.')[0]
            names = [f'{name}{suffix}' for suffix in _SUFFIXES]
            path = next((there[n] for n in names if n in there), root / label / names[0])
            listed.append(Item(name, path, part, LABELS.index(label)))
    return listed
