"""Targets of items as arrays, and the hash that identifies a split."""

import hashlib
import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float32, Int64

from jaxprobe.core.errors import DataError
from jaxprobe.tasks.base import Item, Kind, Target, Task


def encode(
    task: Task, items: Sequence[Item]
) -> Int64[np.ndarray, 'N'] | Float32[np.ndarray, 'N C']:
    """Stacks the targets of items, in their order.

    Args:
        task: says what the targets are and how many outputs there are.
        items: of one split, or of several.

    Returns:
        Class indices for multiclass and key; 0 and 1 per tag for multilabel; the numbers
        themselves for regression.

    Raises:
        DataError: a target does not fit the task's labels; the message names the item.
    """
    for item in items:
        if not _fits(task, item.target):
            raise DataError(
                f'{task.name}: item {item.id!r} has target {item.target!r}, which is no '
                f'{task.kind.value} target for {len(task.labels)} outputs.'
            )
    if task.kind in (Kind.MULTICLASS, Kind.KEY):
        return np.array([item.target for item in items], np.int64).reshape(len(items))
    encoded = np.zeros((len(items), len(task.labels)), np.float32)
    for row, item in zip(encoded, items, strict=True):
        if task.kind is Kind.MULTILABEL:
            row[np.array(item.target, np.int64)] = 1.0
        else:
            row[:] = item.target
    return encoded


def split_sha256(items: Iterable[Item]) -> str:
    """Identifies who is in which split with which target: sha256 of the sorted lines (hex)."""
    lines = sorted(f'{item.id}\t{item.split}\t{item.target!r}\n' for item in items)
    return hashlib.sha256(''.join(lines).encode()).hexdigest()


def _fits(task: Task, target: Target) -> bool:
    outputs = len(task.labels)
    if task.kind in (Kind.MULTICLASS, Kind.KEY):
        return isinstance(target, int) and 0 <= target < outputs
    if not isinstance(target, tuple):
        return False
    if task.kind is Kind.MULTILABEL:
        return all(isinstance(tag, int) and 0 <= tag < outputs for tag in target)
    return len(target) == outputs and all(math.isfinite(value) for value in target)
