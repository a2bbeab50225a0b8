"""Targets of items as arrays, and the hash that identifies a split."""

import hashlib
import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float32, Int64

from jaxprobe.core.errors import DataError
from jaxprobe.tasks.base import Beats, Item, Kind, Segments, Stems, Target, Task


def encode(
    task: Task, items: Sequence[Item]
) -> Int64[np.ndarray, 'N'] | Float32[np.ndarray, 'N C']:
    """Stacks the targets of items, in their order.

    Args:
        task: says what the targets are and how many outputs there are.
        items: of one split, or of several; not of a task of frames (`frame_targets`).

    Returns:
        Class indices for multiclass and key; 0 and 1 per tag for multilabel; the numbers
        themselves for regression.

    Raises:
        DataError: a target does not fit the task's labels; the message names the item.
    """
    check(task, items)
    if task.kind in (Kind.MULTICLASS, Kind.KEY):
        return np.array([item.target for item in items], np.int64).reshape(len(items))
    encoded = np.zeros((len(items), len(task.labels)), np.float32)
    for row, item in zip(encoded, items, strict=True):
        if task.kind is Kind.MULTILABEL:
            row[np.array(item.target, np.int64)] = 1.0
        else:
            row[:] = np.array(item.target, np.float32)
    return encoded


def check(task: Task, items: Sequence[Item]) -> None:
    """Refuses targets that are not of the task's kind.

    Raises:
        DataError: names the item.
    """
    for item in items:
        if not _fits(task, item.target):
            raise DataError(
                f'{task.name}: item {item.id!r} has target {str(item.target)[:200]}, which is no '
                f'{task.kind.value} target for {len(task.labels)} outputs.'
            )


def split_sha256(items: Iterable[Item]) -> str:
    """Identifies who is in which split with which target: sha256 of the sorted lines (hex)."""
    lines = sorted(f'{item.id}\t{item.split}\t{item.target!r}\n' for item in items)
    return hashlib.sha256(''.join(lines).encode('utf-8', 'surrogatepass')).hexdigest()


def _fits(task: Task, target: Target) -> bool:
    outputs = len(task.labels)
    if task.kind is Kind.BEATS:
        return isinstance(target, Beats) and all(map(_ascending, target))
    if task.kind is Kind.FRAMES:
        return (
            isinstance(target, Segments)
            and len(target.starts) == len(target.labels) > 0
            and _ascending((*target.starts, target.end))
            and all(-1 <= label < outputs for label in target.labels)
        )
    if task.kind is Kind.SEPARATION:
        return isinstance(target, Stems) and len(target.paths) == outputs
    if task.kind in (Kind.MULTICLASS, Kind.KEY):
        return isinstance(target, int) and 0 <= target < outputs
    if not isinstance(target, tuple) or isinstance(target, Beats | Segments | Stems):
        return False
    if task.kind is Kind.MULTILABEL:
        return all(isinstance(tag, int) and 0 <= tag < outputs for tag in target)
    return len(target) == outputs and all(math.isfinite(value) for value in target)


def _ascending(times: Sequence[float]) -> bool:
    return all(math.isfinite(t) and t >= 0 for t in times) and all(
        a < b for a, b in itertools.pairwise(times)
    )
