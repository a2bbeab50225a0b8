"""VocalSet: 20 singers, ten of their techniques; who sings, and how.

Options of `split`:

    auto             `v1` where its lists are below the data directory, else `paper`; a result says
                     which.
    paper            An item is a recording, its windows are its 3 s stretches (shorter recordings
                     are repeated to 3 s, remainders dropped), its score the mean of their logits.
                     technique: singers are disjoint, 9 / 6 / 5; the five are the owner's test. The
                     papers do not name the six: here the three women and three men whose names
                     have the least sha1. singer: recordings are disjoint, 12 : 8 : 5 by sha1.
    v1               MARBLE v1's chunks of 3 s, each scored by itself, by its own lists
                     {train,valid,test}_{s,t}.txt. They come from a voice-activity trim of
                     torchaudio and from the random generators of numpy and scikit-learn, so they
                     are read where the user has them and made nowhere else.
    mir_ref          technique: f9, m9 and m11 validate, the five test; singer: 80 / 10 / 10 within
                     each singer. The lists are what mir_ref's thesis describes.
    mir_ref_literal  technique only, what mir_ref's code does: the label is the last technique found
                     in the file's name, so that every lip_trill is a trill; singers are told by two
                     letters, so that f9 and m9 train and validate, and m10 and m11 train as 'm1';
                     of files with one name, one is kept. Its singer split (files in the order of
                     the file system) cannot be made again.

Windows are 2.99 s whatever the split: chunks of MARBLE v1 last 2.993 s. The folder names the
singer, whatever the file is called: 28 files lack the singer in their name (MARBLE v1 renames
them), and one of male8 is called m9, as whom MARBLE v1 counts it.
"""

import contextlib
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxprobe.core.errors import ConfigError, DataError, suggest
from jaxprobe.tasks import defaults, owners
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Preparation, Protocol, Task

SINGERS = (*(f'f{k}' for k in range(1, 10)), *(f'm{k}' for k in range(1, 12)))
TECHNIQUES = (
    'belt', 'breathy', 'inhaled', 'lip_trill', 'spoken', 'straight', 'trill', 'trillo', 'vibrato',
    'vocal_fry',
)  # fmt: skip
FOLDERS = (
    *TECHNIQUES, 'fast_forte', 'fast_piano', 'forte', 'messa', 'pp', 'slow_forte', 'slow_piano',
)  # fmt: skip
TEST_SINGERS = ('f2', 'f8', 'm3', 'm5', 'm10')
MIR_REF_VALID = ('f9', 'm9', 'm11')
VARIANTS = ('auto', 'paper', 'v1', 'mir_ref', 'mir_ref_literal')

# MARBLE v1 deletes these: duplicates, and files its Table 2 does not have.
BROKEN = {
    'vibrato/f2_scales_vibrato_a(1)': 'a duplicate of f2_scales_vibrato_a',
    'vibrato/caro_vibrato': "not in the owner's table of recordings",
    'vibrato/dona_vibrato': "not in the owner's table of recordings",
    'vibrato/row_vibrato': "not in the owner's table of recordings",
    'vibrato/slow_vibrato_arps': "not in the owner's table of recordings",
}

_PLACES = ('vocalset', 'VocalSet', 'vocalset/VocalSet11', 'VocalSet11', '.')
_TREES = ('FULL', 'data_by_singer')  # Versions 1.1 and 1.2 call it so.
_SECONDS = 2.99  # Of a chunk's 2.993: one window whatever the resampler does to its last samples.
_RECORDINGS = 3555  # Of the owner's 3560, those left out taken off.
_LETTER = {'singer': 's', 'technique': 't'}
_LITERAL_ORDER = (
    'vibrato', 'straight', 'belt', 'breathy', 'lip_trill', 'spoken', 'inhaled', 'trill', 'trillo',
    'vocal_fry',
)  # fmt: skip
_LITERAL_TRAIN = (
    'f1', 'f3', 'f4', 'f5', 'f6', 'f7', 'f9', 'm1', 'm2', 'm4', 'm6', 'm7', 'm8', 'm9',
)  # fmt: skip

