import dataclasses

import numpy as np
import pytest

from jaxprobe.stages import grid, results
from tests.stages import planted


def _scored(**options):
    record = planted.bank(**options)
    return dataclasses.replace(record, scores=results.score_record(record))


def test_entries_are_means_over_seeds():
    record = _scored(layers=3, seeds=3)
    found = grid.of(record)
    assert found.valid.shape == (4, 3)
    for s, source in enumerate(('block0', 'block1', 'block2', 'mix')):
        for r, rate in enumerate(found.rates):
            cells = [
                p
                for p in range(len(record.source))
                if record.source[p] == source and record.learning_rate[p] == rate
            ]
            assert found.cells[s][r] == cells
            assert found.test[s, r] == pytest.approx(record.scores['test/accuracy'][cells].mean())


def test_rates_ascend_however_they_were_given():
    found = grid.of(_scored(rates=(1e-2, 1e-4, 1e-3)))
    assert found.rates == [1e-4, 1e-3, 1e-2]


def test_an_entry_with_a_cell_that_never_trained_has_no_score():
    record = planted.bank(layers=2, seeds=2)
    record.best_epoch[1] = -1
    found = grid.of(dataclasses.replace(record, scores=results.score_record(record)))
    assert np.isnan(found.valid[0, 0])
    assert np.isfinite(found.valid.ravel()[1:]).all()


def test_the_monitor_may_be_the_loss():
    record = _scored()
    meta = record.meta | {'protocol': {'monitor': 'loss'}}
    values, higher = grid.monitor(dataclasses.replace(record, meta=meta))
    assert not higher
    np.testing.assert_array_equal(values, record.best_monitor)
    assert grid.monitor(record)[1]


def test_best_is_the_first_of_equals():
    assert grid.best(np.array([[0.1, 0.7], [0.7, np.nan]])) == 1
    assert grid.best(np.array([0.3, np.nan, 0.2]), higher_is_better=False) == 2
    assert grid.best(np.array([np.nan])) is None
