"""One probe of a record, a source at a rate, as the sections on variants tell of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxprobe.analysis.bootstrap import Resampling
from jaxprobe.stages import grid as grids
from jaxprobe.stages import resample
from jaxprobe.stages.grid import Grid
from jaxprobe.stages.results import BankRecord

Row = dict[str, Any]

SCORED = ('learning_rate', 'valid', 'test', 'seed_std', 'ci95')


def cells_of(record: BankRecord, source: str, rate: float) -> tuple[int, ...]:
    """The seed replicates of a source at a rate; () where the record has none."""
    names = np.asarray(record.source)
    return tuple(np.flatnonzero((names == source) & (record.learning_rate == rate)).tolist())


def spread(record: BankRecord, cells: Sequence[int]) -> float | None:
    """Standard deviation over seeds of the test score; None for a single one."""
    scores = record.scores[f'test/{record.meta["task"]["primary"]}'][list(cells)]
    return float(scores.std(ddof=1)) if len(cells) > 1 else None


def layers(record: BankRecord, grid: Grid, drawn: Resampling) -> list[Row]:
    """Every source at the rate that validation selects for it; nulls where all diverged.

    Returns:
        {source, learning_rate, valid, test, seed_std, ci95} of each.
    """
    metric, rows = record.meta['task']['primary'], []
    for source in grid.sources:
        choice = grid.by_source(source['name'])
        row: Row = {'source': source['name'], **dict.fromkeys(SCORED)}
        if choice is not None:
            row |= {
                'learning_rate': choice.learning_rate,
                'valid': grid.valid_of(choice),
                'test': choice.test,
                'seed_std': spread(record, choice.cells),
                'ci95': resample.intervals(record, metric, choice.cells, drawn)['ci95'],
            }
        rows.append(row)
    return rows


def compared(own: BankRecord, varied: BankRecord) -> bool:
    """Whether two records were scored on the same items, so that draws of items pair them."""
    return own.test_ids == varied.test_ids


def table(record: BankRecord, drawn: Resampling) -> tuple[Row, list[Row]]:
    """The row that validation selects of a record, and the rows of all sources."""
    grid = grids.of(record)
    rows = layers(record, grid, drawn)
    if grid.book is None:
        return {'source': None, **dict.fromkeys(SCORED)}, rows
    return next(row for row in rows if row['source'] == grid.book.selected.source), rows


def best(rows: Sequence[Row], higher_is_better: bool) -> Row | None:
    """The best of some rows on validation, the first of equal ones."""
    scored = [row for row in rows if row['valid'] is not None]
    sign = 1 if higher_is_better else -1
    return max(scored, key=lambda row: sign * row['valid']) if scored else None