_SCORED = {
    'paper': 'made by the paper rule: recordings are scored, not the 3 s chunks of MARBLE v1',
    'v1': "MARBLE v1's chunks: each 3 s chunk is scored by itself, and singers or recordings may "
    'share chunks between parts',
    'mir_ref': 'recordings are scored; mir_ref itself averages embeddings (aggregation=embeddings)',
    'mir_ref_literal': 'two singers are in train and valid, lip_trill is labelled trill: mir_ref '
    'as its code does it, for comparison only',
}


class Recording(NamedTuple):
    """A file of the owner's tree; `singer` and `technique` are its folders' names."""

    singer: str
    technique: str
    id: str
    path: Path


def singer(split: str = 'auto') -> Task:
    """20 singers, accuracy, MARBLE v1's numbers.

    Args:
        split: 'auto', 'v1' where its lists are here, else 'paper'; 'paper', recordings are
            disjoint, 12 : 8 : 5 by sha1; 'v1', the user's own files of MARBLE v1's 3 s chunks;
            'mir_ref', 80 / 10 / 10 within each singer.
    """
    known = tuple(v for v in VARIANTS if v != 'mir_ref_literal')
    return _task('vocalset_singer', SINGERS, split, known, stop_patience=20)


def technique(split: str = 'auto') -> Task:
    """Ten techniques, accuracy, MARBLE v1's numbers.

    Args:
        split: 'auto', 'v1' where its lists are here, else 'paper'; 'paper', singers are disjoint,
            9 / 6 / 5; 'v1', the user's own files of MARBLE v1's 3 s chunks; 'mir_ref', validation
            singers f9, m9 and m11, as its thesis says; 'mir_ref_literal', what its code does, with
            f9 and m9 in two parts.
    """
    return _task('vocalset_technique', TECHNIQUES, split, VARIANTS, stop_patience=10)


def _task(
    name: str, labels: tuple[str, ...], split: str, known: Sequence[str], stop_patience: int
) -> Task:
    if split not in known:
        raise ConfigError(f'{name}: split {split!r} is unknown. {suggest(split, known)}')
    target = name.removeprefix('vocalset_')
    card = _card(target, split)

    def listed(data_dir: Path) -> list[Item]:
        return items(data_dir, target, split)

    def prepare(data_dir: Path) -> Preparation:
        used = _used(data_dir, target, split)
        notes = [_SCORED[used]]
        if split == 'auto' and used == 'paper':
            notes = [f"MARBLE v1's chunks are not here: {_SCORED[used]}"]
        if used != 'v1':
            with contextlib.suppress(DataError):  # The survey says what is wrong.
                here = len(recordings(data_dir))
                if here != _RECORDINGS:
                    notes.append(owners.fewer(here, _RECORDINGS, 'recordings'))
        return owners.preparing(card, Kind.MULTICLASS, labels, listed, notes=notes)(data_dir)

    return Task(
        name=name,
        kind=Kind.MULTICLASS,
        labels=labels,
        metrics=defaults.metrics(Kind.MULTICLASS, labels),
        card=card,
        protocol=Protocol(
            monitor='accuracy',
            stop_patience=stop_patience,
            window_seconds=_SECONDS,
        ),
        prepare=prepare,
        items=listed,
        options={'split': split},
    )


def items(data_dir: Path, target: str, split: str = 'auto') -> list[Item]:
    """Lists the items of a task by split and name.

    Args:
        data_dir: where data sets lie.
        target: 'singer' or 'technique'.
        split: see the module.

    Raises:
        DataError: the owner's tree, or for 'v1' MARBLE's chunks and lists, are not there.
    """
    split = _used(data_dir, target, split)
    if split == 'v1':
        return _chunks(data_dir, target)
    found = recordings(data_dir)
    make = {
        ('singer', 'paper'): _paper_singer,
        ('technique', 'paper'): _paper_technique,
        ('singer', 'mir_ref'): _mir_ref_singer,
        ('technique', 'mir_ref'): _mir_ref_technique,
        ('technique', 'mir_ref_literal'): _mir_ref_literal,
    }[target, split]
    return sorted(make(found), key=lambda item: (SPLITS.index(item.split), item.id))


