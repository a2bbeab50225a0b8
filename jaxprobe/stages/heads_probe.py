"""The same bank with other heads: `<task>@head-linear`. All sources, rates and seeds."""

import dataclasses
from typing import Any

from jaxprobe.probes import head_shapes
from jaxprobe.probes.head_shapes import Head
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known
from jaxprobe.stages.results import BankRecord
from jaxprobe.tasks.base import Kind

KIND = 'head'


def jobs(known: Known, own: BankRecord, study: Any) -> list[Job]:
    """A bank per head but the protocol's own; none for separation, whose heads are recurrent.

    Raises:
        ConfigError: a head is unknown, or has no units over some layer.
    """
    del own
    if not study.heads:
        return []
    if known.task.kind is Kind.SEPARATION:
        print(f'   {known.label}: no other heads, a separation task has a recurrent one')
        return []
    for head in head_shapes.parse(study.heads):
        if head.is_of(known.grid.hidden, known.grid.dropout):
            print(f"   {known.label}: head {head.name} is the protocol's own, not trained again")
    return planned(known, study.heads)


def planned(known: Known, heads: str) -> list[Job]:
    """The jobs of the heads that are not the protocol's own.

    Raises:
        ConfigError: a head is unknown, or has no units over some layer.
    """
    own = (known.grid.hidden, known.grid.dropout)
    return [_job(known, head) for head in head_shapes.parse(heads) if not head.is_of(*own)]


def _job(known: Known, head: Head) -> Job:
    used = sorted({known.trained_widths[source.layers[0]] for source in known.grid.sources})
    shapes = {width: head.widths(width, known.grid.outputs) for width in used}
    alike = len(set(shapes.values())) == 1
    hidden = shapes[used[0]]
    numbers = {'hidden': list(hidden) if alike else None, 'dropout': head.dropout}
    return Job(
        dataclasses.replace(known.grid, hidden=hidden, dropout=head.dropout),
        KIND,
        head.name,
        what=f'the same bank with another head: {head.what}',
        hidden={} if alike else shapes,
        meta={'protocol': known.meta['protocol'] | numbers},
    )
