"""TinySOL: one note of one of 14 instruments; which instrument, and which of the 12 pitch classes.

2913 notes in the owner's five folds. As mir_ref does in its only split, fold 1 is the test, fold 0
validates and folds 2, 3 and 4 train. `fold` turns the wheel: with fold=1, fold 2 is the test and
fold 1 validates. Folds mix the notes of each instrument: the same instrument, often the same
player, is heard in training and in the test.

mir_ref's thesis says 80/10/10 at random for pitch classes; its code uses the folds. Its filter for
notes with more than one pitch waits for a task of another name and never runs; no note has two.

Instruments are told by their folder; they are in mir_ref's order, that of their English names.
Pitch classes are in the order C, C#, ..., B, which mir_ref sorts as text. Metrics do not depend
on either.
"""

import re
from collections.abc import Callable
from pathlib import Path

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import defaults, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Protocol, Task

# Folder -> English name, in the order of the latter.
INSTRUMENTS = {
    'Accordion': 'Accordion',
    'Sax_Alto': 'Alto Saxophone',
    'Bass_Tuba': 'Bass Tuba',
    'Bassoon': 'Bassoon',
    'Clarinet_Bb': 'Clarinet in B-flat',
    'Contrabass': 'Contrabass',
    'Flute': 'Flute',
    'Horn': 'French Horn',
    'Oboe': 'Oboe',
    'Trombone': 'Trombone',
    'Trumpet_C': 'Trumpet in C',
    'Viola': 'Viola',
    'Violin': 'Violin',
    'Violoncello': 'Violoncello',
}
PITCH_CLASSES = ('C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B')
FOLDS = 5
NOTES = 2913

_PLACES = ('tinysol', 'TinySOL', '.')
_TABLE = 'annotation/TinySOL_metadata.csv'
_COLUMNS = ('Path', 'Fold', 'Pitch')
_MIXED = 'folds share instruments and players: scores may owe something to recognising them'

ReadTarget = Callable[[dict[str, str]], int]


def instrument(fold: int = 0) -> Task:
    """14 instruments, accuracy per note; `protocol=mir_ref` trains as mir_ref does.

    Args:
        fold: 0 to 4, the fold that validates; the next one is the test.

    Raises:
        ConfigError: no such fold.
    """
    return _task('tinysol_instrument', tuple(INSTRUMENTS.values()), _instrument, fold)


def pitch_class(fold: int = 0) -> Task:
    """12 pitch classes, accuracy per note; see `instrument`."""
    return _task('tinysol_pitch_class', PITCH_CLASSES, _pitch_class, fold)


def _task(name: str, labels: tuple[str, ...], read: ReadTarget, fold: int) -> Task:
    if not 0 <= fold < FOLDS:
        raise ConfigError(f'{name}: fold={fold} is no fold of TinySOL: 0 to {FOLDS - 1}.')
    card = _card(fold)

    def listed(data_dir: Path) -> list[Item]:
        return items(data_dir, read, fold)

    return Task(
        name=name,
        kind=Kind.MULTICLASS,
        labels=labels,
        metrics=defaults.metrics(Kind.MULTICLASS, labels),
        card=card,
        protocol=Protocol(monitor='accuracy', window_seconds=3.0, tail='overlap'),
        prepare=owners.preparing(
            card, Kind.MULTICLASS, labels, listed, notes=(_MIXED,), whole=NOTES
        ),
        items=listed,
        options={'fold': fold},
    )


def items(data_dir: Path, read: ReadTarget, fold: int = 0) -> list[Item]:
    """Lists the notes by split and path.

    Args:
        data_dir: where data sets lie.
        read: from a row of the owner's table to the target.
        fold: that validates; the next is the test.

    Raises:
        DataError: the table is not there, or a row is not the owner's.
    """
    place = owners.root(data_dir, _PLACES, _TABLE, _card(fold))
    found = []
    for row in owners.table(place / _TABLE, _COLUMNS):
        try:
            split = split_of(int(row['Fold']), fold)
            target = read(row)
        except ValueError as error:
            raise DataError(f'{place / _TABLE}, note {row["Path"]!r}: {error}.') from None
        name = row['Path'].removesuffix('.wav')
        found.append(Item(name, place / 'audio' / row['Path'], split, target))
    return sorted(found, key=lambda item: (SPLITS.index(item.split), item.id))


def split_of(fold: int, valid: int = 0) -> str:
    """The part of a fold where fold `valid` validates.

    >>> [split_of(fold) for fold in range(5)]
    ['valid', 'test', 'train', 'train', 'train']

    Raises:
        ValueError: there is no such fold.
    """
    if not 0 <= fold < FOLDS:
        raise ValueError(f'Fold {fold} is not 0 to {FOLDS - 1}')
    return {valid: 'valid', (valid + 1) % FOLDS: 'test'}.get(fold, 'train')


def _instrument(row: dict[str, str]) -> int:
    parts = row['Path'].split('/')
    if len(parts) != 4 or parts[1] not in INSTRUMENTS:
        raise ValueError('the path is not <family>/<instrument>/<technique>/<file>.wav')
    return list(INSTRUMENTS).index(parts[1])


def _pitch_class(row: dict[str, str]) -> int:
    name = re.sub(r'\d', '', row['Pitch'])
    if name not in PITCH_CLASSES:
        raise ValueError(f'Pitch {row["Pitch"]!r} is no pitch class with an octave')
    return PITCH_CLASSES.index(name)


def _card(fold: int) -> DatasetCard:
    return DatasetCard(
        name='tinysol',
        title='TinySOL, notes of 14 instruments',
        homepage='https://zenodo.org/records/3685367',
        licence='CC BY 4.0',
        citation=(
            'C. E. Cella, D. Ghisi, V. Lostanlen, F. Levy, J. Fineberg and Y. Maresz. OrchideaSOL: '
            'a dataset of extended instrumental techniques for computer-aided orchestration. ICMC '
            '2020.'
        ),
        how_to_get=(
            'From zenodo.org/records/3685367 take TinySOL.tar.gz and TinySOL_metadata.csv: '
            'tinysol/audio/<family>/<instrument>/ordinario/*.wav and '
            'tinysol/annotation/TinySOL_metadata.csv below the data directory.'
        ),
        folder='tinysol',
        split_source=(
            f"the owner's folds: {fold} validates, {(fold + 1) % FOLDS} is the test, the others "
            f'train (mir_ref: 0 and 1)'
        ),
        items={},  # 2913 in all; the sizes of the folds are in the owner's table alone.
        hours=0.0,  # Not stated by the owner.
        departures=(
            'mir_ref drops the last partial batch of the test; all notes are scored here',
            'notes are cut into windows of 3 s, the last overlapping; mir_ref averages whole notes',
        ),
    )
