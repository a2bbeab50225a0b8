"""The audit every data set goes through, before its audio is read and again with its audio known.

`survey` opens no audio: it asks the file system whether files are there, and the items whether
their splits make sense. What makes a result wrong is found here (missing files, an identity used
twice, the same audio in training and in the test); what merely deserves saying becomes a note.
`findings` counts the same faults for the items a bank was trained on, with hashes of their decoded
samples, so that a copy under another name or in another format is found too.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

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
    here: Sequence[str] = (),
) -> Preparation:
    """Looks for an item list's audio and for faults in its splits.

    Args:
        items: all items, broken ones left out.
        kind: of the task.
        labels: of the task.
        excluded: items left out beforehand, id -> reason.
        notes: remarks to put before the ones found here.
        here: remarks on this copy, which no result carries.

    Returns:
        What was found. It is usable if every split has at least half of its files, no id is
        used twice, and the targets vary where they must.
    """
    absent = _absent({path for item in items for path in _files(item)})
    empty = _empty(items, absent)
    whole = [item for item in items if absent.isdisjoint(_files(item))]
    expected = dict.fromkeys(SPLITS, 0) | Counter(item.split for item in items)
    found = dict.fromkeys(SPLITS, 0) | Counter(item.split for item in whole)
    enough = all(expected[s] and found[s] >= _ENOUGH * expected[s] for s in SPLITS)
    faults = [*_duplicates(items), *_nothing_to_score(items, kind)]
    found_notes = [
        *faults,
        *_same_audio(items),
        *_shared_groups(items),
        *_label_notes(items, kind, labels),
        *_constant_columns(items, kind, labels),
        *_empty_files(empty),
    ]
    return Preparation(
        usable=enough and not faults,
        found=found,
        expected=expected,
        missing=tuple(dict.fromkeys(str(p) for i in items for p in _files(i) if p in absent)),
        unreadable=tuple(map(str, empty)),
        excluded=dict(excluded or {}),
        notes=(*notes, *found_notes),
        split_sha256=split_sha256(items),
        here=tuple(here),
    )


def findings(
    items: Sequence[Item],
    kind: Kind,
    labels: Sequence[str],
    audio: Sequence[Sequence[str]] = (),
) -> dict[str, Any]:
    """Counts the faults of a split, as results carry them.

    Args:
        items: of all splits.
        kind: of the task.
        labels: of the task.
        audio: per item, hashes of the decoded samples of its files; '' where nobody hashed them.

    Returns:
        JSON values: `same_audio_across_splits`, items whose audio is also in an earlier split, with
        `examples`; `unhashed`, files whose samples were not compared; `groups_across_splits`
        {'train/test': how many}; `duplicate_ids`; `labels_without_positive` {split: labels};
        `untrained_labels`, those of the test without a training example; `constant_targets`
        {split: columns of a regression that never vary}.
    """
    pairs = crossing(items, audio)
    without = {split: _without_example(items, kind, labels, split) for split in SPLITS}
    trained = set(without['train'])
    columns = {split: _constant(items, kind, labels, split) for split in SPLITS}
    return {
        'same_audio_across_splits': len(pairs),
        'examples': pairs[:_SHOW],
        'unhashed': sum(not name for own in audio for name in own) if audio else len(items),
        'groups_across_splits': {
            '/'.join(pair): len(shared) for pair, shared in _groups(items) if shared
        },
        'duplicate_ids': len(_twice(items)),
        'labels_without_positive': {split: names for split, names in without.items() if names},
        'untrained_labels': [
            name for name in labels if name in trained and name not in without['test']
        ],
        'constant_targets': {split: names for split, names in columns.items() if names},
    }


def some(names: Sequence[object], show: int = _SHOW) -> str:
    """Lists the first names and counts the rest: 'a, b and 3 more'."""
    text = ', '.join(str(name) for name in names[:show])
    return text if len(names) <= show else f'{text} and {len(names) - show} more'


def _files(item: Item) -> tuple[Path, ...]:
    """All files an item needs: its audio, and its stems."""
    return (*item.paths, *(item.target.paths if isinstance(item.target, Stems) else ()))


def _absent(paths: set[Path]) -> set[Path]:
    """Paths that are no readable file."""
    return {p for p in paths if not (os.path.isfile(p) and os.access(p, os.R_OK))}


def _twice(items: Sequence[Item]) -> list[str]:
    return [name for name, count in Counter(item.id for item in items).items() if count > 1]


def _duplicates(items: Sequence[Item]) -> Iterator[str]:
    twice = _twice(items)
    if twice:
        yield f'{len(twice)} ids are used more than once: {some(twice)}. Ids must be unique.'


def _empty(items: Sequence[Item], absent: set[Path]) -> list[Path]:
    there = dict.fromkeys(p for i in items for p in _files(i) if p not in absent)
    return [path for path in there if not _size(path)]


def _empty_files(empty: Sequence[Path]) -> Iterator[str]:
    if empty:
        names = some([path.name for path in empty])
        yield f'{len(empty)} files are empty (0 bytes) and cannot be decoded: {names}'


def _size(path: Path) -> int:
    return path.stat().st_size


def _same_audio(items: Sequence[Item]) -> Iterator[str]:
    """Notes stretches of one file that lie in two splits at once."""
    pairs = crossing(items, ())
    if pairs:
        yield crossing_note(pairs)


def crossing_note(pairs: Sequence[str]) -> str:
    """Words audio that is in two splits."""
    return (
        f'the same audio is in two splits {len(pairs)} times, so that the test is not one: '
        f'{some(pairs)}'
    )


def crossing(items: Sequence[Item], audio: Sequence[Sequence[str]]) -> list[str]:
    """'a (train) and b (test)' for every item whose audio an earlier split has too."""
    by_path: dict[Path, list[Item]] = defaultdict(list)
    for item in items:
        for path in item.paths:
            by_path[path].append(item)
    pairs = [pair for own in by_path.values() if _crosses(own) for pair in _overlaps(own)]
    by_sound: dict[str, list[Item]] = defaultdict(list)
    for item, names in zip(items, audio, strict=bool(audio)) if audio else ():
        for name in names:
            by_sound[name].append(item)
    for name, own in by_sound.items():
        if name and _crosses(own):
            own = sorted(own, key=lambda item: SPLITS.index(item.split))
            pairs += [(own[0], item) for item in own if item.split != own[0].split]
    ordered = [sorted(pair, key=lambda item: SPLITS.index(item.split)) for pair in pairs]
    found = {(a.id, b.id): f'{a.id} ({a.split}) and {b.id} ({b.split})' for a, b in ordered}
    return list(found.values())


def _crosses(items: Sequence[Item]) -> bool:
    return len({item.split for item in items}) > 1


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


def _groups(items: Sequence[Item]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Pairs of splits, the gravest first, with the groups that are in both."""
    splits = defaultdict(set)
    for item in items:
        if item.group:
            splits[item.group].add(item.split)
    for pair in (('train', 'test'), ('train', 'valid'), ('valid', 'test')):
        yield pair, sorted(group for group, where in splits.items() if set(pair) <= where)


