"""The split that scikit-learn's `train_test_split(stratify=)` makes, without scikit-learn.

mir_ref and others split with it, so that their parts can only be had by doing as it does, random
draws included: numpy's `RandomState`, whose stream is frozen. `tests/tasks/stratified_test.py`
holds this to scikit-learn's own answer.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int


class Parts(NamedTuple):
    """Indices of the items of each part, in the order in which they were drawn."""

    train: Int[np.ndarray, '_']
    valid: Int[np.ndarray, '_']
    test: Int[np.ndarray, '_']


def thirds(labels: Sequence[str], sizes: tuple[float, float, float], seed: int) -> Parts:
    """Splits twice, as mir_ref does: training off the whole, then the rest into two.

    Args:
        labels: of the items, in the order that decides what the draws mean.
        sizes: shares of training, validation and test; they add up to 1.
        seed: of both splits.
    """
    names = np.asarray(labels)
    train, rest = halves(names, 1 - sizes[0], seed)
    valid, test = halves(names[rest], sizes[2] / (sizes[1] + sizes[2]), seed)
    return Parts(train, rest[valid], rest[test])


def halves(
    labels: np.ndarray, test_share: float, seed: int
) -> tuple[Int[np.ndarray, '_'], Int[np.ndarray, '_']]:
    """Draws two parts that hold each class in proportion.

    Args:
        labels: [N] of any kind that sorts.
        test_share: of the second part, whose size is rounded up.
        seed: of the draws.
    """
    random = np.random.RandomState(seed)
    classes, own = np.unique(labels, return_inverse=True)
    sizes = np.bincount(own, minlength=len(classes))
    second = math.ceil(test_share * len(labels))
    first_of = proportional(sizes, len(labels) - second, random)
    second_of = proportional(sizes - first_of, second, random)
    parts: tuple[list, list] = ([], [])
    for index, (a, b) in enumerate(zip(first_of, second_of, strict=True)):
        members = np.flatnonzero(own == index)[random.permutation(sizes[index])]
        parts[0].append(members[:a])
        parts[1].append(members[a : a + b])
    first, rest = (random.permutation(np.concatenate(part)) for part in parts)
    return first, rest


def proportional(
    sizes: Int[np.ndarray, 'C'], wanted: int, random: np.random.RandomState
) -> Int[np.ndarray, 'C']:
    """Takes `wanted` of classes of these sizes: the largest remainders first, ties by lot."""
    share = sizes / sizes.sum() * wanted
    taken = np.floor(share)
    missing = int(wanted - taken.sum())
    over = share - taken
    for value in np.sort(np.unique(over))[::-1]:
        if missing <= 0:
            break
        tied = np.flatnonzero(over == value)
        chosen = random.choice(tied, size=min(len(tied), missing), replace=False)
        taken[chosen] += 1
        missing -= len(chosen)
    return taken.astype(np.int64)
