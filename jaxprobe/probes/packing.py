"""How cells are put into blocks, and put together again when some have finished.

On a CPU a block is a few cells whose state stays in the cache between steps: 2 of 1024-512-10
(docs/performance.md). On an accelerator a family is a few large blocks, so that finished cells can
still be left behind.
"""

import itertools
import math
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from jaxprobe.probes import block, draws, heads
from jaxprobe.probes.cells import Plan
from jaxprobe.probes.mesh import ONE, Placement
from jaxprobe.probes.spec import BankSpec

_CPU_BLOCK_BYTES = 18e6
_ACCELERATOR_BLOCKS = 4
_REPACK_SHARE = 0.15  # Of a family's blocks must be saved, as repacking moves all its state.


class Packed(NamedTuple):
    """A block and the cells in its slots; -1 marks a slot that only fills the shape.

    It is made on the host, and trains where `mesh.Placement.cells` puts it.
    """

    cells: Int[np.ndarray, 'K']
    block: block.Block


class Retired(NamedTuple):
    """Finished cells, on the host: what remains to be evaluated."""

    cells: Int[np.ndarray, 'K']
    kept: block.Kept


def cell_bytes(spec: BankSpec, pad: int) -> int:
    """Bytes of one cell's parameters."""
    widths = (pad, *spec.hidden, spec.outputs)
    return 4 * sum((a + 1) * b for a, b in itertools.pairwise(widths))


def block_size(
    n_cells: int,
    bytes_per_cell: int,
    backend: str,
    step_bytes: int = 0,
    room: float = math.inf,
    devices: int = 1,
) -> int:
    """Cells per block, so that blocks are equally full.

    Args:
        n_cells: of the family.
        bytes_per_cell: of its parameters.
        backend: 'cpu', or an accelerator's.
        step_bytes: that a training step makes for a cell.
        room: bytes that a step of a block may make, on each device.
        devices: over which a block's cells are divided; their number divides the size.
    """
    if backend == 'cpu':
        most = max(1, int(_CPU_BLOCK_BYTES / (4 * bytes_per_cell)))
    else:
        most = max(16, math.ceil(n_cells / _ACCELERATOR_BLOCKS / devices))
    if step_bytes:
        most = min(most, max(1, int(room / step_bytes)))
    blocks = math.ceil(n_cells / (most * devices))
    return math.ceil(n_cells / (blocks * devices)) * devices


def pack(
    spec: BankSpec,
    plan: Plan,
    family: int,
    chosen: Int[np.ndarray, '_'],
    size: int,
    patience: block.Patience,
    seeds: range,
) -> list[Packed]:
    """Makes the blocks of the chosen cells of one family, ordered by seed.

    A cell's seed is its place among `seeds`, those that are drawn together.
    """
    cells = plan.cells
    mine = chosen[cells.family[chosen] == family]
    mine = mine[np.argsort(cells.seed[mine], kind='stable')]
    mixed = len(plan.families[family].mixed)
    origins = draws.origins(spec.root_seed, spec.task, range(spec.seeds))
    pad = plan.families[family].pad
    drawn = {
        (seed, width): heads.init(
            origins[seed], width, spec.hidden, spec.outputs, mixed=mixed, pad_to=pad
        )
        for seed, width in {(int(cells.seed[c]), int(cells.width[c])) for c in mine}
    }
    packed = []
    for start in range(0, len(mine), size):
        slots = np.minimum(np.arange(start, start + size), len(mine) - 1)
        filler = np.arange(start, start + size) >= len(mine)
        ids = mine[slots]
        params = jax.tree.map(
            lambda *leaves: np.stack(leaves),
            *(drawn[int(cells.seed[c]), int(cells.width[c])] for c in ids),
        )
        made = block.start(
            params,
            cells.rate[ids],
            cells.view[ids],
            cells.seed[ids] - np.int32(seeds.start),
            filler,
            patience,
        )
        packed.append(Packed(np.where(filler, -1, ids), made))
    return packed


def alive(packed: Packed, finished: np.ndarray) -> np.ndarray:
    """Which slots hold a cell that still trains."""
    return (packed.cells >= 0) & ~finished


def repack(
    packed: list[Packed], finished: list[np.ndarray], placement: Placement = ONE
) -> tuple[list[Packed], list[Retired]]:
    """Gathers the cells that still train into as few blocks as they need.

    Returns:
        The blocks to go on with, on the host, and the finished cells that no longer have a place
        in them. Where too little would be saved the blocks stay as they are, finished cells in
        them.
    """
    if not packed:
        return [], []
    living = [alive(p, f) for p, f in zip(packed, finished)]
    size = len(packed[0].cells)
    needed = math.ceil(sum(int(a.sum()) for a in living) / size)
    saved = len(packed) - needed
    if needed and saved < max(1, _REPACK_SHARE * len(packed)):
        return packed, []
    hosts = [placement.host(p.block) for p in packed]
    retired = []
    for p, host, living_here in zip(packed, hosts, living):
        slots = np.flatnonzero((p.cells >= 0) & ~living_here)
        if len(slots):
            retired.append(Retired(p.cells[slots], _take(host.kept, slots)))
    places = [(b, int(slot)) for b, a in enumerate(living) for slot in np.flatnonzero(a)]
    again = [
        _gather(packed, hosts, places[start : start + size], size)
        for start in range(0, len(places), size)
    ]
    return again, retired


def _take(tree: Any, slots: np.ndarray) -> Any:
    return jax.tree.map(lambda leaf: leaf[slots] if leaf.ndim else leaf, tree)


def _gather(
    packed: list[Packed], hosts: list[block.Block], places: list[tuple[int, int]], size: int
) -> Packed:
    """A block of the cells at `places` (block, slot); the last is repeated to fill it."""
    filler = np.arange(size) >= len(places)
    full = [places[min(slot, len(places) - 1)] for slot in range(size)]

    def join(*leaves):
        if leaves[0].ndim == 0:
            return leaves[0]
        return np.stack([leaves[b][slot] for b, slot in full])

    made = jax.tree.map(join, *hosts)
    state = made.kept.schedule
    state = state._replace(finished=state.finished | filler)
    made = made._replace(kept=made.kept._replace(schedule=state))
    ids = np.array([packed[b].cells[slot] for b, slot in full])
    return Packed(np.where(filler, -1, ids), made)


def retire(packed: list[Packed], placement: Placement = ONE) -> list[Retired]:
    """Takes every cell of the blocks to the host, finished or not."""
    out = []
    for p in packed:
        slots = np.flatnonzero(p.cells >= 0)
        out.append(Retired(p.cells[slots], _take(placement.host(p.block.kept), slots)))
    return out


def regroup(retired: list[Retired], size: int) -> list[Retired]:
    """Joins finished cells into groups of `size`, the last filled by repeating its last cell.

    Evaluating them then needs no program but the one that training used.
    """
    ids = np.concatenate([r.cells for r in retired])
    kept = jax.tree.map(lambda *leaves: np.concatenate(leaves), *(r.kept for r in retired))
    slots = np.minimum(np.arange(-(-len(ids) // size) * size), len(ids) - 1)
    return [
        Retired(ids[slots[start : start + size]], _take(kept, slots[start : start + size]))
        for start in range(0, len(slots), size)
    ]
