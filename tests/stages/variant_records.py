"""Records that vary one thing of a planted bank, as the probe stage would store them."""

import dataclasses
from typing import Any

from jaxprobe.stages import grid, resample, results
from jaxprobe.stages.sections import Context
from tests.stages import planted

RESAMPLES = 200


def scored(record: results.BankRecord) -> results.BankRecord:
    """With the columns that `read_bank` would bring."""
    return dataclasses.replace(record, scores=results.score_record(record))


def varied(kind: str, value: Any, meta: dict[str, Any] | None = None, **changes: Any):
    """A planted bank as a variant; `meta` beside what makes it one."""
    variant = {'kind': kind, 'value': value, 'of': 'own', 'what': ''}
    record = planted.bank(**changes)
    variant |= (meta or {}).pop('variant', {})
    return scored(
        dataclasses.replace(record, meta=record.meta | (meta or {}) | {'variant': variant})
    )


def context(record: results.BankRecord, *variants: results.BankRecord) -> Context:
    """What sections are computed from."""
    named = {f'v{place}': variant for place, variant in enumerate(variants)}
    return Context(record, grid.of(record), resample.draw(record, RESAMPLES), named)
