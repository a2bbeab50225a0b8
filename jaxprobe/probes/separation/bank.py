"""The bank of separation: every cell of a grid, one model per cell and target.

Conventions
-----------
As in `probes.bank`: initial weights, orders and masks come from (root, task, seed, epoch, step),
never from layer, rate or target, so training a chunk is training its models one by one
(`tests/probes/separation/bank_test.py`, against the plain torch loop of `reference.py`). A chunk
holds models of one family and one seed; half of it is left behind when half of its models have
stopped. Windows pass by in steps: neither features nor waves are ever all in memory.
"""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from jaxprobe.probes import cells, draws
from jaxprobe.probes.schedule import Patience
from jaxprobe.probes.separation import chunk, data, fit, outcome, programs
from jaxprobe.probes.separation import head as heads
from jaxprobe.probes.separation.chunk import Recipe, Who
from jaxprobe.probes.separation.data import Data, Windows
from jaxprobe.probes.separation.head import MaskHead
from jaxprobe.probes.separation.outcome import Outcome
from jaxprobe.probes.separation.programs import Shape
from jaxprobe.probes.separation.spectra import Spectra
from jaxprobe.probes.spec import BankResult, BankSpec, OnProgress, Progress, validate

BLOCK = 600  # Frames filtered together, MARBLE v1's `wiener_win_len`.


class Setup(NamedTuple):
    """What all chunks share; recipes and shapes by family."""

    spec: BankSpec
    plan: cells.Plan
    kinds: tuple[tuple[Recipe, Shape], ...]
    patience: Patience
    data: Data
    windows: int  # Per step.


def set_up(
    spec: BankSpec, head: MaskHead, spectra: Spectra, layer_widths: tuple[int, ...], read: Data
) -> Setup:
    """Lays out the grid.

    Args:
        spec: the protocol and the grid; of the head it says nothing.
        head: the shape of every model.
        spectra: their sizes.
        layer_widths: of the encoder's layers, in depth order.
        read: what is trained on and scored.

    Raises:
        ConfigError: it cannot be trained.
    """
    validate(dataclasses.replace(spec, frames=False), layer_widths)  # Frames have their own list.
    count, frames = read.train.counts.shape
    plan = cells.plan(spec, layer_widths, read.train.counts.size)
    windows = min(spec.batch_items, count)
    kinds = tuple(
        (
            Recipe(head, spectra, family.mixed, frames, BLOCK),
            Shape(len(plan.views[family.pad]), windows, read.stored, family.pad, read.targets),
        )
        for family in plan.families
    )
    patience = Patience(
        higher=False,
        plateau=spec.plateau_patience,
        factor=spec.plateau_factor,
        stop=spec.stop_patience,
        epochs=spec.epochs,
    )
    return Setup(spec, plan, kinds, patience, read, windows)


def models_of(
    setup: Setup, family: int, seed: int
) -> tuple[Int[np.ndarray, 'M'], Int[np.ndarray, 'M']]:
    """Cell and target of every model of a family and seed."""
    table, targets = setup.plan.cells, setup.data.targets
    mine = np.flatnonzero((table.family == family) & (table.seed == seed))
    return np.repeat(mine, targets), np.tile(np.arange(targets), len(mine))


def prove(setup: Setup, family: int, max_cells: int = 0, usable: float | None = None) -> fit.Cut:
    """Chooses how many models of a family train at once, by compiling what will run.

    Counted are the models' state, their best epochs', and the largest of the training step,
    validation, and the longest song.

    Raises:
        ConfigError: not one model fits.
    """
    recipe, shape = setup.kinds[family]
    each = fit.model_bytes(recipe.head, shape.width, shape.windows, recipe.frames)
    windows, samples = (max(n) for n in zip(*(w.longest for w in setup.data.songs.values())))
    song = programs.listening(recipe, shape, data.song_size(recipe, windows, samples))

    def needed_by(models: int) -> float:
        peaks = [
            programs.program_bytes(program)
            for program in (
                programs.training(recipe, shape, models),
                programs.judging(recipe, shape, models),
                song,
            )
        ]
        return programs.state_bytes(recipe, shape, models) + max(peaks)

    models = len(models_of(setup, family, 0)[0])
    return fit.cut(models, each, max_cells * setup.data.targets, needed_by, usable)


