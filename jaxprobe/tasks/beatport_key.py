"""Beatport EDM key: 24 keys of two-minute excerpts of electronic dance music, as mir_ref uses them.

Of 1486 excerpts the 1272 count whose key file holds one key of exactly two words that is not
'other': `D minor`, but neither `X`, nor `F major | D minor`, nor (two files) a key with a blank
behind it. The split is mir_ref's: 80/10/10 by scikit-learn's stratified draw with seed 42, over the
files in the order of their names, keys spelt with sharps. It is made again here to the item
(`stratified.py`): on it, always answering C minor earns 15.6, and 8.3 averaged over keys, which is
what mir_ref's Table 5 prints for several probes.

The keys are ordered as in all our key tasks (C to B major, C to B minor), not alphabetically as
mir_ref's LabelEncoder has them; metrics do not depend on it.

It is the corpus of GiantSteps-MTG under another name: what is trained on here is training data of
`giantsteps_key`.
"""

from collections.abc import Iterator
from pathlib import Path

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import defaults, key_names, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Task

SEED = 42
SIZES = (0.8, 0.1, 0.1)

# Of the 1272 ids, splits and keys; the keys from the md5 sums in mirdata's index (version 1.0.0).
SPLIT_SHA256 = '7d24e5d834205ad58fedd7144269de22fed821481e373b86de569a6df277deb6'

_PLACES = ('beatport_key', 'Beatport', '.')
_SHARPS = ('C', 'C#', 'D', 'D#', 'E', 'F', 'F#', 'G', 'G#', 'A', 'A#', 'B')
_CORPUS = (
    'the excerpts are those of giantsteps-mtg-key-dataset, on which giantsteps_key trains and '
    'validates'
)
_ARTISTS = 'the split is stratified by key and drawn at random: artists are in several parts'

CARD = DatasetCard(
    name='beatport_key',
    title='Beatport EDM key (mir_ref)',
    homepage='https://zenodo.org/records/1101082',
    licence='annotations: CC BY-SA 4.0; audio: previews of commercial recordings, for research',
    citation=(
        'A. Faraldo. Tonality estimation in electronic dance music: a computational and musically '
        'informed examination. PhD thesis, UPF Barcelona, 2018. Split: C. Plachouras, P. '
        'Alonso-Jimenez and D. Bogdanov. mir_ref: a representation evaluation framework for music '
        'information retrieval tasks. 2023.'
    ),
    how_to_get=(
        'From zenodo.org/records/1101082 take audio.zip, keys.zip and original_metadata.zip and '
        'unpack them in beatport_key below the data directory: beatport_key/audio/*.mp3, '
        'beatport_key/keys/*.txt and beatport_key/meta/*.json.'
    ),
    folder='beatport_key',
    split_source='mir_ref: 80:10:10 stratified by key, seed 42, as scikit-learn draws it',
    items={'train': 1017, 'valid': 127, 'test': 128},
    split_sha256=SPLIT_SHA256,
    hours=42.4,  # 1272 excerpts of two minutes.
    departures=(
        'mir_ref drops the last partial batch of the test; all 128 items are scored here',
        "window means of the task's windows stand for mir_ref's mean over the whole excerpt",
    ),
)


def key() -> Task:
    """24 keys, MIREX weighted score per excerpt; `protocol=mir_ref` trains as mir_ref does."""
    return Task(
        name='beatport_key',
        kind=Kind.KEY,
        labels=key_names.LABELS,
        metrics=defaults.metrics(Kind.KEY, key_names.LABELS),
        card=CARD,
        protocol=defaults.protocol(Kind.KEY, window_seconds=30.0),
        prepare=owners.preparing(
            CARD,
            Kind.KEY,
            key_names.LABELS,
            items,
            notes=(_CORPUS, _ARTISTS),
            split_sha256=SPLIT_SHA256,
        ),
        items=items,
    )


def items(data_dir: Path) -> list[Item]:
    """Lists the excerpts that have one key, by split and name.

    Raises:
        DataError: the key files are not there, or one holds no key.
    """
    place = owners.root(data_dir, _PLACES, 'keys', CARD)
    keys = dict(_single_keys(place / 'keys'))
    if not keys:
        raise DataError(f'{place}/keys holds no file with a single key. {CARD.how_to_get}')
    splits = mir_ref_splits(keys)
    found = [
        Item(name, place / 'audio' / f'{name}.mp3', splits[name], index, group=_artist(place, name))
        for name, index in keys.items()
    ]
    return sorted(found, key=lambda item: (SPLITS.index(item.split), item.id))


def counts(text: str) -> bool:
    """Whether mir_ref keeps a song with this key file.

    >>> counts('D minor'), counts('F major | D minor'), counts('X'), counts('C other')
    (True, False, False, False)
    """
    return '|' not in text and len(text.split(' ')) == 2 and 'other' not in text


def mir_ref_splits(keys: dict[str, int]) -> dict[str, str]:
    """Name -> split, from names and keys (indices) of all songs that count.

    Names are ordered as in mirdata's index: by the file name of the audio.
    """
    from jaxprobe.tasks import stratified  # Brings numpy, which listing tasks does without.

    names = sorted(keys, key=lambda name: f'{name}.mp3')
    parts = stratified.thirds([sharps(keys[name]) for name in names], SIZES, SEED)
    return {names[i]: split for split, part in zip(SPLITS, parts, strict=True) for i in part}


def sharps(index: int) -> str:
    """A key as mir_ref spells it, by whose alphabet the split is drawn.

    >>> sharps(1), sharps(22)
    ('C# major', 'A# minor')
    """
    return f'{_SHARPS[index % 12]} {"minor" if index >= 12 else "major"}'


def _single_keys(folder: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(folder.glob('*.txt')):
        if path.name.startswith('.'):
            continue
        text = owners.text(path).split('\n')[0].rstrip('\r')
        try:
            if counts(text):
                yield path.stem, key_names.index(text)
        except ValueError as error:
            raise DataError(f'{path}: {error}.') from None


def _artist(place: Path, name: str) -> str:
    """The first artist of a song, for clustered statistics; '' where its metadata are not there."""
    path = place / 'meta' / f'{name}.json'
    if not path.is_file():
        return ''
    try:
        return str(owners.json_object(path)['artists'][0]['name']).lower()
    except (KeyError, IndexError, TypeError):
        return ''
