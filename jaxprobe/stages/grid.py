"""The cells of a bank as a grid of sources x learning rates, and which entry validation selects.

Seeds are replicates: an entry is the mean over them, and an entry of which a replicate diverged
before it learned anything has no score and cannot be selected.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxprobe.stages.results import BankRecord


class Grid(NamedTuple):
    """Seed means of every (source, rate), and the cells behind them.

    Attributes:
        sources: as in the record's `meta`, S of them.
        rates: R, ascending.
        cells: [source][rate] -> cells, one per seed.
        valid: the monitor on the validation items; nan where there is none.
        test: the primary metric on the test items; higher is better.
        higher_is_better: of the monitor.
    """

    sources: list[dict[str, Any]]
    rates: list[float]
    cells: list[list[list[int]]]
    valid: Float[np.ndarray, 'S R']
    test: Float[np.ndarray, 'S R']
    higher_is_better: bool


def of(record: BankRecord) -> Grid:
    """Arranges the cells of a bank."""
    sources = list(record.meta['sources'])
    rates = sorted({float(rate) for rate in record.learning_rate})
    index = {source['name']: s for s, source in enumerate(sources)}
    cells: list[list[list[int]]] = [[[] for _ in rates] for _ in sources]
    for p, (name, rate) in enumerate(zip(record.source, record.learning_rate, strict=True)):
        cells[index[name]][rates.index(float(rate))].append(p)
    valid, higher = monitor(record)
    test = record.scores[f'test/{record.meta["task"]["primary"]}']
    return Grid(sources, rates, cells, _seed_means(valid, cells), _seed_means(test, cells), higher)


def monitor(record: BankRecord) -> tuple[Float[np.ndarray, 'P'], bool]:
    """What cells are selected by, and whether more of it is better.

    The validation metric named by the protocol, recomputed from the logits; where the monitor is
    no metric of the task (the loss), the value that training saw.
    """
    name = record.meta['protocol']['monitor']
    if f'valid/{name}' in record.scores:
        return record.scores[f'valid/{name}'], True
    return np.where(record.best_epoch < 0, np.nan, record.best_monitor), name != 'loss'


def _seed_means(values: Float[np.ndarray, 'P'], cells: list[list[list[int]]]) -> np.ndarray:
    means = [[values[entry].mean() if entry else np.nan for entry in row] for row in cells]
    return np.array(means, dtype=np.float64)


def best(values: Float[np.ndarray, '...'], *, higher_is_better: bool = True) -> int | None:
    """Flat index of the best value, the first of equals; None where all are nan.

    Sources come in depth order and rates in ascending order, so that ties go to the earlier
    source, then to the lower rate.
    """
    flat = values.ravel() if higher_is_better else -values.ravel()
    return int(np.nanargmax(flat)) if np.isfinite(flat).any() else None
