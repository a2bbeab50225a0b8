"""Is one layer better than another, and the learned sum better than the best of them?

Every source is compared with the best single layer, which validation has chosen, so that the test
items on which they are compared had no say in what is compared. Differences are paired: both
sides are measured on the same draws of groups of test items, seed by seed. The p-values of a task
are one family, corrected by Holm's method.

`ci95` and `p` cover other groups and, where there are several, other seeds (see `covers`);
`ci95_groups` other groups alone.
"""

from collections.abc import Sequence
from typing import Any

from jaxprobe.analysis import bootstrap
from jaxprobe.analysis.holm import holm
from jaxprobe.probes.select import Choice
from jaxprobe.stages import grid as grids
from jaxprobe.stages import resample
from jaxprobe.stages.sections import Context

METHOD = (
    'paired bootstrap of whole groups; two-sided t of its standard error with the effective '
    'number of groups, less one, as degrees of freedom; Holm within the family'
)
Pair = dict[str, Any]


def section(context: Context) -> dict[str, Any] | None:
    """Compares every source with the best single layer; None where there is nothing to compare.

    Returns:
        metric, method, covers, level, resamples, clusters, pairs [{a, b, kind, difference, ci95,
        ci95_groups, p, p_holm, significant}] with kind 'layer' or 'mix' and difference = a - b on
        test, and as_good_as_best, the sources that are not significantly worse than b.
    """
    grid, drawn, record = context.grid, context.drawn, context.record
    best = _best(context)
    if best is None:
        return None
    metric = record.meta['task']['primary']
    measured = resample.replicates(record, metric, best.cells, drawn)
    pairs = []
    for source in grid.sources:
        choice = grid.by_source(source['name'])
        if choice is None or choice.source == best.source:
            continue
        samples = resample.replicates(record, metric, choice.cells, drawn)
        named = {'a': choice.source, 'b': best.source, 'kind': _kind(source)}
        difference = {'difference': choice.test - best.test}
        pairs.append(named | difference | resample.difference(samples, measured, drawn))
    if not pairs:
        return None
    corrected = correct(pairs)
    worse = {pair['a'] for pair in corrected if pair['significant'] and pair['difference'] < 0}
    compared = {best.source, *(pair['a'] for pair in corrected)}
    return {
        'metric': metric,
        'method': METHOD,
        'covers': covers(len(best.cells)),
        'level': bootstrap.LEVEL,
        'resamples': drawn.resamples,
        'clusters': drawn.groups,
        'pairs': corrected,
        'as_good_as_best': [s['name'] for s in grid.sources if s['name'] in compared - worse],
    }


def correct(pairs: Sequence[Pair]) -> list[Pair]:
    """Adds p_holm and significant to the pairs of a family; null where p is."""
    known = [i for i, pair in enumerate(pairs) if pair['p'] is not None]
    adjusted = dict(zip(known, holm([pairs[i]['p'] for i in known]), strict=True))
    return [
        pair
        | {
            'p_holm': adjusted.get(i),
            'significant': adjusted[i] < 1 - bootstrap.LEVEL if i in adjusted else None,
        }
        for i, pair in enumerate(pairs)
    ]


def covers(seeds: int) -> str:
    """What the intervals and p-values of differences hold for."""
    return 'other groups and seeds' if seeds > 1 else 'other groups'


def _kind(source: dict[str, Any]) -> str:
    return 'mix' if source['learned'] else 'layer'


def _best(context: Context) -> Choice | None:
    """The best single layer on validation, the first of equals; else the best named mean."""
    book = context.grid.book
    if book is None:
        return None
    fixed = [source['name'] for source in context.grid.sources if not source['learned']]
    names = grids.singles(context.grid.sources) or fixed
    choices = [choice for name in names if (choice := book.by_source[name]) is not None]
    return max(choices, key=lambda choice: choice.valid) if choices else None
