"""A wave: the cells of a bank that are trained at once, epoch by epoch, to their ends.

In an epoch every block of cells runs its steps, is scored on validation and keeps its best
parameters, in one compiled program where rows are on the device; then finished cells are packed
away. Only flags come to the host, and now and then all of it, for a checkpoint.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from jaxprobe.probes import block, cells, evaluation, memory, mesh, packing
from jaxprobe.probes import data as feeds
from jaxprobe.probes.checkpoint import Log, State
from jaxprobe.probes.packing import Packed, Retired
from jaxprobe.probes.spec import BankSpec, OnProgress, Progress


class Setup(NamedTuple):
    """Everything a wave of cells needs and none of them changes."""

    spec: BankSpec
    plan: cells.Plan
    recipes: tuple[block.Recipe, ...]  # By family.
    placement: mesh.Placement
    block_sizes: tuple[int, ...]  # Cells of a block at most, by family.
    feed: feeds.Feed
    targets: Shaped[Array, 'N *outputs']
    judged: dict[str, evaluation.Judged]  # What finished cells are scored on; 'valid' among them.


class Wave(NamedTuple):
    """Cells that are trained at once, in the order of their seeds."""

    seeds: range  # That they draw for.
    chosen: Int[np.ndarray, '_']
    number: int  # From 0.
    waves: int
    done: int  # Cells of the waves before.


def waves(the_cells: cells.Cells, n_seeds: int, budget: memory.Budget) -> list[Wave]:
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
        Wave(range(first, first + budget.seeds), order[start:stop], number, len(cuts), start)
        for number, (first, (start, stop)) in enumerate(zip(firsts, cuts))
    ]


def train(setup: Setup, wave: Wave, progress: OnProgress | None, log: Log) -> Iterator[Retired]:
    """Trains the cells of a wave to their ends; yields them with what they kept.

    Args:
        setup: of the bank.
        wave: which cells.
        progress: called after every epoch.
        log: where it stands is kept there from time to time, and taken up again.
    """
    begun, gone, sizes, first = log.state(wave.number) or _begin(setup, wave)
    by_family = {family: _placed(setup, packed) for family, packed in begun.items()}
    began = time.perf_counter()
    whole = setup.feed.whole
    stretch = whole.epochs if whole else 1
    for start in range(first, setup.spec.epochs, stretch):
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
                by_family[family] = _placed(setup, again)
            gone[family] += retired
        if progress is not None:
            pace = (epoch + 1 - first) / max(time.perf_counter() - began, 1e-9)
            progress(_progress(setup, wave, epoch, left, pace))
        if not left:
            break
        log.offer(wave.number, State(by_family, gone, sizes, epoch + 1), setup.placement)
    for family, packed in by_family.items():
        yield from packing.regroup(
            gone[family] + packing.retire(packed, setup.placement), sizes[family]
        )


def examples(setup: Setup) -> dict[int, Packed]:
    """A block of one cell of every family."""
    family = setup.plan.cells.family
    return {
        number: packing.pack(
            setup.spec,
            setup.plan,
            number,
            np.flatnonzero(family == number)[:1],
            1,
            setup.recipes[0].patience,
            range(setup.spec.seeds),
        )[0]
        for number in range(len(setup.plan.families))
    }


def _begin(setup: Setup, wave: Wave) -> State:
    """A wave of which no epoch has run."""
    sizes = {}
    for family, most in enumerate(setup.block_sizes):
        here = int(np.sum(setup.plan.cells.family[wave.chosen] == family))
        if here:
            sizes[family] = min(here + -here % setup.placement.probe, most)
    packed = {
        family: packing.pack(
            setup.spec,
            setup.plan,
            family,
            wave.chosen,
            size,
            setup.recipes[0].patience,
            wave.seeds,
        )
        for family, size in sizes.items()
    }
    return State(packed, {family: [] for family in sizes}, sizes, 0)


def _placed(setup: Setup, packed: list[Packed]) -> list[Packed]:
    """Blocks on their devices. The list is emptied: never are all of them in memory twice."""
    found = []
    while packed:
        one = packed.pop(0)
        found.append(one._replace(block=setup.placement.cells(one.block)))
    return found


def _run_epochs(
    setup: Setup,
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
    setup: Setup, seeds: range, by_family: dict[int, list[Packed]], epoch: int
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


def _zeros(setup: Setup, packed: Packed) -> Float[Array, 'P']:
    return setup.placement.cells(np.zeros(len(packed.cells), np.float32))


def _judge(
    setup: Setup,
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


def _progress(setup: Setup, wave: Wave, epoch: int, left: int, pace: float) -> Progress:
    return Progress(
        task=setup.spec.task,
        epoch=epoch,
        epochs=setup.spec.epochs,
        alive=left,
        cells=len(setup.plan.cells.source),
        cells_done=wave.done + len(wave.chosen) - left,
        epochs_per_second=pace,
        wave=wave.number,
        waves=wave.waves,
    )
