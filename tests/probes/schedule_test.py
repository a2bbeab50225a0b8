"""The schedule against torch's ReduceLROnPlateau and a plain early stopping."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.probes import schedule

PATIENCE = schedule.Patience(higher=True, plateau=2, factor=0.5, stop=6, epochs=40)


def run(monitors, patience, rate=0.1, finite=None):
    """Rates after each epoch, the last state and the epochs kept, for one cell's monitors."""
    state = schedule.start(np.array([rate], np.float32), np.zeros(1, bool), patience)
    rates, kept = [], []
    for epoch, value in enumerate(monitors):
        good = jnp.asarray([True if finite is None else finite[epoch]])
        state, improved = schedule.advance(state, jnp.asarray([value]), good, patience)
        rates.append(float(state.rate[0]))
        if improved[0]:
            kept.append(epoch)
    return rates, state, kept


@pytest.mark.parametrize('higher', [True, False])
@pytest.mark.parametrize('seed', range(4))
def test_rates_are_torchs(higher, seed):
    torch = pytest.importorskip('torch')
    random = np.random.RandomState(seed)
    # Coarse steps and small ones, so that equal values and the 1e-4 threshold both occur.
    monitors = np.round(random.randn(40).cumsum() * 0.1, 1) + random.choice([0, 5e-6], 40)
    monitors = monitors.astype(np.float32)
    never = PATIENCE._replace(higher=higher, stop=99, epochs=99)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode='max' if higher else 'min', factor=0.5, patience=2
    )
    expected = []
    for value in monitors:
        plateau.step(float(value))
        expected.append(optimizer.param_groups[0]['lr'])
    np.testing.assert_allclose(run(monitors, never)[0], expected, rtol=1e-6)


def test_the_first_best_epoch_is_kept_and_patience_counts_from_it():
    monitors = [0.1, 0.5, 0.5, 0.4, 0.5, 0.3, 0.5, 0.5, 0.9]
    _, state, kept = run(monitors, PATIENCE)
    assert kept == [0, 1]
    assert int(state.best_epoch[0]) == 1
    assert int(state.epochs[0]) == 8, 'stopped 6 epochs after the best one'
    assert bool(state.finished[0])
    assert float(state.best[0]) == 0.5


def test_losses_go_down():
    _, state, kept = run([3.0, 2.0, 2.5, 1.0], PATIENCE._replace(higher=False))
    assert kept == [0, 1, 3]
    assert float(state.best[0]) == 1


def test_the_last_epoch_finishes():
    _, state, _ = run([0.1, 0.2, 0.3], PATIENCE._replace(epochs=3))
    assert bool(state.finished[0])
    assert not bool(state.diverged[0])


def test_a_cell_that_leaves_the_numbers_keeps_what_it_had():
    _, state, kept = run([0.1, 0.2, np.nan, 0.9], PATIENCE, finite=[True, True, False, True])
    assert bool(state.diverged[0])
    assert bool(state.finished[0])
    assert kept == [0, 1]
    assert int(state.best_epoch[0]) == 1
    assert int(state.epochs[0]) == 3


def test_fillers_start_finished():
    state = schedule.start(np.ones(2, np.float32), np.array([False, True]), PATIENCE)
    assert state.finished.tolist() == [False, True]