def _used(data_dir: Path, target: str, split: str) -> str:
    """What 'auto' means on this disk; any other split is itself."""
    if split != 'auto':
        return split
    return 'v1' if _place_of_chunks(data_dir, target) else 'paper'


def recordings(data_dir: Path) -> list[Recording]:
    """Lists the owner's recordings in order, those known to be broken left out.

    Raises:
        DataError: the tree is not there, or a folder names no singer.
    """
    trees = [f'{place}/{tree}' for place in _PLACES for tree in _TREES]
    root = owners.root(data_dir, trees, '.', _card('singer', 'paper'))
    found = []
    for path in sorted(root.glob('*/*/*/*.wav')):
        folder, _, technique_ = path.relative_to(root).parts[:3]
        if path.name.startswith('.') or f'{technique_}/{path.stem}' in BROKEN:
            continue
        name = str(path.relative_to(root).with_suffix(''))
        found.append(Recording(_singer(folder, root), technique_, name, path))
    if not found:
        raise DataError(f'{root} holds no <singer>/<context>/<technique>/*.wav.')
    return found


def full_name(file: str, singer_: str) -> str:
    """A file's name with the singer before it, as all but 28 have it.

    >>> full_name('row_straight.wav', 'm8'), full_name('m10_row_straight.wav', 'm10')
    ('m8_row_straight.wav', 'm10_row_straight.wav')
    """
    return file if re.match(r'[fm]\d+_', file) else f'{singer_}_{file}'


def draw(name: str) -> int:
    """A number that is always the same for a name: its sha1."""
    return int(hashlib.sha1(name.encode()).hexdigest(), 16)


def paper_valid_singers() -> tuple[str, ...]:
    """The six of the 15 singers that validate: three women and three men of least sha1."""
    rest = sorted((s for s in SINGERS if s not in TEST_SINGERS), key=draw)
    return tuple(s for sex in 'fm' for s in [s for s in rest if s.startswith(sex)][:3])


def _singer(folder: str, root: Path) -> str:
    match = re.fullmatch(r'(f|m|female|male)_?(\d+)', folder)
    name = f'{match[1][0]}{int(match[2])}' if match else ''
    if name not in SINGERS:
        raise DataError(f'{root}: folder {folder!r} names no singer; female1 to male11 are known.')
    return name


def _paper_singer(found: Sequence[Recording]) -> Iterator[Item]:
    for r in found:
        if r.technique not in FOLDERS:
            continue
        drawn = draw(f'{r.technique}/{full_name(r.path.name, r.singer)}') % 25
        split = 'train' if drawn < 12 else 'valid' if drawn < 20 else 'test'
        yield Item(r.id, r.path, split, SINGERS.index(r.singer))


def _by_singer(found: Sequence[Recording], split_of: Callable[[str], str]) -> Iterator[Item]:
    for r in found:
        if r.technique in TECHNIQUES:
            target = TECHNIQUES.index(r.technique)
            yield Item(r.id, r.path, split_of(r.singer), target, group=r.singer)


def _paper_technique(found: Sequence[Recording]) -> Iterator[Item]:
    valid = paper_valid_singers()
    return _by_singer(found, lambda s: _part(s, valid))


def _mir_ref_technique(found: Sequence[Recording]) -> Iterator[Item]:
    return _by_singer(found, lambda s: _part(s, MIR_REF_VALID))


def _part(singer_: str, valid: Sequence[str]) -> str:
    return 'test' if singer_ in TEST_SINGERS else 'valid' if singer_ in valid else 'train'


def _mir_ref_singer(found: Sequence[Recording]) -> Iterator[Item]:
    by_singer = defaultdict(list)
    for r in found:
        by_singer[r.singer].append(r)
    for name, own in by_singer.items():
        for rank, r in enumerate(sorted(own, key=lambda r: draw(r.id))):
            split = {8: 'valid', 9: 'test'}.get(rank % 10, 'train')
            yield Item(r.id, r.path, split, SINGERS.index(name))


