"""How much fits: rows on the device or streamed, and how many cells at once.

Decided from the machine's total memory, not from what happens to be free, so that the same run
is cut the same way every time.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import jax

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import packing
from jaxprobe.probes.cells import Family, Plan
from jaxprobe.probes.spec import BankSpec

_USABLE = 0.5  # Of all memory: other processes, the compiler and buffers in flight need theirs.
# For the dropout masks and, when streaming, the rows of one segment; three are in flight.
_SEGMENT_SHARE = 0.02
# For what a step of a block makes on its way. Steps of clips need far less; steps of frames, of
# 16 000 rows and more, would need more than there is if blocks were as large as for clips.
_STEP_SHARE = 0.2


class Budget(NamedTuple):
    """The decision, and the bytes it rests on."""

    resident: bool
    cells: int
    segment_bytes: float
    step_bytes: float  # For one step of one block, on each device.
    data: int = 1  # Devices that share the rows.


def usable_bytes() -> float:
    """Memory a bank may plan with: the accelerator's, or half of the host's."""
    device = jax.local_devices()[0]
    stats = device.memory_stats() if device.platform != 'cpu' else None
    if stats and 'bytes_limit' in stats:
        return 0.9 * stats['bytes_limit']
    return _USABLE * os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')


def row_bytes(plan: Plan) -> int:
    """Bytes of one row of embeddings as the bank reads it."""
    return 4 * sum(pad * len(views) for pad, views in plan.views.items())


def step_bytes(spec: BankSpec, family: Family, rows: int) -> int:
    """Bytes that a training step makes for one cell, at most.

    Its rows, up to three times for every view that is mixed and again when they are; and hidden
    states, their gradients and masks. `tests/probes/memory_test.py` holds this against the
    compiled program.
    """
    copies = 3 * len(family.mixed) + 2 if family.mixed else 1
    return 4 * rows * (copies * family.pad + 4 * sum(spec.hidden))


def budget(
    spec: BankSpec,
    plan: Plan,
    rows: Sequence[int],
    data: str,
    max_cells: int,
    usable: float | None = None,
    step_rows: int = 0,
    devices: int = 1,
) -> Budget:
    """Decides what is held.

    Args:
        spec, plan: the grid.
        rows: rows of train, valid and test, then of splits that are only scored and never held.
        data: 'auto', 'resident' or 'streamed'.
        max_cells: the user's bound on cells at once; 0 for none.
        usable: bytes to plan with; None asks the machine.
        step_rows: rows of a training step.
        devices: over which cells are divided, and rows that one of them cannot hold.

    Raises:
        ConfigError: `data` is misspelt, or not even one cell fits.
    """
    if data not in ('auto', 'resident', 'streamed'):
        raise ConfigError(f"data={data!r}: expected 'auto', 'resident' or 'streamed'")
    usable = usable_bytes() if usable is None else usable
    data_bytes = sum(rows[:3]) * row_bytes(plan)
    shares = (n for n in range(1, devices + 1) if devices % n == 0)
    fits = next((n for n in shares if data_bytes / n <= 0.5 * usable), 0)
    resident = data == 'resident' or (data == 'auto' and fits > 0)
    sharing = (fits or devices) if resident else 1
    own = spec.seeds * step_rows * (sum(spec.hidden) + (0 if resident else row_bytes(plan)))
    segment = max(_SEGMENT_SHARE * usable, own)  # At least one step's rows and masks.
    step = max(step_bytes(spec, family, step_rows) for family in plan.families)
    room = max(_STEP_SHARE * usable, step)
    left = usable - 3 * segment - min(room, step * len(plan.cells.source))
    left -= data_bytes / sharing if resident else 0
    # Parameters, two moments, the best epoch's parameters; gradients and scores of a block.
    widest = max(packing.cell_bytes(spec, pad) for pad in plan.views)
    per_cell = 5 * widest + 8 * spec.outputs * max(rows[1:])
    cells = int(left // per_cell) * (devices // sharing)
    if cells < 1:
        streaming = "data='streamed', " if resident else ''
        seeds = 'fewer seeds, ' if spec.seeds > 1 else ''
        raise ConfigError(
            f'not one probe fits: {data_bytes / 1e9:.1f} GB of embeddings, {per_cell / 1e9:.3f} GB '
            f'per probe and {(step + 3 * segment) / 1e9:.1f} GB for steps of {step_rows} rows of '
            f'{spec.seeds} seeds in {usable / 1e9:.1f} GB of memory. Use {streaming}{seeds}fewer '
            'layers, a smaller hidden layer or batch_items or, for frames, a lower frame_rate.'
        )
    cells = min(cells, len(plan.cells.source), max_cells or len(plan.cells.source))
    return Budget(resident, cells, float(segment), float(room), sharing)