def train(
    setup: Setup, *, max_cells: int = 0, progress: OnProgress | None = None
) -> tuple[BankResult, Outcome]:
    """Trains every model of the grid and scores every item with it.

    Args:
        setup: from `set_up`.
        max_cells: cells trained in lockstep; 0 takes as many as memory holds.
        progress: called after every epoch.

    Returns:
        The cells, and the models they are made of.

    Raises:
        ConfigError: not one model fits.
    """
    cuts = [prove(setup, family, max_cells) for family in range(len(setup.kinds))]
    songs = setup.data.songs
    found = outcome.blank(
        setup.plan, setup.data.targets, {s: len(w.energies) for s, w in songs.items()}
    )
    parts = [
        (family, seed, begin)
        for family, cut in enumerate(cuts)
        for seed in range(setup.spec.seeds)
        for begin in range(0, len(models_of(setup, family, seed)[0]), cut.models)
    ]
    done = 0
    for wave, (family, seed, begin) in enumerate(parts):
        size = cuts[family].models
        cell, target = (each[begin : begin + size] for each in models_of(setup, family, seed))
        run = _Run(setup, family, seed, (cell, target), size, done, (wave, len(parts)))
        for slots, kept in run.epochs(progress):
            _take(setup, found, family, cell[slots], target[slots], kept)
        done += len(set(cell))
    energies = {split: whole.energies for split, whole in songs.items()}
    return outcome.result(found, setup.spec, setup.plan, energies), found


def _take(
    setup: Setup,
    found: Outcome,
    family: int,
    cell: Int[np.ndarray, 'M'],
    target: Int[np.ndarray, 'M'],
    kept: chunk.Kept,
) -> None:
    """Takes in models that have stopped, and lets each hear every song."""
    outcome.fill(found, cell, target, kept.schedule)
    recipe, shape = setup.kinds[family]
    models = [jax.tree.map(lambda a, m=m: jnp.asarray(a[m]), kept[:2]) for m in range(len(cell))]
    for (params, _), c, k in zip(models, cell, target, strict=True):
        if recipe.mixed:
            layers = setup.spec.sources[setup.plan.cells.source[c]].layers
            found.mix[c, k, list(layers)] = jax.nn.softmax(params['mix'])
    for split, whole in setup.data.songs.items():
        for n, (groups, waves, place) in enumerate(whole.read()):
            size, song = data.song(groups, waves, place, setup.plan, shape.width, recipe)
            listen = programs.listening(recipe, shape, size)
            for model, c, k in zip(models, cell, target, strict=True):
                view = jnp.int32(setup.plan.cells.view[c])
                found.wrong[split][c, n, k] = listen(*model, view, jnp.int32(k), song)


