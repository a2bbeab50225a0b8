"""The bank: every probe of a task trained at once.

Conventions
-----------
A cell is one (source, learning rate, seed). Cells of a seed share batches, dropout masks and
initial weights; a cell never sees another: training a bank is training its cells one by one
(`tests/probes/bank_test.py`, against the plain torch loop of `reference_trainer.py`).

An epoch runs in lockstep: its draws are made once, then every block of cells runs its steps, is
scored on validation and keeps its best parameters in one compiled program; an accelerator runs
several epochs of a small task so. Only flags come to the host. Where rows are streamed, the same
happens in several programs. Same inputs on the same machine give the same bits.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import jax
import jaxlib.version
import numpy as np
from jaxtyping import Shaped

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import block, cells, evaluation, memory, mesh, packing, wave
from jaxprobe.probes import data as feeds
from jaxprobe.probes.checkpoint import NO_LOG, Checkpoint, Log
from jaxprobe.probes.items import Ragged
from jaxprobe.probes.schedule import Patience
from jaxprobe.probes.spec import (
    BankResult,
    BankSpec,
    OnProgress,
    Progress,
    RowReader,
    Source,
    Split,
    Take,
    validate,
    validate_split,
)

__all__ = ['BankResult', 'BankSpec', 'Progress', 'RowReader', 'Source', 'Split', 'train']

# Rows scored at once: enough to fill the device; on a CPU few enough to stay in its cache.
_EVALUATION_ROWS, _EVALUATION_ROWS_CPU = 4096, 512
# Epochs between two looks of the host at an accelerator, whose epoch of a small task is over in
# less time than a look takes. Cells that finish in between train on for nothing, so not many.
_EPOCHS_AT_ONCE, _EPOCHS_AT_ONCE_CPU = 8, 1


def train(
    spec: BankSpec,
    layer_widths: tuple[int, ...],
    train: Split,
    valid: Split,
    test: Split,
    *,
    data: str = 'auto',
    max_cells: int = 0,
    progress: OnProgress | None = None,
    take: Take | None = None,
    also: Mapping[str, Split] = MappingProxyType({}),
    devices: Sequence[mesh.Device] | None = None,
    checkpoint: Checkpoint | None = None,
) -> BankResult:
    """Trains every cell of the grid and scores it on validation and test.

    Args:
        spec: the grid and the protocol.
        layer_widths: width of every layer of the encoder, in depth order.
        train, valid, test: the splits; see `Split`.
        data: 'resident' holds all rows on the device, 'streamed' reads them as training
            reaches them, 'auto' decides by memory. The results are the same.
        max_cells: cells trained in lockstep; 0 takes as many as memory holds.
        progress: called after every epoch.
        take: handed the scores of cells as they finish, `(cells [p], 'valid' or 'test',
            [p N C])`, which are then not held for the result: those of frames may be many.
        also: further splits, by name, on which finished cells are scored; training sees nothing
            of them. They are read once each, as they are needed, whatever `data` says.
        devices: over which cells are divided, and rows where one device cannot hold them; None
            takes all accelerators of this process, or one CPU device. Those of all processes
            (`mesh.all_devices`) train one bank together: every process calls this with the same
            arguments, and has the same result.
        checkpoint: where training is kept on disk from time to time, and taken up again by the
            same call; of a bank that one process trains.

    Raises:
        ConfigError: the grid cannot be trained, or a further split has the name of another.
        DataError: a split is empty, or its targets do not fit or do not define the monitor.
    """
    validate(spec, layer_widths)
    splits = {'train': train, 'valid': valid, 'test': test}
    if taken := splits.keys() & also.keys():
        raise ConfigError(f'further splits are named {sorted(taken)}, as those of the task are')
    splits |= also
    for name, split in splits.items():
        validate_split(spec, name, split)
    if spec.aggregation == 'embeddings':
        splits = {name: feeds.averaged(split) for name, split in splits.items()}
    devices = mesh.default_devices() if devices is None else devices
    if spec.tf32 and devices[0].platform != 'gpu':
        raise ConfigError(
            f'tf32 is a format of NVIDIA GPUs, and this bank runs on {devices[0].device_kind!r}: '
            'leave probe.tf32 at False, which trains in float32.'
        )
    setup, budget, sizes = _set_up(spec, layer_widths, splits, data, max_cells, devices)
    log = NO_LOG
    if checkpoint is not None:
        by = (jax.__version__, jaxlib.version.__version__, devices[0].device_kind, len(devices))
        cut = (spec, budget, sizes, setup.block_sizes, by)
        log = Log(checkpoint, repr(cut), setup.plan.cells.family, wave.examples(setup))
    result = evaluation.blank(spec, setup.plan, setup.judged, held=take is None)
    waves = wave.waves(setup.plan.cells, spec.seeds, budget)
    for one in waves:
        ended = log.ended(one.number)
        if ended is None:
            ended = wave.train(setup, one, progress, log)
            if len(waves) > 1:
                ended = log.end(one.number, ended)
        for retired in ended:
            evaluation.fill(
                result,
                spec,
                setup.plan,
                setup.recipes,
                setup.judged,
                retired,
                take,
                setup.placement,
            )
    return BankResult(**result)


def _set_up(
    spec: BankSpec,
    layer_widths: tuple[int, ...],
    splits: dict[str, Split],
    data: str,
    most: int,
    devices: Sequence[mesh.Device],
) -> tuple[wave.Setup, memory.Budget, feeds.Layout]:
    rows = [feeds.n_rows(split) for split in splits.values()]
    plan = cells.plan(spec, layer_widths, rows[0])
    train, valid, test, *_ = splits.values()
    step_rows = feeds.step_rows(spec, train)
    usable = mesh.least(memory.usable_bytes(), devices)
    budget = memory.budget(
        spec, plan, rows, data, most, usable, step_rows=step_rows, devices=len(devices)
    )
    placement = mesh.place(devices, budget.data)
    row_bytes = 0 if budget.resident else memory.row_bytes(plan)
    on_cpu = jax.default_backend() == 'cpu'
    at_once = _EPOCHS_AT_ONCE_CPU if on_cpu else _EPOCHS_AT_ONCE
    sizes = feeds.layout(
        spec, train, budget.segment_bytes, row_bytes, step_rows, at_once, budget.seeds
    )
    block_sizes = _block_sizes(spec, plan, step_rows, budget, placement.probe)
    each = [size // placement.probe for size in block_sizes]  # Cells of a block on one device.
    most_rows = _EVALUATION_ROWS_CPU
    if not on_cpu:
        most_rows = memory.evaluation_rows(
            spec, plan.families, each, budget.step_bytes, _EVALUATION_ROWS
        )
    chunk = min(most_rows, max(rows[1:]))
    chunk += -chunk % placement.data
    make = feeds.resident if budget.resident else feeds.streamed
    feed = make(spec, plan, (train, valid, test), sizes, chunk, placement)
    patience = Patience(
        higher=spec.higher_is_better,
        plateau=spec.plateau_patience,
        factor=spec.plateau_factor,
        stop=spec.stop_patience,
        epochs=spec.epochs,
    )
    recipes = tuple(
        block.Recipe(
            spec.kind,
            spec.dropout,
            spec.monitor,
            spec.aggregation,
            patience,
            family.mixed,
            spec.frames,
            spec.l2,
            spec.tf32,
        )
        for family in plan.families
    )
    table = feeds.by_frame if spec.frames else feeds.ragged
    chunks = {name: feeds.passing(split, plan, chunk, placement) for name, split in splits.items()}
    chunks |= {'valid': feed.valid, 'test': feed.test}
    setup = wave.Setup(
        spec=spec,
        plan=plan,
        recipes=recipes,
        placement=placement,
        block_sizes=block_sizes,
        feed=feed,
        targets=placement.everywhere(_targets(spec, train)),
        judged={
            name: evaluation.Judged(
                placement.everywhere(_targets(spec, split)),
                _ragged(placement, table(split)),
                chunks[name],
            )
            for name, split in splits.items()
            if name != 'train'
        },
    )
    return setup, budget, sizes


def _targets(spec: BankSpec, split: Split) -> Shaped[np.ndarray, 'N *outputs']:
    whole = spec.kind in ('multiclass', 'key')
    return np.asarray(split.targets, np.int32 if whole else np.float32)


def _ragged(placement: mesh.Placement, table: Ragged) -> Ragged:
    first, count = placement.everywhere((table.first, table.count))
    return table._replace(first=first, count=count)


def _block_sizes(
    spec: BankSpec, plan: cells.Plan, step_rows: int, budget: memory.Budget, devices: int
) -> tuple[int, ...]:
    return tuple(
        packing.block_size(
            int(np.sum(plan.cells.family == number)) * budget.seeds // spec.seeds,
            packing.cell_bytes(spec, family.pad),
            jax.default_backend(),
            memory.step_bytes(spec, family, step_rows),
            budget.step_bytes,
            devices,
        )
        for number, family in enumerate(plan.families)
    )
