"""How much fits: rows on the device or streamed, and how many cells at once.

Decided from the memory that the process may have, not from what happens to be free, so that the
same run is cut the same way every time.
"""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import jax

from jaxprobe.core import cores
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
# Rows scored at once on an accelerator come in multiples of these, and are no fewer.
_LEAST_ROWS = 256


class Budget(NamedTuple):
    """The decision, and the bytes it rests on."""

    resident: bool
    cells: int  # Trained at once, of those seeds.
    segment_bytes: float
    step_bytes: float  # For one step of one block, on each device.
    data: int = 1  # Devices that share the rows.
    seeds: int = 1  # Whose cells are trained at once: all, or an equal part of them.

    def waves(self, n_cells: int, n_seeds: int) -> int:
        """How often cells of a grid are trained, one wave after another."""
        parts = n_seeds // self.seeds
        return parts * math.ceil(n_cells // parts / self.cells)


def usable_bytes() -> float:
    """Memory a bank may plan with: the accelerator's, or half of this process's of the host's."""
    device = jax.local_devices()[0]
    stats = device.memory_stats() if device.platform != 'cpu' else None
    if stats and 'bytes_limit' in stats:
        return 0.9 * stats['bytes_limit']
    return _USABLE * host_bytes() / cores.neighbours()


def host_bytes(root: Path = Path('/')) -> int:
    """The host's memory, or less where a container or a job scheduler bounds this process."""
    physical = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    return min([physical, *_cgroup_limits(root)])


def _cgroup_limits(root: Path) -> Iterator[int]:
    """The limits of this process's cgroup and those above it, of both versions.

    A container finds its own at the top of the tree; a SLURM job, which sees the tree of the whole
    machine, finds its own where /proc/self/cgroup says.
    """
    top = root / 'sys/fs/cgroup'
    files = {top / 'memory.max', top / 'memory/memory.limit_in_bytes'}
    for line in _text(root / 'proc/self/cgroup').splitlines():
        _, controllers, path = line.split(':', 2)
        for group in (PurePosixPath(path), *PurePosixPath(path).parents):
            if not controllers:
                files.add(top / str(group).strip('/') / 'memory.max')
            elif 'memory' in controllers.split(','):
                files.add(top / 'memory' / str(group).strip('/') / 'memory.limit_in_bytes')
    for limit in (_text(file).strip() for file in files):
        if limit.isdecimal():  # Where there is none it is 'max', or more than any machine has.
            yield int(limit)


def _text(path: Path) -> str:
    """What a file of the kernel says; nothing where there is no such file."""
    try:
        return path.read_text()
    except OSError:
        return ''


def sharing(data_bytes: int, usable: float, devices: int) -> int:
    """How many devices have to share rows so that each can hold its part; 0 where all cannot."""
    shares = (n for n in range(1, devices + 1) if devices % n == 0)
    return next((n for n in shares if data_bytes / n <= 0.5 * usable), 0)


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


def evaluation_rows(
    spec: BankSpec, families: Sequence[Family], sizes: Sequence[int], room: float, most: int
) -> int:
    """Rows to score at once, so that no block makes more than there is room for.

    A block of `sizes` cells scores every row with all of them: what each reads, every mixed view
    and the mix of them, and its hidden states before and after their nonlinearity.
    """
    row = max(
        4 * size * ((len(family.mixed) + 1) * family.pad + 2 * sum(spec.hidden))
        for family, size in zip(families, sizes, strict=True)
    )
    fitting = int(room / row) // _LEAST_ROWS * _LEAST_ROWS
    return min(most, max(_LEAST_ROWS, fitting))


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
    """Decides what is held, and cuts cells into the fewest waves that fit.

    A wave has cells of all seeds or, where the draws of all seeds do not fit, of an equal part.

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
    fits = sharing(data_bytes, usable, devices)
    resident = data == 'resident' or (data == 'auto' and fits > 0)
    shared = (fits or devices) if resident else 1
    step = max(step_bytes(spec, family, step_rows) for family in plan.families)
    room = max(_STEP_SHARE * usable, step)
    # Parameters, two moments, the best epoch's parameters; gradients and scores of a block.
    widest = max(packing.cell_bytes(spec, pad) for pad in plan.views)
    per_cell = 5 * widest + 8 * spec.outputs * max(rows[1:])
    held = data_bytes / shared if resident else 0
    own = step_rows * (sum(spec.hidden) + (0 if resident else row_bytes(plan)))  # Of one seed.

    def with_seeds(seeds: int) -> Budget:
        segment = max(_SEGMENT_SHARE * usable, seeds * own)  # At least a step's rows and masks.
        n = len(plan.cells.source) * seeds // spec.seeds
        left = usable - 3 * segment - min(room, step * n) - held
        cells = int(left // per_cell) * (devices // shared)
        cells = min(cells, n, max_cells or n)
        return Budget(resident, cells, float(segment), float(room), shared, seeds)

    parts = [n for n in range(spec.seeds, 0, -1) if spec.seeds % n == 0]
    possible = [found for found in map(with_seeds, parts) if found.cells >= 1]
    if not possible:
        streaming = "data='streamed', " if resident else ''
        least = step + 3 * with_seeds(1).segment_bytes
        raise ConfigError(
            f'not one probe fits: {data_bytes / 1e9:.1f} GB of embeddings, {per_cell / 1e9:.3f} GB '
            f'per probe and {least / 1e9:.1f} GB for steps of {step_rows} rows '
            f'in {usable / 1e9:.1f} GB of memory. Use {streaming}fewer '
            'layers, a smaller hidden layer or batch_items or, for frames, a lower frame_rate.'
        )
    return min(possible, key=lambda found: found.waves(len(plan.cells.source), spec.seeds))
