"""Two records of one bank side by side: their items, their cells, and every stored logit."""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from jaxprobe.stages import grid, resample
from jaxprobe.stages.difference.values import ABSENT, Change, change
from jaxprobe.stages.results import BankRecord

SHOWN = 5  # Names that stand for a longer list.

_OF_CELLS = ('best_epoch', 'epochs_run', 'best_monitor', 'diverged', 'ensemble', 'mix_weights')

Cell = tuple[str, float, int]


def items(where: str, a: BankRecord, b: BankRecord) -> Iterator[Change]:
    """What differs in the items that were scored: which, their labels, their groups."""
    for split in ('valid', 'test'):
        one, two = _by_id(a, split), _by_id(b, split)
        yield from only('data', where, f'{split} items', one, two)
        both = [name for name in one if name in two]
        if [n for n in one if n in two] != [n for n in two if n in one]:
            yield change('data', where, f'{split} items', 'one order', 'another order')
        for place, what in enumerate(('label', 'group')):
            other = [n for n in both if one[n][place] != two[n][place]]
            for name in other[:SHOWN]:
                values = one[name][place], two[name][place]
                yield change('data', where, f'{what} of {split} item {name}', *values)
            if len(other) > SHOWN:
                more = len(other) - SHOWN
                yield change('data', where, f'{what}s of {split} items', f'{more} more', 'differ')
    if not _same(a.train_targets, b.train_targets):
        words = [f'{len(record.train_targets)} targets' for record in (a, b)]
        yield change('data', where, 'labels of train items', *words)


def cells(where: str, a: BankRecord, b: BankRecord) -> Iterator[Change]:
    """What differs in the cells: which there are, how they trained, what they answered."""
    one, two = _cells(a), _cells(b)
    yield from only('cells', where, 'cells', one, two, _said)
    both = [cell for cell in one if cell in two]
    p, q = [one[cell] for cell in both], [two[cell] for cell in both]
    if not both:
        return
    for name in _OF_CELLS:
        values = np.asarray(getattr(a, name))[p], np.asarray(getattr(b, name))[q]
        yield from _arrays('cells', where, name, *values, [_said(c) for c in both])
    for split in ('valid', 'test'):
        yield from _logits(where, split, a, b, p, q, [_said(cell) for cell in both])
    for name in sorted(a.scores.keys() & b.scores.keys()):
        values = a.scores[name][p], b.scores[name][q]
        yield from _arrays('cells', where, name, *values, [_said(c) for c in both])


def paired(metric: str, a: BankRecord, b: BankRecord, resamples: int) -> dict[str, Any] | None:
    """The difference of the selected cells, B minus A, on the same draws of the same test items.

    Returns:
        The interval of the difference and its two-sided p, see `resample.difference`; None where
        the two were not scored on the same items, or one has no score.
    """
    one, two = _by_id(a, 'test'), _by_id(b, 'test')
    if one.keys() != two.keys() or any(one[n] != two[n] for n in one):
        return None
    if metric not in a.meta['task']['metrics'] or metric not in b.meta['task']['metrics']:
        return None
    books = grid.of(a).book, grid.of(b).book
    if books[0] is None or books[1] is None:
        return None
    place = {name: i for i, name in enumerate(b.test_ids)}
    order = [place[name] for name in a.test_ids]
    arranged = dataclasses.replace(
        b, test_logits=b.test_logits[:, order], test_targets=b.test_targets[order]
    )
    drawn = resample.draw(a, resamples)
    before = resample.replicates(a, metric, books[0].selected.cells, drawn)
    after = resample.replicates(arranged, metric, books[1].selected.cells, drawn)
    found = resample.difference(after, before, drawn)
    return None if found['p'] is None else {'difference_ci95': found['ci95'], 'p': found['p']}


def only(
    part: str,
    where: str,
    what: str,
    one: Collection[Any],
    two: Collection[Any],
    say: Callable[[Any], str] = str,
) -> Iterator[Change]:
    """What is on one side alone: how many, and the first by name."""
    for side, here, there in (('A', one, two), ('B', two, one)):
        gone = [say(name) for name in here if name not in there]
        if gone:
            sides = (gone[:SHOWN], ABSENT) if side == 'A' else (ABSENT, gone[:SHOWN])
            yield change(part, where, f'{what} only in {side}', *sides, count=len(gone))


def _logits(
    where: str, split: str, a: BankRecord, b: BankRecord, p: list[int], q: list[int], names: list
) -> Iterator[Change]:
    ids = {name: i for i, name in enumerate(getattr(b, f'{split}_ids'))}
    both = [(i, ids[n], n) for i, n in enumerate(getattr(a, f'{split}_ids')) if n in ids]
    one, two = getattr(a, f'{split}_logits'), getattr(b, f'{split}_logits')
    if not both:
        return
    if one.shape[2] != two.shape[2]:
        yield change('cells', where, f'outputs of {split} logits', one.shape[2], two.shape[2])
        return
    one = one[np.ix_(p, [i for i, _, _ in both])].astype(np.float64)
    two = two[np.ix_(q, [j for _, j, _ in both])].astype(np.float64)
    yield from _arrays('cells', where, f'{split} logits', one, two, names, [n for _, _, n in both])


def _arrays(
    part: str, where: str, what: str, a: Any, b: Any, cells: Sequence[str], items: Sequence = ()
) -> Iterator[Change]:
    """One sentence on all that differs between two arrays whose first axis is cells."""
    if a.shape != b.shape:
        yield change(part, where, f'shape of {what}', list(a.shape), list(b.shape))
        return
    other = _unequal(a, b)
    if not other.any():
        return
    first = tuple(int(axis[0]) for axis in np.nonzero(other))
    place = [cells[first[0]], *([items[first[1]]] if items else [])]
    more: dict[str, Any] = {'differing': int(other.sum()), 'of': int(other.size)}
    if a.dtype.kind == 'f':
        gaps = np.abs(a - b)[other]
        more['largest'] = float(np.nanmax(gaps)) if np.isfinite(gaps).any() else None
    values = (_plain(side[first]) for side in (a, b))
    yield change(part, where, f'{what} of {", ".join(place)}', *values, **more)


def _unequal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind == 'f' and b.dtype.kind == 'f':
        return ~((a == b) | (np.isnan(a) & np.isnan(b)))
    return a != b


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and not _unequal(a, b).any()


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, 'item') else value
    return None if value != value else value


def _by_id(record: BankRecord, split: str) -> dict[str, tuple[Any, str]]:
    targets, groups = getattr(record, f'{split}_targets'), getattr(record, f'{split}_groups')
    ids = getattr(record, f'{split}_ids')
    return {n: (t.tolist(), g) for n, t, g in zip(ids, targets, groups, strict=True)}


def _cells(record: BankRecord) -> dict[Cell, int]:
    keys = zip(record.source, record.learning_rate, record.seed, strict=True)
    return {(s, float(r), int(k)): p for p, (s, r, k) in enumerate(keys)}


def _said(cell: Cell) -> str:
    return f'{cell[0]} at {cell[1]:g}, seed {cell[2]}'