def _shared_groups(items: Sequence[Item]) -> Iterator[str]:
    for pair, shared in _groups(items):
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
    if kind.framewise:  # One item's frames differ among themselves.
        yield from _nothing_in_frames(items, kind)
        return
    if kind is not Kind.MULTILABEL:
        if len({item.target for item in items if item.split == 'train'}) == 1:
            yield 'all training items have the same target: there is nothing to learn.'
        return
    for split in SPLITS:
        own = [set(_parts(item)) for item in items if item.split == split]
        if own and not any(0 < sum(tag in tags for tags in own) < len(own) for tag in _union(own)):
            yield f'in {split} no tag both holds and fails to hold: there is nothing to rank.'


def _nothing_in_frames(items: Sequence[Item], kind: Kind) -> Iterator[str]:
    train = [item.target for item in items if item.split == 'train']
    silent = [isinstance(target, Beats) and not target.beats for target in train]
    if kind is Kind.BEATS and train and all(silent):
        yield 'no training item has a beat: there is nothing to learn.'
    if kind is Kind.FRAMES and len(_classes(items, 'train')) == 1:
        yield 'all frames of training have the same label: there is nothing to learn.'


def _union(sets: Sequence[set]) -> set:
    return set().union(*sets)


def _parts(item: Item) -> tuple:
    """The classes or tags an item is an example of; beats and stems are none."""
    if isinstance(item.target, Segments):
        return tuple(label for label in item.target.labels if label >= 0)
    if isinstance(item.target, Beats | Stems):
        return ()
    return item.target if isinstance(item.target, tuple) else (item.target,)


def _without_example(
    items: Sequence[Item], kind: Kind, labels: Sequence[str], split: str
) -> list[str]:
    """Labels that no item of a split is an example of; [] where targets are no labels."""
    if kind in (Kind.REGRESSION, Kind.BEATS, Kind.SEPARATION):
        return []
    present = _classes(items, split)
    return [label for k, label in enumerate(labels) if k not in present]


def _constant(items: Sequence[Item], kind: Kind, labels: Sequence[str], split: str) -> list[str]:
    """Columns of a regression that have one value in a split."""
    if kind is not Kind.REGRESSION:
        return []
    rows = [_parts(item) for item in items if item.split == split]
    return [label for label, values in zip(labels, zip(*rows)) if len(set(values)) == 1]


def _constant_columns(items: Sequence[Item], kind: Kind, labels: Sequence[str]) -> Iterator[str]:
    for split in SPLITS:
        names = _constant(items, kind, labels, split)
        if names:
            yield (
                f'{", ".join(names)} has one and the same value in {split}: it cannot be '
                f'{"learned" if split == "train" else "scored"}.'
            )


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
