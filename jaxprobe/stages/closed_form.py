"""Ridge and LDA beside the trained probes: what a layer gives without any learning rate.

From the records `<task>@ridge` and `<task>@lda`, whose cells are (source, penalty): their column
`learning_rate` carries the penalty, and selection by validation is the ledger's, as for rates.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from jaxprobe.stages import grid as grids
from jaxprobe.stages import resample
from jaxprobe.stages.results import BankRecord
from jaxprobe.stages.sections import Context

RIDGE, LDA = 'ridge', 'lda'
AXIS = {RIDGE: 'penalty', LDA: 'shrinkage'}


def section(context: Context) -> dict[str, Any] | None:
    """Every source at the penalty that validation selects; None where nothing was solved."""
    ridge, lda = (_only(context, kind) for kind in (RIDGE, LDA))
    if ridge is None:
        return None
    table = _table(ridge, context, AXIS[RIDGE])
    found = {
        'method': RIDGE,
        'metric': ridge.meta['task']['primary'],
        'by': _by(ridge),
        'penalties': table.pop('values'),
        **table,
        'lda': None,
    }
    if lda is not None:
        table = _table(lda, context, AXIS[LDA])
        found['lda'] = {'shrinkages': table.pop('values'), **table}
    return found


def _only(context: Context, kind: str) -> BankRecord | None:
    found = list(context.of_kind(kind).values())
    # Draws of items pair only what was scored on the same items.
    return found[0] if found and found[0].test_ids == context.record.test_ids else None


def _by(record: BankRecord) -> str:
    protocol = record.meta['protocol']
    return protocol['select_by'] or protocol['monitor']


def _table(record: BankRecord, context: Context, axis: str) -> dict[str, Any]:
    grid, metric = grids.of(record), record.meta['task']['primary']
    rows = []
    for source in grid.sources:
        choice = grid.by_source(source['name'])
        if choice is None:
            rows.append(dict.fromkeys((axis, 'valid', 'test', 'ci95', 'edge')))
        else:
            rows.append(
                {
                    axis: choice.learning_rate,
                    'valid': grid.valid_of(choice),
                    'test': choice.test,
                    'ci95': resample.intervals(record, metric, choice.cells, context.drawn)['ci95'],
                    'edge': _edge(grid.rates.index(choice.learning_rate), grid.valid[len(rows)]),
                }
            )
        rows[-1] = {'source': source['name'], **rows[-1]}
    best = grid.book.selected.source if grid.book else None
    selected = next((row for row in rows if row['source'] == best), None)
    return {'values': grid.rates, 'rows': rows, 'selected': selected}


def _edge(place: int, valid: Float[np.ndarray, 'B']) -> str | None:
    """At which end of the grid a source stands; None where its neighbour is no worse.

    Towards either end the solutions no longer change: least squares, or the class means.
    """
    last = len(valid) - 1
    if place not in (0, last) or last == 0 or valid[place] == valid[1 if place == 0 else last - 1]:
        return None
    return 'lowest' if place == 0 else 'highest'
