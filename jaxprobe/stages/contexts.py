"""Longer stretches of audio beside the bank's own windows, each at what validation selects."""

from typing import Any

from jaxprobe.stages import points
from jaxprobe.stages.results import BankRecord
from jaxprobe.stages.sections import Context

Row = dict[str, Any]


def section(context: Context) -> Row | None:
    """The contexts of a bank; None where it has its windows alone.

    Returns:
        metric, rows [{seconds, source, learning_rate, valid, test, seed_std, ci95, layers [...]}],
        the windows first, and own_seconds, their length.
    """
    varied = [
        record
        for _, record in sorted(context.of_kind('context').items())
        if points.compared(context.record, record)
    ]
    if not varied:
        return None
    own = varied[0].meta['window_seconds']
    rows = [_row(context.record, own, context)]
    rows += [_row(record, record.meta['variant']['value'], context) for record in varied]
    return {
        'metric': context.record.meta['task']['primary'],
        'rows': rows,
        'own_seconds': own,
    }


def _row(record: BankRecord, seconds: float, context: Context) -> Row:
    chosen, rows = points.table(record, context.drawn)
    return {'seconds': seconds, **chosen, 'layers': rows}
