"""The same bank on shuffled training labels, a control: `<task>@shuffled`.

Training targets are permuted over the training items, anew for every seed of the bank; those of
validation and test stay true. What such a probe scores is what its capacity and the labels'
frequencies give without any relation between sound and label; the distance of the real probe to it
is its selectivity (Hewitt and Liang, 2019). Rates are those that validation selects for any source
of the task's bank. In a task of frames whole windows swap their labels.
"""

import dataclasses
from typing import Any

from jaxprobe.stages import grid as grids
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known
from jaxprobe.stages.results import BankRecord
from jaxprobe.tasks.base import Kind

KIND = 'shuffled'


def jobs(known: Known, own: BankRecord, study: Any) -> list[Job]:
    """The one shuffled bank of a task; none for separation, whose targets are waves."""
    if not study.shuffled:
        return []
    if known.task.kind is Kind.SEPARATION:
        print(f'   {known.label}: no shuffled labels, its targets are waves')
        return []
    rates = selected_rates(own)
    if not rates:
        print(f'   {known.label}: no shuffled labels, all its probes diverged')
        return []
    return [planned(known, rates)]


def planned(known: Known, rates: tuple[float, ...]) -> Job:
    """The job at some rates."""
    return Job(
        dataclasses.replace(known.grid, learning_rates=rates),
        KIND,
        what='the same bank on shuffled training labels',
        shuffled=True,
        meta={'protocol': known.meta['protocol'] | {'learning_rates': list(rates)}},
    )


def selected_rates(own: BankRecord) -> tuple[float, ...]:
    """The rates that validation selects for any source, ascending."""
    grid = grids.of(own)
    choices = [grid.by_source(source['name']) for source in grid.sources]
    return tuple(sorted({choice.learning_rate for choice in choices if choice is not None}))
