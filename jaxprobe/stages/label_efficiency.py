"""Scores by share of the training items, for every source; the last share is the bank itself.

Each share selects its own rates, on the whole validation set.
"""

from typing import Any

from jaxprobe.stages import grid as grids
from jaxprobe.stages import points
from jaxprobe.stages.sections import Context


def section(context: Context) -> dict[str, Any] | None:
    """The curves of a bank; None where no share of its items was trained on.

    Returns:
        metric, fractions [f], n_items [n], rows [{source, learning_rate [r], valid [v], test [t],
        seed_std [s], ci95 [[low, high]]}], a value per share.
    """
    shares = {
        share: record
        for share, record in sorted(context.of_kind('train').items())
        if points.compared(context.record, record)
    }
    if not shares:
        return None
    shares[1.0] = context.record
    tables = {
        share: points.layers(record, grids.of(record), context.drawn)
        for share, record in shares.items()
    }
    columns = {share: {row['source']: row for row in rows} for share, rows in tables.items()}
    return {
        'metric': context.record.meta['task']['primary'],
        'fractions': list(shares),
        'n_items': [record.meta['n']['train'] for record in shares.values()],
        'rows': [
            {
                'source': source['name'],
                **{
                    key: [column[source['name']][key] for column in columns.values()]
                    for key in points.SCORED
                },
            }
            for source in context.grid.sources
        ],
    }
