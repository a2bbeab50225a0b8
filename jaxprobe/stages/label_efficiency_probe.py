"""The same bank on shares of the training items: `<task>@train-0.1`.

The subsets are nested: one order of the items, of which a share is the beginning, by class in
proportion where an item has one class. A subset has batches of its own, as full as those of all
items, and the compiled programs of all items. Epochs and cells are selected on the whole validation
set, as for the bank itself: a curve says what fewer training labels cost, not fewer labels.
"""

import math
from typing import Any

import numpy as np
from jaxtyping import Int

from jaxprobe.core import rng
from jaxprobe.core.errors import ConfigError
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known
from jaxprobe.stages.results import BankRecord
from jaxprobe.tasks.base import Kind

KIND = 'train'


def jobs(known: Known, own: BankRecord, study: Any) -> list[Job]:
    """A bank per share that is less than all; none for separation, whose songs are few.

    Raises:
        ConfigError: a share is none, or leaves no item.
    """
    del own
    if not study.fractions:
        return []
    if known.task.kind is Kind.SEPARATION:
        print(f'   {known.label}: no shares of the training items, its bank takes whole songs')
        return []
    return planned(known, study.fractions)


def planned(known: Known, fractions: tuple[float, ...]) -> list[Job]:
    """The jobs, in order of their shares; all of the items is the task's own bank.

    Raises:
        ConfigError: a share is none, or leaves no item.
    """
    items = known.by_split['train']
    order = nested(known)
    found = []
    for share in sorted({float(f) for f in fractions}):
        size = taken(share, len(items), known.task.name)
        if size == len(items):
            continue
        found.append(
            Job(
                known.grid,
                KIND,
                share,
                what=f'the same bank on {size} of {len(items)} training items',
                chosen=np.sort(order[:size]),
                meta={'n': {**known.meta['n'], 'train': size}},
            )
        )
    return found


def taken(share: float, n: int, task: str) -> int:
    """How many of n items a share is.

    Raises:
        ConfigError: it is no share, or none of them.
    """
    if not 0 < share <= 1:
        raise ConfigError(
            f'study.fractions={share:g} is no share of the training items: give numbers above 0 '
            f'and up to 1, such as 0.1 for a tenth.'
        )
    size = math.floor(share * n + 0.5)
    if not size:
        raise ConfigError(
            f'study.fractions={share:g} leaves none of the {n} training items of {task}; the '
            f'least that leaves one is {1 / n:.3g}. Take larger shares, or run this task apart.'
        )
    return size


def nested(known: Known) -> Int[np.ndarray, 'N']:
    """The order of the training items of which every share is the beginning.

    Items of a class are drawn in random order and spread evenly, so that every beginning has the
    classes in proportion, to the item; without classes the order is random.
    """
    task, items = known.task, known.by_split['train']
    random = rng.random_state(known.plan.seed, task.name, 'fractions')
    n = len(items)
    if task.kind not in (Kind.MULTICLASS, Kind.KEY):
        return random.permutation(n)
    labels = np.array([item.target for item in items])
    place = np.empty(n)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        spread = (np.arange(len(members)) + random.uniform()) / len(members)
        place[members] = random.permutation(spread)
    return np.lexsort((random.permutation(n), place))
