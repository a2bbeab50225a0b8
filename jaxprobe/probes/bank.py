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

import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import block, cells, evaluation, memory, mesh, packing
from jaxprobe.probes import data as feeds
from jaxprobe.probes.items import Ragged
from jaxprobe.probes.packing import Packed, Retired
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


class _Setup(NamedTuple):
    """Everything a wave of cells needs and none of them changes."""

    spec: BankSpec
    plan: cells.Plan
    recipes: tuple[block.Recipe, ...]  # By family.
    placement: mesh.Placement
    block_sizes: tuple[int, ...]  # Cells of a block at most, by family.
    feed: feeds.Feed
    targets: Shaped[Array, 'N *outputs']
    judged: dict[str, evaluation.Judged]  # What finished cells are scored on; 'valid' among them.


class _Wave(NamedTuple):
    """Cells that are trained at once, in the order of their seeds."""

    seeds: range  # That they draw for.
    chosen: Int[np.ndarray, '_']
    number: int  # From 0.
    waves: int
    done: int  # Cells of the waves before.


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
    setup, budget = _set_up(spec, layer_widths, splits, data, max_cells, devices)
    result = evaluation.blank(spec, setup.plan, setup.judged, held=take is None)
    for wave in _waves(setup.plan.cells, spec.seeds, budget):
        for retired in _train_wave(setup, wave, progress):
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