def _mir_ref_literal(found: Sequence[Recording]) -> Iterator[Item]:
    parts = {'train': _LITERAL_TRAIN, 'valid': MIR_REF_VALID, 'test': TEST_SINGERS}
    for stem, path in {r.path.stem: r.path for r in found}.items():
        named = [technique_ for technique_ in _LITERAL_ORDER if technique_ in stem]
        for split, singers in parts.items() if named else ():
            if stem[:2] in singers:
                target = TECHNIQUES.index(named[-1])
                yield Item(f'{split}/{stem}', path, split, target, group=stem[:2])


def _lists(target: str) -> dict[str, str]:
    return {split: f'{split}_{_LETTER[target]}.txt' for split in SPLITS}


def _place_of_chunks(data_dir: Path, target: str) -> Path | None:
    places = (data_dir / place for place in _PLACES)
    return next((p for p in places if (p / _lists(target)['train']).is_file()), None)


def _chunks(data_dir: Path, target: str) -> list[Item]:
    lists = _lists(target)
    missing = (
        "MARBLE v1 makes it from the owner's archive (tasks/VocalSet/preprocess.py). split=paper "
        'uses the recordings themselves.'
    )
    place = _place_of_chunks(data_dir, target)
    if place is None:
        raise DataError(
            f'{lists["train"]} is not in {", ".join(_PLACES)} below {data_dir}: {missing}'
        )
    found = []
    for split, name in lists.items():
        if not (place / name).is_file():
            raise DataError(f'{place / name} is not there: {missing}')
        for at, line in enumerate(owners.text(place / name).split('\n'), start=1):
            if line.strip():
                found.append(
                    _chunk(line.strip(), f'{place / name}, line {at}', place, split, target)
                )
    return found


def _chunk(line: str, where: str, place: Path, split: str, target: str) -> Item:
    technique_, _, file = line.partition('/')
    who = file.split('_')[0]
    if who not in SINGERS or technique_ not in FOLDERS:
        raise DataError(f'{where}: {line!r} is not <technique>/<singer>_..._NN.wav.')
    recording = file.rpartition('_')[0]
    path, name = place / 'audio' / line, line.removesuffix('.wav')
    if target == 'singer':
        return Item(name, path, split, SINGERS.index(who), group=f'{technique_}/{recording}')
    if technique_ not in TECHNIQUES:
        raise DataError(f'{where}: {technique_!r} is none of the ten techniques.')
    return Item(name, path, split, TECHNIQUES.index(technique_), group=who)


def _card(target: str, split: str) -> DatasetCard:
    paper = {
        'singer': 'paper rule: recordings, 12:8:5 by sha1 of technique and name',
        'technique': (
            f'paper rule: test {", ".join(TEST_SINGERS)}; valid {", ".join(paper_valid_singers())} '
            f'(least sha1); nine train'
        ),
    }
    chunks = f"MARBLE v1's {{train,valid,test}}_{_LETTER[target]}.txt"
    sources = {
        (target, 'auto'): f'{chunks} where they are here; else {paper[target]}',
        (target, 'paper'): paper[target],
        (target, 'v1'): f'{chunks}, as the user has them',
        ('singer', 'mir_ref'): 'mir_ref, mended: 80:10:10 within each singer, by sha1',
        ('technique', 'mir_ref'): (
            f'mir_ref, mended: test {", ".join(TEST_SINGERS)}; valid {", ".join(MIR_REF_VALID)}'
        ),
        ('technique', 'mir_ref_literal'): "mir_ref's code to the letter, its slips included",
    }
    return DatasetCard(
        name='vocalset',
        title=f'VocalSet, {target}, {split} split',
        homepage='https://zenodo.org/records/1203819',
        licence='CC BY 4.0',
        citation=(
            'J. Wilkins, P. Seetharaman, A. Wahl and B. Pardo. VocalSet: a singing voice dataset. '
            'ISMIR 2018.'
        ),
        how_to_get=(
            'From zenodo.org/records/1203819 take VocalSet11.zip and unpack it in vocalset '
            'below the data directory: vocalset/FULL/female1/arpeggios/belt/*.wav.'
        ),
        folder='vocalset',
        split_source=sources[target, split],
        items={},  # 3560 recordings in all; how many in each part no owner's list says.
        hours=10.1,
        broken=BROKEN,
    )
