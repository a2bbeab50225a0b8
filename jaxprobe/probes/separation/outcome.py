"""What came of every model, and what a cell's models make together."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxprobe.probes.cells import Plan
from jaxprobe.probes.schedule import Schedule
from jaxprobe.probes.spec import BankResult, BankSpec


class Outcome(NamedTuple):
    """Every model's outcome, by cell P and target K; filled in as models stop.

    Attributes:
        best: the monitor at the best epoch, nan where there is none.
        mix: learned weights by layer, nan where a layer takes no part.
        wrong: split -> energy of what estimates of its N items get wrong.
    """

    best_epoch: Int[np.ndarray, 'P K']
    epochs: Int[np.ndarray, 'P K']
    best: Float[np.ndarray, 'P K']
    diverged: Bool[np.ndarray, 'P K']
    mix: Float[np.ndarray, 'P K L']
    wrong: dict[str, Float[np.ndarray, 'P _ K']]


def blank(plan: Plan, targets: int, items: Mapping[str, int]) -> Outcome:
    """Nothing is known yet."""
    shape = (len(plan.cells.source), targets)
    return Outcome(
        np.full(shape, -1),
        np.zeros(shape, int),
        np.full(shape, np.nan),
        np.zeros(shape, bool),
        np.full((*shape, len(plan.layer_widths)), np.nan),
        {split: np.full((shape[0], n, targets), np.nan) for split, n in items.items()},
    )


def fill(
    found: Outcome, cell: Int[np.ndarray, 'M'], target: Int[np.ndarray, 'M'], state: Schedule
) -> None:
    """Takes in the schedules of models that have stopped."""
    at = (cell, target)
    found.best_epoch[at] = state.best_epoch
    found.epochs[at] = state.epochs
    found.best[at] = np.where(np.asarray(state.best_epoch) >= 0, state.best, np.nan)
    found.diverged[at] = state.diverged


def result(
    found: Outcome,
    spec: BankSpec,
    plan: Plan,
    energies: Mapping[str, Float[np.ndarray, '_ K']],
) -> BankResult:
    """Cells as results have them, their scores the energies of items [P N 2K].

    A cell's best epoch is that of the target that took longest, -1 where one has none; its
    monitor and its mix weights are means over targets.
    """
    table, scores = plan.cells, {}
    for split, wrong in found.wrong.items():
        true = np.broadcast_to(energies[split][None], wrong.shape)
        scores[split] = np.concatenate([true, wrong], axis=2)
    place = np.arange(len(table.source)) // spec.seeds % len(spec.learning_rates)
    untrained = (found.best_epoch < 0).any(axis=1)
    return BankResult(
        source=tuple(spec.sources[s].name for s in table.source),
        learning_rate=np.array(spec.learning_rates)[place],
        seed=table.seed.copy(),
        best_epoch=np.where(untrained, -1, found.best_epoch.max(axis=1)),
        epochs_run=found.epochs.max(axis=1),
        best_monitor=found.best.mean(axis=1),
        diverged=np.any(found.diverged, axis=1),
        ensemble=('',) * len(table.source),
        valid_logits=scores['valid'],
        test_logits=scores['test'],
        mix_weights=found.mix.mean(axis=1),
    )
