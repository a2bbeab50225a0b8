"""The selection ledger: what validation selects, what the test set would have, and the gap.

Three views of one grid of seed means. `rows` has every source at the rate that validation selects
for it; `rates` every rate at the source that validation selects for it; `selected` and `oracle`
the winners over the whole grid. In each view the oracle looks for the best test score among the
same candidates, and `regret` is how much better it is, never negative. Seeds are replicates: means
are over them, and none is ever chosen.
"""

from typing import Any

import numpy as np

from jaxprobe.stages.grid import Grid
from jaxprobe.stages.sections import Context

Row = dict[str, Any]


def section(context: Context) -> Row | None:
    """The ledger of a bank; None where every candidate diverged.

    Returns:
        metric, by, higher_is_better (of `by`: `metric` always grows with quality), n_seeds, rows
        [{source, learning_rate, valid, test, test_seed_std, oracle_rate, oracle_test, regret,
        edge}], rates [{learning_rate, source, valid, test, oracle_source, oracle_test, regret}],
        selected, oracle {source, learning_rate, test}, regret, warnings [sentence]. `edge` is
        'lowest' or 'highest' where the selected rate is the first or last of several. What has no
        score in any of its candidates has nulls.
    """
    grid, book = context.grid, context.grid.book
    if book is None:
        return None
    rows = [_source(grid, s) for s in range(len(grid.sources))]
    return {
        'metric': context.record.meta['task']['primary'],
        'by': f'valid/{grid.by}',
        'higher_is_better': grid.higher_is_better,
        'n_seeds': book.n_seeds,
        'rows': rows,
        'rates': [_rate(grid, r) for r in range(len(grid.rates))],
        'selected': _named(book.selected),
        'oracle': _named(book.oracle),
        'regret': book.regret,
        'warnings': _warnings(book.grid_edge, rows),
    }


def _named(choice: Any) -> Row:
    return {key: getattr(choice, key) for key in ('source', 'learning_rate', 'test')}


def _source(grid: Grid, s: int) -> Row:
    """One source over all rates."""
    name = grid.sources[s]['name']
    choice, oracle = grid.by_source(name), _argmax(grid.test[s])
    if choice is None or oracle is None:
        rest = ('learning_rate', 'valid', 'test', 'test_seed_std', 'oracle_rate', 'oracle_test')
        return {'source': name} | dict.fromkeys((*rest, 'regret', 'edge'))
    best = float(grid.test[s, oracle])
    return {
        'source': name,
        'learning_rate': choice.learning_rate,
        'valid': grid.valid_of(choice),
        'test': choice.test,
        'test_seed_std': choice.test_seed_std if len(choice.cells) > 1 else None,
        'oracle_rate': grid.rates[oracle],
        'oracle_test': best,
        'regret': max(0.0, best - choice.test),
        'edge': grid.edge(choice.learning_rate),
    }


def _rate(grid: Grid, r: int) -> Row:
    """One rate over all sources."""
    sign = 1 if grid.higher_is_better else -1
    chosen, oracle = _argmax(sign * grid.valid[:, r]), _argmax(grid.test[:, r])
    if chosen is None or oracle is None:
        rest = ('source', 'valid', 'test', 'oracle_source', 'oracle_test', 'regret')
        return {'learning_rate': grid.rates[r]} | dict.fromkeys(rest)
    test, best = float(grid.test[chosen, r]), float(grid.test[oracle, r])
    return {
        'learning_rate': grid.rates[r],
        'source': grid.sources[chosen]['name'],
        'valid': float(grid.valid[chosen, r]),
        'test': test,
        'oracle_source': grid.sources[oracle]['name'],
        'oracle_test': best,
        'regret': max(0.0, best - test),
    }


def _argmax(values: np.ndarray) -> int | None:
    """The first largest; None if all are nan."""
    return None if np.isnan(values).all() else int(np.nanargmax(values))


def _warnings(winner: str | None, rows: list[Row]) -> list[str]:
    found = [winner] if winner else []
    for side, try_ in (('lowest', 'lower'), ('highest', 'higher')):
        there = [row['source'] for row in rows if row['edge'] == side]
        if there:
            found.append(
                f'{len(there)} of {len(rows)} sources are selected at the {side} rate of the '
                f'grid, where {try_} ones may be better: {", ".join(there)}'
            )
    return found
