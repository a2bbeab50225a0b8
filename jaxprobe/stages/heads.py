"""Other heads beside the protocol's own, each at what validation selects for it."""

from typing import Any

from jaxprobe.probes import head_shapes
from jaxprobe.stages import points
from jaxprobe.stages.results import BankRecord
from jaxprobe.stages.sections import Context

Row = dict[str, Any]


def section(context: Context) -> Row | None:
    """The heads of a bank; None where it has its own alone.

    Returns:
        metric, rows [{head, hidden, source, learning_rate, valid, test, seed_std, ci95, layers
        [...]}], the protocol's own first, and `selected`, the row of these that validation
        prefers, without its layers. `hidden` is of the row's source, where widths follow from it.
    """
    found = context.of_kind('head')
    order = [name for name in head_shapes.HEADS if name in found]
    varied = [found[name] for name in order if points.compared(context.record, found[name])]
    if not varied:
        return None
    rows = [_row(record, context) for record in (context.record, *varied)]
    best = points.best(rows, context.grid.higher_is_better)
    selected = best and {key: best[key] for key in best if key not in ('layers', 'hidden')}
    return {
        'metric': context.record.meta['task']['primary'],
        'rows': rows,
        'selected': selected,
    }


def _row(record: BankRecord, context: Context) -> Row:
    chosen, rows = points.table(record, context.drawn)
    protocol, variant = record.meta['protocol'], record.meta.get('variant')
    own = head_shapes.name_of(tuple(protocol['hidden'] or ()), protocol['dropout'])
    return {
        'head': variant['value'] if variant else own,
        'hidden': _hidden(record, chosen['source']),
        **chosen,
        'layers': rows,
    }


def _hidden(record: BankRecord, source: str | None) -> list[int] | None:
    by_width = record.meta.get('variant', {}).get('hidden')
    if by_width is None:
        return list(record.meta['protocol']['hidden'])
    layers = next((s['layers'] for s in record.meta['sources'] if s['name'] == source), None)
    if layers is None:
        return None
    return by_width[str(record.meta['encoder']['layers'][layers[0]]['width'])]
