"""Papers' numbers beside ours: the same encoder, task and metric, and where it can be, layer.

A control (random weights) or a trial on part of the data is never set beside a paper. What is
known to be wrong with a printed number, and where its protocol is not ours, goes with it.
"""

from collections.abc import Sequence
from typing import Any

from jaxprobe.analysis.bootstrap import Resampling
from jaxprobe.literature import match, table
from jaxprobe.stages import grid as grids
from jaxprobe.stages import resample
from jaxprobe.stages.grid import Grid
from jaxprobe.stages.results import BankRecord
from jaxprobe.stages.sections import Context

# Draws for what is measured here alone (a second metric of each of the layers that a paper prints):
# the standard error is known to 3 %, and the area under the curves of 5 329 clips takes seconds.
FEWER = 500

Row = dict[str, Any]


def section(context: Context) -> list[Row] | None:
    """The section `published`: one row per printed number that can be compared.

    Values and differences are on our scale (shares, decibels); `difference` is ours minus theirs;
    `inside` says whether theirs lies in our 95 % interval, None where there is no interval.
    """
    record, meta = context.record, context.record.meta
    if meta.get('random_weights') or meta.get('limit'):
        return None
    heads = {str(value).lower(): bank for value, bank in context.of_kind('head').items()}
    asked = (meta['encoder'], meta['task'], meta['protocol'], meta['sources'])
    own, known, found = match.probe(meta['protocol']), {}, []
    for pair in match.pairs(*asked, heads):
        if pair.why_not:
            continue
        head = '' if pair.ours.head == own else pair.ours.head
        bank = heads[head] if head else record
        grid = grids.of(bank) if head else context.grid
        cells = _cells(grid, pair.source)
        key = (head, pair.ours.metric, cells)
        if key not in known:
            drawn = context.drawn
            if pair.ours.metric != meta['task']['primary'] and cells != _cells(grid, ''):
                drawn = drawn._replace(counts=drawn.counts[: 1 + FEWER], kept={})
            known[key] = _measured(bank, pair.ours.metric, cells, drawn)
        value, interval = known[key]
        if value == value:
            found.append(_row(pair, value, interval, _named(grid, pair.source), meta))
    return found or None


def _cells(grid: Grid, source: str) -> tuple[int, ...]:
    """The cells that validation selects, of one source or of all."""
    if grid.book is None:
        return ()
    choice = grid.by_source(source) if source else grid.book.selected
    return choice.cells if choice else ()


def _measured(
    bank: BankRecord, metric: str, cells: Sequence[int], drawn: Resampling
) -> tuple[float, list[float] | None]:
    if not cells:
        return float('nan'), None
    value = float(bank.scores[f'test/{metric}'][list(cells)].mean())
    return value, resample.intervals(bank, metric, cells, drawn)['ci95']


def _named(grid: Grid, source: str) -> str:
    return source or (grid.book.selected.source if grid.book else '')


def _row(
    pair: match.Pair, value: float, interval: list[float] | None, source: str, meta: dict[str, Any]
) -> Row:
    row, printed = pair.row, pair.row.value * pair.ours.scale
    return {
        'paper': table.papers()[row.paper].short,
        'table': row.table,
        'encoder': row.encoder,
        'variant': row.variant,
        'task': pair.ours.task,
        'metric': pair.ours.metric,
        'source': source,
        'published': printed,
        'ours': value,
        'difference': value - printed,
        'ci95': interval,
        'inside': None if interval is None else interval[0] <= printed <= interval[1],
        'footnotes': table.notes(row, match.facts(meta['task'], source)),
    }
