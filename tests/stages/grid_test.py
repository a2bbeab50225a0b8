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
    assert found.book.n_seeds == 3
    for s, source in enumerate(('block0', 'block1', 'block2', 'mix')):
        for r, rate in enumerate(found.rates):
            cells = [
                p
                for p in range(len(record.source))
                if record.source[p] == source and record.learning_rate[p] == rate
            ]
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
    name, values, higher = grid.monitor(dataclasses.replace(record, meta=meta))
    assert (name, higher) == ('loss', False)
    np.testing.assert_array_equal(values, record.best_monitor)
    assert grid.monitor(record)[2]


def test_selection_by_loss_takes_the_lowest_and_the_oracle_the_best():
    record = _scored(layers=3)
    meta = record.meta | {'protocol': {'monitor': 'loss'}}
    found = grid.of(dataclasses.replace(record, meta=meta))
    assert found.valid_of(found.book.selected) == found.valid.min()
    assert found.book.oracle.test == found.test.max()
    assert found.by_source('block1').source == 'block1'


def test_without_a_whole_candidate_there_is_no_ledger():
    record = _scored(layers=1, mix=False, seeds=2, rates=(1e-3,), diverged=(1,))
    found = grid.of(record)
    assert found.book is None
    assert found.by_source('block0') is None
    assert found.mixture() is None
    assert np.isnan(found.valid).all()


def test_mixture_compares_the_sum_with_the_best_single_layer():
    found = grid.of(_scored(layers=4))
    pair = found.mixture()
    assert pair.mix.source == 'mix'
    assert pair.layer.source in grid.singles(found.sources)
    assert pair.gain == pair.mix.test - pair.layer.test


def test_edges_are_the_first_and_last_of_several_rates():
    found = grid.of(_scored(rates=(1e-4, 1e-3, 1e-2)))
    assert [found.edge(rate) for rate in found.rates] == ['lowest', None, 'highest']
    assert grid.of(_scored(rates=(1e-3,))).edge(1e-3) is None
    assert found.by == 'accuracy'
