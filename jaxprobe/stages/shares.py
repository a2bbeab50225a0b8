"""Which process trains which banks, and which banks all processes train together.

A bank of one process waits for nobody, so that is the rule. On accelerators a bank is trained by
all together where the devices of one process cannot hold its rows and those of all can, and where
it is more than a process's share of the work, so that the others would stand idle. On CPUs a bank
has the same bits whatever the number of processes, and only `probe.spread='always'` gives that up.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxprobe.encoders.base import Encoder
from jaxprobe.plan import EncoderPlan, Plan
from jaxprobe.probes import cells, memory, mesh, packing
from jaxprobe.stages import cluster, opened
from jaxprobe.stages.opened import Known
from jaxprobe.tasks.base import Kind, Task


class Share(NamedTuple):
    """Who trains the banks of one encoder and task.

    Attributes:
        process: trains all of them, or those that are left.
        together: whether all processes first train together those that can be.
    """

    process: int = 0
    together: bool = False


class Load(NamedTuple):
    """What the own bank of one encoder and task asks for.

    Attributes:
        cost: of training at most, in multiply-adds.
        spreads: whether several processes can train it.
        needs: whether the rows need the devices of several.
    """

    cost: float
    spreads: bool = True
    needs: bool = False


def agreed(
    pairs: Sequence[tuple[EncoderPlan, Task]],
    plan: Plan,
    identified: Callable[[EncoderPlan], Encoder],
) -> list[Share]:
    """The shares of encoders and tasks: what the first process finds, in every process.

    Args:
        pairs: of the plan.
        plan: whose they are.
        identified: the encoder of an entry of the plan, as far as it identifies it.

    Raises:
        ConfigError, DataError, StoreError: as `opened.look`, in the first process.
    """
    import jax

    count = jax.process_count()
    if count == 1:
        return [Share()] * len(pairs)
    said = [0] * len(pairs)
    if cluster.index() == 0:
        known = (opened.look(identified(chosen), chosen, task, plan) for chosen, task in pairs)
        found = assign([load(one) for one in known], count, _spread(plan))
        said = [share.process + count * share.together for share in found]
    cluster.meet('shares')  # Waiting here is no collective, and may take long.
    return [Share(n % count, n >= count) for n in cluster.of_the_first(said)]


def load(known: Known) -> Load:
    """What a task's own bank asks for."""
    grid, widths = known.grid, known.trained_widths
    rows = {split: n * max(1, known.store.frames) for split, n in known.windows.items()}
    parameters = sum(packing.cell_bytes(grid, widths[s.layers[0]]) / 4 for s in grid.sources)
    cells_each = len(grid.learning_rates) * grid.seeds
    cost = parameters * cells_each * rows['train'] * grid.epochs
    if known.task.kind is Kind.SEPARATION:
        return Load(cost, spreads=False)
    if known.plan.probe.data == 'streamed':
        return Load(cost)
    held = sum(rows.values()) * memory.row_bytes(cells.plan(grid, widths, rows['train']))
    usable, own, everyone = memory.usable_bytes(), mesh.default_devices(), mesh.all_devices()
    fits = [memory.sharing(held, usable, len(devices)) > 0 for devices in (own, everyone)]
    return Load(cost, needs=fits == [False, True])


def assign(loads: Sequence[Load], processes: int, spread: str) -> list[Share]:
    """Divides banks: the largest first, each to the process that has least to do so far.

    Args:
        loads: of every encoder and task.
        processes: how many there are.
        spread: 'always' trains all together that can be, 'never' none, 'auto' those that need it
            or would keep the others waiting.
    """
    busy, together = np.zeros(processes), 0
    left = sum(one.cost for one in loads)  # Of what is not trained together.
    found = [Share()] * len(loads)
    for place in sorted(range(len(loads)), key=lambda i: -loads[i].cost):
        cost, spreads, needs = loads[place]
        waiting = spread == 'auto' and (needs or cost * processes > left)
        if spreads and (spread == 'always' or waiting):
            found[place] = Share(together % processes, True)
            left, together = left - cost, together + 1
        else:
            found[place] = Share(int(busy.argmin()))
            busy[found[place].process] += cost
    return found


def _spread(plan: Plan) -> str:
    import jax

    asked = plan.probe.spread
    return 'never' if asked == 'auto' and jax.default_backend() == 'cpu' else asked
