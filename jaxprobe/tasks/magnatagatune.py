"""MagnaTagATune: the 50 most frequent tags of 25 860 clips of 29 s.

The first character of a clip's path says its part: 0-b train, c validation, d-f test. Three
files are empty and left out. `split='full'` keeps clips without any of the 50 tags, as MARBLE v1
does; `split='clean'` drops them, as Won et al. and mir_ref do (`'mir_ref'` is the same list).

The order of the tags is by frequency, ties as jukemir and MARBLE v2 have them (no vocal before
pop, male voice before female vocal, metal before female voice). MARBLE v1's own order depends on
the unstable sort of its numpy where counts are equal; means over tags do not.

Songs and albums lie within one part each, artists do not: 56 of 230 are in more than one.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxprobe.core.errors import ConfigError, DataError, suggest
from jaxprobe.tasks import defaults, marble_v2, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Task

LABELS = (
    'guitar', 'classical', 'slow', 'techno', 'strings', 'drums', 'electronic', 'rock', 'fast',
    'piano', 'ambient', 'beat', 'violin', 'vocal', 'synth', 'female', 'indian', 'opera', 'male',
    'singing', 'vocals', 'no vocals', 'harpsichord', 'loud', 'quiet', 'flute', 'woman',
    'male vocal', 'no vocal', 'pop', 'soft', 'sitar', 'solo', 'man', 'classic', 'choir', 'voice',
    'new age', 'dance', 'male voice', 'female vocal', 'beats', 'harp', 'cello', 'no voice',
    'weird', 'country', 'metal', 'female voice', 'choral',
)  # fmt: skip

VARIANTS = ('full', 'clean', 'mir_ref')
BROKEN = {
    '35644': 'empty file 6/norine_braun-now_and_zen-08-gently-117-146.mp3',
    '55753': (
        'empty file 8/jacob_heringman-josquin_des_prez_lute_settings-19-gintzler__pater_noster-'
        '204-233.mp3'
    ),
    '57881': (
        'empty file 9/american_baroque-dances_and_suites_of_rameau_and_couperin-25-le_petit_rien_'
        'xiveme_ordre_couperin-88-117.mp3'
    ),
}
SPLIT_SHA256 = {
    'full': 'b8833b936aaa24d5e9f573e0af64495aee66643720f988831de13bfc7aa6e13f',
    'clean': '39e31a5a4117cb4e014dcce36103a8022fcd136235f27806cc77f33e5b232408',
}

_COUNTS = {
    'full': {'train': 18706, 'valid': 1825, 'test': 5329},
    'clean': {'train': 15247, 'valid': 1529, 'test': 4332},
}
_PLACES = ('magnatagatune', 'MTT', 'mtt', '.')
_ANNOTATIONS = 'annotations_final.csv'
_TABLES = (_ANNOTATIONS, f'annotations/{_ANNOTATIONS}', f'metadata/{_ANNOTATIONS}')
_AUDIO = ('mp3', 'audio', '.')
_WHOLE = (
    'windows are 29.1 s, so that every clip is one window; MARBLE v1 encodes the 29.12 to 29.29 s '
    'that its decoder gives'
)


def tags(split: str = 'full', jsonl: str = '') -> Task:
    """50 tags, macro ROC-AUC, MARBLE v1's numbers.

    Args:
        split: 'full', or 'clean' without clips that have none of the tags; 'mir_ref' is 'clean'.
        jsonl: MARBLE v2's lists instead: the folder of MTT.train.jsonl.

    Raises:
        ConfigError: no such split.
    """
    if split not in VARIANTS:
        raise ConfigError(f'magnatagatune: split {split!r} is unknown. {suggest(split, VARIANTS)}')
    variant = 'full' if split == 'full' else 'clean'

    def listed(data_dir: Path) -> list[Item]:
        return items(data_dir, keep_untagged=variant == 'full')

    card = _card(variant)
    task = Task(
        name='magnatagatune',
        kind=Kind.MULTILABEL,
        labels=LABELS,
        metrics=defaults.metrics(Kind.MULTILABEL, LABELS),
        card=card,
        protocol=defaults.protocol(Kind.MULTILABEL, window_seconds=29.1),
        prepare=owners.preparing(
            card,
            Kind.MULTILABEL,
            LABELS,
            listed,
            notes=(_WHOLE,),
            split_sha256=SPLIT_SHA256[variant],
        ),
        items=listed,
        options={'split': split},
    )
    if not jsonl:
        return task
    return marble_v2.task(task, jsonl, 'MTT', marble_v2.some_of(LABELS), notes=(_WHOLE,))


def items(data_dir: Path, *, keep_untagged: bool = True) -> list[Item]:
    """Lists the clips by split, in the order of the owner's table.

    Raises:
        DataError: the table is not there, or is not the owner's.
    """
    card = _card('full')
    found = [t for t in _TABLES if any((data_dir / p / t).is_file() for p in _PLACES)]
    place = owners.root(data_dir, _PLACES, found[0] if found else _ANNOTATIONS, card)
    table = place / (found[0] if found else _ANNOTATIONS)
    audio = next((place / a for a in _AUDIO if _has_parts(place / a)), place / _AUDIO[0])
    listed = [
        Item(clip, audio / path, split_of(path), target, group=artist_of(path))
        for clip, path, target in _rows(table)
        if clip not in BROKEN and (target or keep_untagged)
    ]
    return sorted(listed, key=lambda item: SPLITS.index(item.split))


def split_of(path: str) -> str:
    """The part of a clip, by the first character of its path.

    >>> split_of('b/artist-album-01-title-0-29.mp3'), split_of('c/x.mp3'), split_of('d/x.mp3')
    ('train', 'valid', 'test')
    """
    if path[:1] in tuple('0123456789ab'):
        return 'train'
    return 'valid' if path[:1] == 'c' else 'test'


def artist_of(path: str) -> str:
    """The artist, which begins the name of every file.

    >>> artist_of('f/american_bach_soloists-j_s__bach-01-bwv54__i_aria-30-59.mp3')
    'american_bach_soloists'
    """
    return path.rpartition('/')[2].partition('-')[0]


def _has_parts(folder: Path) -> bool:
    return any((folder / part).is_dir() for part in '0123456789abcdef')


def _rows(table: Path) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yields clip, path and tags; only the columns that count are looked at."""
    reader = csv.reader(io.StringIO(owners.text(table), newline=''), delimiter='\t')
    header = [name.strip() for name in next(reader, [])]
    columns = _columns(header, table)
    clip, path = header.index('clip_id'), header.index('mp3_path')
    for row in reader:
        if not row:
            continue
        if len(row) != len(header) or row[path][:1] not in tuple('0123456789abcdef'):
            raise DataError(
                f'{table}, line {reader.line_num}: {len(row)} fields where the header names '
                f'{len(header)}, or a path that begins with none of 0-f. Fetch it again.'
            )
        yield row[clip], row[path], tuple(k for k, c in enumerate(columns) if row[c] == '1')