def _waves(the_cells: cells.Cells, n_seeds: int, budget: memory.Budget) -> list[_Wave]:
    """All waves, in the order in which they are trained."""
    order = np.argsort(the_cells.seed, kind='stable')
    size = len(order) * budget.seeds // n_seeds  # Cells of a part of the seeds.
    cuts = [
        (start, min(start + budget.cells, end))
        for end in range(size, len(order) + 1, size)
        for start in range(end - size, end, budget.cells)
    ]
    firsts = (start // size * budget.seeds for start, _ in cuts)
    return [
        _Wave(range(first, first + budget.seeds), order[start:stop], number, len(cuts), start)
        for number, (first, (start, stop)) in enumerate(zip(firsts, cuts))
    ]


def _set_up(
    spec: BankSpec,
    layer_widths: tuple[int, ...],
    splits: dict[str, Split],
    data: str,
    most: int,
    devices: Sequence[mesh.Device],
) -> tuple[_Setup, memory.Budget]:
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
    setup = _Setup(
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
    return setup, budget


def _targets(spec: BankSpec, split: Split) -> Shaped[np.ndarray, 'N *outputs']:
    whole = spec.kind in ('multiclass', 'key')
    return np.asarray(split.targets, np.int32 if whole else np.float32)


def _ragged(placement: mesh.Placement, table: Ragged) -> Ragged:
    first, count = placement.everywhere((table.first, table.count))
    return table._replace(first=first, count=count)


def _train_wave(setup: _Setup, wave: _Wave, progress: OnProgress | None) -> Iterator[Retired]:
    """Trains the cells of a wave to their ends; yields them with what they kept."""
    by_family = _pack(setup, wave.seeds, wave.chosen)
    sizes = {family: len(packed[0].cells) for family, packed in by_family.items()}
    gone: dict[int, list[Retired]] = {family: [] for family in by_family}
    began = time.perf_counter()
    whole = setup.feed.whole
    stretch = whole.epochs if whole else 1
    for start in range(0, setup.spec.epochs, stretch):
        epoch = min(start + stretch, setup.spec.epochs) - 1  # The last of this stretch.
        if whole:
            by_family = _run_epochs(setup, whole, wave.seeds, by_family, range(start, epoch + 1))
        else:
            by_family = _run_epoch(setup, wave.seeds, by_family, epoch)
        left = 0
        for family, packed in by_family.items():
            finished = setup.placement.host([p.block.kept.schedule.finished for p in packed])
            left += sum(int(packing.alive(p, f).sum()) for p, f in zip(packed, finished))
            again, retired = packing.repack(packed, finished, setup.placement)
            if again is not packed:
                by_family[family] = [_placed(setup, p) for p in again]
            gone[family] += retired
        if progress is not None:
            progress(_progress(setup, wave, epoch, left, began))
        if not left:
            break
    for family, packed in by_family.items():
        yield from packing.regroup(
            gone[family] + packing.retire(packed, setup.placement), sizes[family]
        )


def _pack(setup: _Setup, seeds: range, chosen: Int[np.ndarray, '_']) -> dict[int, list[Packed]]:
    by_family = {}
    for family, most in enumerate(setup.block_sizes):
        here = int(np.sum(setup.plan.cells.family[chosen] == family))
        if here:
            size = min(here + -here % setup.placement.probe, most)
            packed = packing.pack(
                setup.spec, setup.plan, family, chosen, size, setup.recipes[0].patience, seeds
            )
            by_family[family] = [_placed(setup, p) for p in packed]
    return by_family


def _placed(setup: _Setup, packed: Packed) -> Packed:
    return packed._replace(block=setup.placement.cells(packed.block))


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


def _run_epochs(
    setup: _Setup,
    whole: feeds.Whole,
    seeds: range,
    by_family: dict[int, list[Packed]],
    epochs: range,
) -> dict[int, list[Packed]]:
    batches, valid = whole.batches(epochs.start, seeds), setup.judged['valid']

    def run(family: int, p: Packed) -> Packed:
        pad = setup.plan.families[family].pad
        learner, kept = block.epochs(
            (p.block.learner, p.block.kept),
            p.block.view,
            p.block.seed,
            whole.data[pad],
            setup.targets,
            batches,
            whole.steps,
            len(epochs),
            block.Validation(
                whole.valid[pad], valid.targets, valid.ragged.first, valid.ragged.count
            ),
            recipe=setup.recipes[family],
            most=valid.ragged.most,
        )
        return Packed(p.cells, p.block._replace(learner=learner, kept=kept))

    return {family: [run(family, p) for p in packed] for family, packed in by_family.items()}


def _run_epoch(
    setup: _Setup, seeds: range, by_family: dict[int, list[Packed]], epoch: int
) -> dict[int, list[Packed]]:
    learners = {
        family: [p.block.learner._replace(loss=_zeros(setup, p)) for p in packed]
        for family, packed in by_family.items()
    }
    for segment in setup.feed.segments(epoch, seeds):
        for family, packed in by_family.items():
            views = segment.data[setup.plan.families[family].pad]
            learners[family] = [
                block.train(
                    learner,
                    p.block.kept.schedule.rate,
                    p.block.view,
                    p.block.seed,
                    views,
                    setup.targets,
                    segment.batches,
                    segment.n_steps,
                    recipe=setup.recipes[family],
                )
                for learner, p in zip(learners[family], packed)
            ]
    params = {f: [learner.params for learner in many] for f, many in learners.items()}
    views = {f: [p.block.view for p in packed] for f, packed in by_family.items()}
    chunks = evaluation.score_rows(setup.plan, setup.recipes, setup.judged['valid'], params, views)
    return {
        family: [
            Packed(p.cells, p.block._replace(learner=learner, kept=kept))
            for p, learner, kept in zip(
                packed,
                learners[family],
                _judge(setup, family, packed, learners[family], chunks[family]),
            )
        ]
        for family, packed in by_family.items()
    }


def _zeros(setup: _Setup, packed: Packed) -> Float[Array, 'P']:
    return setup.placement.cells(np.zeros(len(packed.cells), np.float32))


def _judge(
    setup: _Setup,
    family: int,
    packed: list[Packed],
    learners: list[block.Learner],
    chunks: list[list[Float[Array, 'P R C']]],
) -> list[block.Kept]:
    valid = setup.judged['valid']
    return [
        block.judge(
            p.block.kept,
            learner.params,
            learner.loss,
            tuple(mine),
            valid.targets,
            valid.ragged.first,
            valid.ragged.count,
            recipe=setup.recipes[family],
            most=valid.ragged.most,
        )
        for p, learner, mine in zip(packed, learners, chunks)
    ]


def _progress(setup: _Setup, wave: _Wave, epoch: int, left: int, began: float) -> Progress:
    return Progress(
        task=setup.spec.task,
        epoch=epoch,
        epochs=setup.spec.epochs,
        alive=left,
        cells=len(setup.plan.cells.source),
        cells_done=wave.done + len(wave.chosen) - left,
        epochs_per_second=(epoch + 1) / max(time.perf_counter() - began, 1e-9),
        wave=wave.number,
        waves=wave.waves,
    )
