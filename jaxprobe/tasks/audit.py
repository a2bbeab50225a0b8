"""The audit every data set goes through before its audio is read.

It opens no audio: it asks the file system whether files are there, and the items whether their
splits make sense. What makes a result wrong is found here (missing files, an identity used
twice, the same audio in training and in the test); what merely deserves saying becomes a note.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jaxprobe.tasks.base import SPLITS, Beats, Item, Kind, Preparation, Segments, Stems
from jaxprobe.tasks.targets import split_sha256

_ENOUGH = 0.5  # Of a split's files: with fewer there, its scores would mean something else.
_SHOW = 5


def survey(
    items: Sequence[Item],
    kind: Kind,
    labels: Sequence[str],
    *,
    excluded: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Preparation:
    """Looks for an item list's audio and for faults in its splits.

    Args:
        items: all items, broken ones left out.
        kind: of the task.
        labels: of the task.
        excluded: items left out beforehand, id -> reason.
        notes: remarks to put before the ones found here.

    Returns:
        What was found. It is usable if every split has at least half of its files, no id is
        used twice, and the targets vary where they must.
    """
    absent = _absent({item.path for item in items})
    expected = dict.fromkeys(SPLITS, 0) | Counter(item.split for item in items)
    found = dict.fromkeys(SPLITS, 0) | Counter(
        item.split for item in items if item.path not in absent
    )
    enough = all(expected[s] and found[s] >= _ENOUGH * expected[s] for s in SPLITS)
    faults = [*_duplicates(items), *_nothing_to_score(items, kind)]
    found_notes = [
        *faults,
        *_same_audio(items),
        *_shared_groups(items),
        *_label_notes(items, kind, labels),
        *_empty_files(items, absent),
    ]
    return Preparation(
        usable=enough and not faults,
        found=found,
        expected=expected,
        missing=tuple(dict.fromkeys(str(i.path) for i in items if i.path in absent)),
        excluded=dict(excluded or {}),
        notes=(*notes, *found_notes),
        split_sha256=split_sha256(items),
    )


def some(names: Sequence[object], show: int = _SHOW) -> str:
    """Lists the first names and counts the rest: 'a, b and 3 more'."""
    text = ', '.join(str(name) for name in names[:show])
    return text if len(names) <= show else f'{text} and {len(names) - show} more'


def _absent(paths: set[Path]) -> set[Path]:
    """Paths that are no readable file."""
    return {p for p in paths if not (p.is_file() and os.access(p, os.R_OK))}


def _duplicates(items: Sequence[Item]) -> Iterator[str]:
    twice = [name for name, count in Counter(item.id for item in items).items() if count > 1]
    if twice:
        yield f'{len(twice)} ids are used more than once: {some(twice)}. Ids must be unique.'


def _empty_files(items: Sequence[Item], absent: set[Path]) -> Iterator[str]:
    empty = [p for p in dict.fromkeys(i.path for i in items) if p not in absent and not _size(p)]
    if empty:
        yield f'{len(empty)} files are empty (0 bytes) and cannot be decoded: {some(empty)}'


def _size(path: Path) -> int:
    return path.stat().st_size


def _same_audio(items: Sequence[Item]) -> Iterator[str]:
    """Notes stretches of one file that lie in two splits at once."""
    by_path = defaultdict(list)
    for item in items:
        by_path[item.path].append(item)
    pairs = []
    for own in by_path.values():
        if len({item.split for item in own}) > 1:
            pairs += [f'{a.id} ({a.split}) and {b.id} ({b.split})' for a, b in _overlaps(own)]
    if pairs:
        yield (
            f'the same audio is in two splits {len(pairs)} times, so that the test is not one: '
            f'{some(pairs)}'
        )


def _overlaps(items: Sequence[Item]) -> Iterator[tuple[Item, Item]]:
    """Yields neighbours in time that overlap and belong to different splits."""
    ordered = sorted(items, key=lambda item: item.start)
    latest: dict[str, tuple[float, Item]] = {}  # Per split, the item that ends last so far.
    for item in ordered:
        for split, (end, other) in latest.items():
            if split != item.split and item.start < end - 1e-6:
                yield other, item
        end = float('inf') if item.duration is None else item.start + item.duration
        if item.split not in latest or end > latest[item.split][0]:
            latest[item.split] = (end, item)


def _shared_groups(items: Sequence[Item]) -> Iterator[str]:
    splits = defaultdict(set)
    for item in items:
        if item.group:
            splits[item.group].add(item.split)
    for pair in (('train', 'test'), ('train', 'valid'), ('valid', 'test')):
        shared = sorted(group for group, where in splits.items() if set(pair) <= where)
        if shared:
            yield (
                f'{len(shared)} groups are in both {pair[0]} and {pair[1]}: {some(shared)}. Scores '
                f'may owe something to recognising the group.'
            )


def _classes(items: Sequence[Item], split: str) -> set:
    """Classes or tags with an example in a split."""
    return _union([set(_parts(item)) for item in items if item.split == split])


def _nothing_to_score(items: Sequence[Item], kind: Kind) -> Iterator[str]:
    """Training needs two classes or values; a split needs a tag that holds here and fails there."""
    if kind is not Kind.MULTILABEL:
        if len({item.target for item in items if item.split == 'train'}) == 1:
            yield 'all training items have the same target: there is nothing to learn.'
        return
    for split in SPLITS:
        own = [set(_parts(item)) for item in items if item.split == split]
        if own and not any(0 < sum(tag in tags for tags in own) < len(own) for tag in _union(own)):
            yield f'in {split} no tag both holds and fails to hold: there is nothing to rank.'


def _union(sets: Sequence[set]) -> set:
    return set().union(*sets)


def _parts(item: Item) -> tuple:
    """The classes or tags an item is an example of; beats and stems are none."""
    if isinstance(item.target, Segments):
        return tuple(label for label in item.target.labels if label >= 0)
    if isinstance(item.target, Beats | Stems):
        return ()
    return item.target if isinstance(item.target, tuple) else (item.target,)


def _label_notes(items: Sequence[Item], kind: Kind, labels: Sequence[str]) -> Iterator[str]:
    if kind is Kind.REGRESSION:
        return
    present = {split: _classes(items, split) for split in SPLITS}
    for split in ('valid', 'test'):
        untrained = sorted(present[split] - present['train'])
        if untrained:
            names = some([labels[k] for k in untrained])
            yield f'{len(untrained)} labels of {split} have no example in train: {names}'
    if kind is Kind.MULTILABEL:
        for split in ('valid', 'test'):
            unseen = [label for k, label in enumerate(labels) if k not in present[split]]
            if unseen:
                yield (
                    f'{len(unseen)} tags have no example in {split} and are left out of its macro '
                    f'means: {some(unseen)}'
                )