def _columns(header: Sequence[str], table: Path) -> list[int]:
    lacking = [name for name in ('clip_id', 'mp3_path', *LABELS) if name not in header]
    if lacking:
        raise DataError(
            f"{table} lacks {len(lacking)} columns: {', '.join(lacking[:5])}. The owner's file is "
            f'separated by tabs and has 190.'
        )
    return [header.index(label) for label in LABELS]


def _card(variant: str) -> DatasetCard:
    counts = _COUNTS[variant]
    untagged = '' if variant == 'full' else ', clips without any of the 50 tags dropped'
    return DatasetCard(
        name='magnatagatune',
        title=f'MagnaTagATune, top 50 tags, {variant} split',
        homepage='https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset',
        licence='audio: CC BY-NC-SA 1.0 (Magnatune); annotations: for research',
        citation=(
            'E. Law, K. West, M. Mandel, M. Bay and J. S. Downie. Evaluation of algorithms using '
            'games: the case of music tagging. ISMIR 2009.'
        ),
        how_to_get=(
            'From mirg.city.ac.uk/codeapps/the-magnatagatune-dataset take mp3.zip.001 to .003 (cat '
            'them together and unzip, 2.7 GB) and annotations_final.csv: magnatagatune/mp3/0 to '
            'magnatagatune/mp3/f and magnatagatune/annotations_final.csv below the data directory.'
        ),
        folder='magnatagatune',
        split_source=f'first character of the path: 0-b train, c valid, d-f test{untagged}',
        items=counts,
        split_sha256=SPLIT_SHA256[variant],
        hours=round(sum(counts.values()) * 29.124 / 3600, 1),
        broken=BROKEN,
    )
