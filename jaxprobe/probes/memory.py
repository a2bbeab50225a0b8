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
from jaxprobe.probes.cells import Plan
from jaxprobe.probes.spec import BankSpec

_USABLE = 0.5  # Of all memory: other processes, the compiler and buffers in flight need theirs.
# For the dropout masks and, when streaming, the rows of one segment; three are in flight.
_SEGMENT_SHARE = 0.02


class Budget(NamedTuple):
    """The decision, and the bytes it rests on."""

    resident: bool
    cells: int
    segment_bytes: float


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


def budget(
    spec: BankSpec,
    plan: Plan,
    rows: Sequence[int],
    data: str,
    max_cells: int,
    usable: float | None = None,
) -> Budget:
    """Decides what is held.

    Args:
        spec, plan: the grid.
        rows: rows of train, valid and test.
        data: 'auto', 'resident' or 'streamed'.
        max_cells: the user's bound on cells at once; 0 for none.
        usable: bytes to plan with; None asks the machine.

    Raises:
        ConfigError: `data` is misspelt, or not even one cell fits.
    """
    if data not in ('auto', 'resident', 'streamed'):
        raise ConfigError(f"data={data!r}: expected 'auto', 'resident' or 'streamed'")
    usable = usable_bytes() if usable is None else usable
    data_bytes = sum(rows) * row_bytes(plan)
    resident = data == 'resident' or (data == 'auto' and data_bytes <= 0.5 * usable)
    left = usable * (1 - 3 * _SEGMENT_SHARE) - (data_bytes if resident else 0)
    # Parameters, two moments, the best epoch's parameters; gradients and scores of a block.
    widest = max(packing.cell_bytes(spec, pad) for pad in plan.views)
    per_cell = 5 * widest + 8 * spec.outputs * max(rows[1:])
    cells = int(left // per_cell)
    if cells < 1:
        raise ConfigError(
            f'not one probe fits: {data_bytes / 1e9:.1f} GB of embeddings and '
            f'{per_cell / 1e9:.3f} GB per probe in {usable / 1e9:.1f} GB of memory. '
            "Use data='streamed', fewer layers or a smaller hidden layer."
        )
    cells = min(cells, len(plan.cells.source), max_cells or len(plan.cells.source))
    return Budget(resident, cells, usable * _SEGMENT_SHARE)
