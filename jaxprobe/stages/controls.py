"""What probes are to be compared with: answers without listening, and shuffled training labels.

`selectivity` is the score of the real probe less that of the same probe (source, rate, seeds)
trained on shuffled labels, with an interval over the same draws of items. A shuffled probe is at
chance where its interval reaches down to the best constant answer.
"""

import dataclasses
from typing import Any

import numpy as np

from jaxprobe.metrics import kinds
from jaxprobe.stages import constants, points, resample, score
from jaxprobe.stages.results import BankRecord
from jaxprobe.stages.sections import Context

Row = dict[str, Any]

WHAT = {
    'majority': 'the most frequent training label, or the training mean',
    'best_constant': 'the best single answer for these test items',
    'shuffled': 'the selected source and rate, trained on shuffled labels',
}


def section(context: Context) -> Row:
    """The control rows of a bank.

    Intervals of what was trained are of other groups and, where there are several, other seeds.

    Returns:
        rows [{name, value, ci95, what}], the last of them `shuffled` where it was trained; and
        shuffled {rows [{source, learning_rate, real, shuffled, shuffled_ci95, selectivity,
        selectivity_ci95, at_chance}]}, null where it was not. The interval of a constant is null
        where the metric looks at more than which class is answered.
    """
    record, metric = context.record, context.record.meta['task']['primary']
    known = constants.of(record)
    rows = [
        {
            'name': name,
            'value': known[name].get(metric),
            'ci95': _constant_interval(context, known.get(f'{name}_class')),
            'what': WHAT[name],
        }
        for name in ('majority', 'best_constant')
    ]
    varied = next(iter(context.of_kind('shuffled').values()), None)
    if varied is None or not points.compared(record, varied):
        return {'rows': rows, 'shuffled': None}
    floor = known['best_constant'].get(metric)
    table = [_shuffled(context, varied, source['name'], floor) for source in context.grid.sources]
    book = context.grid.book
    chosen = next((r for r in table if book and r['source'] == book.selected.source), None)
    if chosen is not None:
        at = {'value': chosen['shuffled'], 'ci95': chosen['shuffled_ci95']}
        rows.append({'name': 'shuffled', **at, 'what': WHAT['shuffled']})
    return {'rows': rows, 'shuffled': {'rows': table}}


def _shuffled(context: Context, varied: BankRecord, source: str, floor: float | None) -> Row:
    """One source at its selected rate, real and shuffled; nulls where either has no score."""
    keys = ('learning_rate', 'real', 'shuffled', 'shuffled_ci95', 'selectivity')
    row: Row = {'source': source, **dict.fromkeys((*keys, 'selectivity_ci95', 'at_chance'))}
    choice = context.grid.by_source(source)
    if choice is None:
        return row
    metric = context.record.meta['task']['primary']
    cells = points.cells_of(varied, source, choice.learning_rate)
    value = float(varied.scores[f'test/{metric}'][list(cells)].mean()) if cells else np.nan
    row |= {'learning_rate': choice.learning_rate, 'real': choice.test}
    if not np.isfinite(value):
        return row
    found = resample.intervals(varied, metric, cells, context.drawn)
    bounds = found['ci95_seeds'] or found['ci95']  # Every seed has a permutation of its own.
    sides = (
        resample.replicates(context.record, metric, choice.cells, context.drawn),
        resample.replicates(varied, metric, cells, context.drawn),
    )
    lowest = bounds[0] if bounds else value
    return row | {
        'shuffled': value,
        'shuffled_ci95': bounds,
        'selectivity': choice.test - value,
        'selectivity_ci95': resample.difference(*sides, context.drawn)['ci95'],
        'at_chance': None if floor is None else score.tidy(lowest) <= score.tidy(floor),
    }


def _constant_interval(context: Context, answer: str | None) -> list[float] | None:
    """The interval of answering one class always."""
    record, metric = context.record, context.record.meta['task']['primary']
    task = record.meta['task']
    if answer is None or kinds.per_item(task['kind'], metric) is None:
        return None
    logits = np.zeros(record.test_logits.shape[1:], np.float32)
    logits[:, task['labels'].index(answer)] = 1.0
    alone = dataclasses.replace(
        record, test_logits=np.broadcast_to(logits, record.test_logits.shape)
    )
    return resample.intervals(alone, metric, (0,), context.drawn)['ci95']
