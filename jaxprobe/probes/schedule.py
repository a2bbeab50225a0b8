"""When a cell lowers its rate, when it stops and which epoch it keeps: elementwise over cells.

torch's `ReduceLROnPlateau` (relative threshold 1e-4, no cooldown, no floor) and Lightning's
`EarlyStopping` and `ModelCheckpoint` (strict improvement; the first best epoch stays).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

_THRESHOLD = 1e-4
_SMALLEST_CHANGE = 1e-8  # torch leaves a rate alone that would change by less.

Either = Array | np.ndarray  # On the host before the first epoch and after the last.


class Schedule(NamedTuple):
    """Where the cells of a block stand; every leaf leads with the cell axis."""

    rate: Float[Either, 'P']  # Present learning rate.
    plateau_best: Float[Either, 'P']
    plateau_bad: Int[Either, 'P']
    best: Float[Either, 'P']  # Monitor at the kept epoch.
    best_epoch: Int[Either, 'P']
    waited: Int[Either, 'P']
    epochs: Int[Either, 'P']  # Run so far.
    finished: Bool[Either, 'P']
    diverged: Bool[Either, 'P']


class Patience(NamedTuple):
    """The protocol's numbers; `higher` says that a larger monitor is better."""

    higher: bool
    plateau: int
    factor: float
    stop: int
    epochs: int


def start(
    rates: Float[np.ndarray, 'P'], finished: Bool[np.ndarray, 'P'], patience: Patience
) -> Schedule:
    """The schedule of cells that have not run, on the host."""
    worst = np.full(rates.shape, -np.inf if patience.higher else np.inf, np.float32)
    zero = np.zeros(rates.shape, np.int32)
    no = np.zeros(rates.shape, bool)
    return Schedule(
        rate=rates.astype(np.float32),
        plateau_best=worst,
        plateau_bad=zero,
        best=worst,
        best_epoch=zero - 1,
        waited=zero,
        epochs=zero,
        finished=finished,
        diverged=no,
    )


def advance(
    state: Schedule, monitor: Float[Array, 'P'], finite: Bool[Array, 'P'], patience: Patience
) -> tuple[Schedule, Bool[Either, 'P']]:
    """Takes in one epoch's monitor.

    Args:
        state: before this epoch.
        monitor: on validation, after this epoch.
        finite: False where training or the monitor left the numbers: such a cell stops.
        patience: the protocol's numbers.

    Returns:
        The state after it, and which cells must keep their present parameters as the best.
        Cells that had finished stay as they were.
    """
    alive = ~state.finished
    counts = alive & finite
    better = (monitor > state.best) if patience.higher else (monitor < state.best)
    improved = counts & better
    waited = jnp.where(improved, 0, state.waited + 1)
    rate, plateau_best, plateau_bad = _plateau(state, monitor, patience)
    epochs = state.epochs + 1
    stop = ~finite | (waited >= patience.stop) | (epochs >= patience.epochs)
    new = Schedule(
        rate=rate,
        plateau_best=plateau_best,
        plateau_bad=plateau_bad,
        best=jnp.where(improved, monitor, state.best),
        best_epoch=jnp.where(improved, state.epochs, state.best_epoch),
        waited=waited,
        epochs=epochs,
        finished=stop,
        diverged=~finite,
    )
    return Schedule(*(jnp.where(alive, n, o) for n, o in zip(new, state))), improved


def _plateau(state: Schedule, monitor: Float[Array, 'P'], patience: Patience):
    margin = 1 + _THRESHOLD if patience.higher else 1 - _THRESHOLD
    bound = state.plateau_best * margin
    better = (monitor > bound) if patience.higher else (monitor < bound)
    bad = jnp.where(better, 0, state.plateau_bad + 1)
    lower = bad > patience.plateau
    reduced = state.rate * patience.factor
    reduced = jnp.where(state.rate - reduced > _SMALLEST_CHANGE, reduced, state.rate)
    return (
        jnp.where(lower, reduced, state.rate),
        jnp.where(better, monitor, state.plateau_best),
        jnp.where(lower, 0, bad),
    )
