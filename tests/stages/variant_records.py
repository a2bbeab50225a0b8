"""Records that vary one thing of a planted bank, as the probe stage would store them."""

import dataclasses
from pathlib import Path
from typing import Any

from jaxprobe import plan as planning
from jaxprobe.core import config
from jaxprobe.stages import grid, identity, resample, results
from jaxprobe.stages.opened import Known
from jaxprobe.stages.sections import Context
from jaxprobe.tasks.base import SPLITS, Item, Task
from tests.features import store_case
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


def known(items: int = 40, *, task: Task | None = None, **changes: Any) -> Known:
    """What the stage knows of made-up items, four classes of unlike size; nothing on disk."""
    c = config.base()
    c.encoder = config.encoder('fbank_chroma')
    c.tasks = {'synth_instrument': {}}
    plan = planning.resolve(c, Path('run'))
    targets = [(0, 0, 0, 0, 1, 1, 1, 2, 2, 3)[i % 10] for i in range(items)]
    made = [
        Item(f'{split}{i}', Path(f'{split}{i}.wav'), split, target)
        for split in SPLITS
        for i, target in enumerate(targets)
    ]
    chosen = plan.encoders[0]
    encoder = chosen.load(0)
    task = task or plan.tasks[0]
    grid = identity.bank_spec(encoder, chosen, task, plan)
    meta = {
        'protocol': dataclasses.asdict(task.protocol),
        'n': dict.fromkeys(SPLITS, items),
        'fingerprint': 'own',
    }
    found = Known(encoder, chosen, task, plan, made, store_case.spec(), grid, meta)
    return found._replace(**changes)


def study(**asked: Any) -> Any:
    """`config.study` asking for some things."""
    found = config.base().study
    for name, value in asked.items():
        found[name] = value
    return found
