import numpy as np

from jaxprobe.probes import cells
from jaxprobe.probes.schedule import Schedule
from jaxprobe.probes.separation import outcome
from tests.probes.separation import made


def state(best, epoch, run, diverged):
    arrays = {name: np.zeros(len(best)) for name in Schedule._fields}
    arrays |= {'best': np.array(best), 'best_epoch': np.array(epoch), 'epochs': np.array(run)}
    return Schedule(**arrays | {'diverged': np.array(diverged)})


def test_cells_are_made_of_their_targets():
    spec = made.spec(sources=made.spec().sources[:1], seeds=1)
    plan = cells.plan(spec, made.WIDTHS, 10)
    found = outcome.blank(plan, 2, {'valid': 3, 'test': 1})
    first, both = np.array([0, 0]), np.array([0, 1])
    outcome.fill(found, first, both, state([2.0, 4.0], [5, 7], [9, 8], [False, False]))
    outcome.fill(found, first + 1, both, state([1.0, np.inf], [1, -1], [9, 1], [False, True]))
    found.wrong['valid'][:] = 0.5
    energies = {'valid': np.arange(6.0).reshape(3, 2), 'test': np.ones((1, 2))}
    result = outcome.result(found, spec, plan, energies)
    assert result.best_epoch.tolist() == [7, -1]
    assert result.epochs_run.tolist() == [9, 9]
    assert result.best_monitor[0] == 3.0
    assert np.isnan(result.best_monitor[1])
    assert result.diverged.tolist() == [False, True]
    true = [[0, 1], [2, 3], [4, 5]]
    np.testing.assert_array_equal(result.valid_logits[1], [[*t, 0.5, 0.5] for t in true])
    assert np.isnan(result.test_logits[..., 2:]).all()
    assert result.source == ('0', '0')