class _Run:
    """One chunk on its way; `slots` are places in its list of models, by place in the chunk."""

    def __init__(
        self,
        setup: Setup,
        family: int,
        seed: int,
        models: tuple[Int[np.ndarray, 'M'], Int[np.ndarray, 'M']],
        size: int,
        done: int,
        place: tuple[int, int],
    ):
        """Starts the chunk, at `place` among so many; `done` cells were trained before."""
        self.setup, self.kind, self.done = setup, setup.kinds[family], done
        self.wave, self.waves = place
        self.origin = draws.Origin(setup.spec.root_seed, setup.spec.task, seed)
        self.cell, target = models
        self.slots = np.minimum(np.arange(size), len(target) - 1)
        self.live = np.arange(size) < len(target)
        self.chunk = self._start(self.cell[self.slots], target[self.slots])

    def _start(self, cell: Int[np.ndarray, 'P'], target: Int[np.ndarray, 'P']) -> chunk.Chunk:
        recipe, shape = self.kind
        table = self.setup.plan.cells
        drawn = {
            width: heads.init(
                self.origin, recipe.head, width, mixed=len(recipe.mixed), pad_to=shape.width
            )
            for width in {int(table.width[c]) for c in cell}
        }
        params, stats = jax.tree.map(
            lambda *leaves: np.stack(leaves), *(drawn[int(table.width[c])] for c in cell)
        )
        who = Who(table.view[cell], target.astype(np.int32))
        rates = table.rate[cell]
        return chunk.start(params, stats, rates, who, ~self.live, self.setup.patience)

    def epochs(self, progress: OnProgress | None) -> Iterator[tuple[np.ndarray, chunk.Kept]]:
        """Trains to the end; yields models that have stopped, as slots of the chunk's list."""
        setup, began = self.setup, time.perf_counter()
        key = draws.dropout_key(self.origin)
        for epoch in range(setup.spec.epochs):
            learner = self._epoch(key, epoch)
            monitor = self._monitor(learner)
            kept = chunk.keep(self.chunk.kept, learner, monitor, patience=setup.patience)
            self.chunk = chunk.Chunk(learner, kept, self.chunk.who)
            alive = self.live & ~np.asarray(kept.schedule.finished)
            if progress is not None:
                progress(self._progress(epoch, alive, began))
            if not alive.any():
                break
            if 2 * alive.sum() <= len(alive):
                yield self._leave(alive)
        yield (
            self.slots[self.live],
            jax.tree.map(lambda leaf: np.asarray(leaf)[self.live], self.chunk.kept),
        )

    def _epoch(self, key: Any, epoch: int) -> chunk.Learner:
        setup, rate = self.setup, self.chunk.kept.schedule.rate
        order = draws.order(self.origin, epoch, len(setup.data.train.counts))
        learner = self.chunk.learner._replace(loss=jnp.zeros(len(self.live)))
        step_of = programs.training(*self.kind, len(self.live))
        for step, batch in enumerate(self._batches(setup.data.train, order)):
            learner = step_of(
                learner, rate, self.chunk.who, batch, key, jnp.int32(epoch), jnp.int32(step)
            )
        return learner

    def _monitor(self, learner: chunk.Learner) -> Any:
        setup = self.setup
        rows = np.arange(len(setup.data.valid.counts))
        error, count = jnp.zeros(len(self.live)), 0.0
        judge = programs.judging(*self.kind, len(self.live))
        for batch in self._batches(setup.data.valid, rows):
            more, frames = judge(learner.params, learner.stats, self.chunk.who, batch)
            error, count = error + more, count + frames
        return error / count

    def _leave(self, alive: np.ndarray) -> tuple[np.ndarray, chunk.Kept]:
        """Takes stopped models to the host and goes on with a chunk of half the size."""
        gone = self.live & ~alive
        left = self.slots[gone], jax.tree.map(lambda a: np.asarray(a)[gone], self.chunk.kept)
        size = int(alive.sum())
        places = np.flatnonzero(alive)
        self.chunk = jax.tree.map(lambda a: a[places] if a.ndim else a, self.chunk)
        self.slots, self.live = self.slots[places], np.ones(size, bool)
        return left

    def _batches(self, windows: Windows, rows: np.ndarray) -> Iterator[Any]:
        setup, width = self.setup, self.kind[1].width
        return data.batches(windows, setup.plan, width, rows, setup.windows)

    def _progress(self, epoch: int, alive: np.ndarray, began: float) -> Progress:
        spec = self.setup.spec
        left = len(set(self.cell[self.slots[alive]]))
        return Progress(
            task=spec.task,
            epoch=epoch,
            epochs=spec.epochs,
            alive=left,
            cells=len(self.setup.plan.cells.source),
            cells_done=self.done + len(set(self.cell)) - left,
            epochs_per_second=(epoch + 1) / max(time.perf_counter() - began, 1e-9),
            wave=self.wave,
            waves=self.waves,
        )
