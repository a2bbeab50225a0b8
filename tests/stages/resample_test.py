import dataclasses

import numpy as np
import pytest

from jaxprobe.analysis import bootstrap
from jaxprobe.metrics import extra, kinds
from jaxprobe.stages import resample, score
from tests.stages import planted


@pytest.mark.parametrize('kind', ['multiclass', 'multilabel', 'regression', 'key'])
def test_every_metric_is_the_metric_of_the_drawn_items(kind):
    record = planted.bank(kind=kind, layers=2, groups=9)
    drawn = resample.draw(record, 5)
    labels = list(record.meta['task']['labels'])
    for metric in record.meta['task']['metrics']:
        found = resample.cells(record, metric, [4, 5], drawn)
        for b in range(5):
            items = np.repeat(np.arange(80), drawn.weights(b, b + 1)[:, 0].astype(int))
            each = [
                kinds.evaluate(
                    kind,
                    record.test_targets[items],
                    record.test_logits[p][items].astype(np.float64),
                    labels,
                )[metric]
                for p in (4, 5)
            ]
            assert found[b] == pytest.approx(np.mean(each), abs=1e-6), metric


@pytest.mark.parametrize(
    ('kind', 'metric'),
    [
        ('multiclass', 'micro_f1'), ('multilabel', 'micro_f1'), ('multilabel', 'macro_f1'),
        ('key', 'macro_weighted_score'), ('multiclass', 'tests.stages.score_test:agreement'),
    ],
)  # fmt: skip
def test_metrics_that_were_added_are_resampled_alike(kind, metric):
    record = planted.bank(kind=kind, layers=2, groups=9)
    drawn = resample.draw(record, 4)
    found = resample.cells(record, metric, [4], drawn)
    function = extra.metric(kind, metric)
    for b in range(4):
        items = np.repeat(np.arange(80), drawn.weights(b, b + 1)[:, 0].astype(int))
        logits = record.test_logits[4][items].astype(np.float64)
        assert found[b] == pytest.approx(function(record.test_targets[items], logits), abs=1e-9)


def test_diverged_replicates_are_left_out():
    record = planted.bank(diverged=(1,), layers=2)
    drawn = resample.draw(record, 7)
    np.testing.assert_array_equal(
        resample.cells(record, 'accuracy', [0, 1], drawn),
        resample.cells(record, 'accuracy', [0], drawn),
    )
    assert np.isnan(resample.cells(record, 'accuracy', [1], drawn)).all()


def test_draws_depend_on_names_and_seed_alone():
    record = planted.bank(groups=9)
    same = resample.draw(planted.bank(groups=9, strength=0.1), 6)
    np.testing.assert_array_equal(resample.draw(record, 6).counts, same.counts)
    other = dataclasses.replace(record, meta=record.meta | {'root_seed': 1})
    assert (resample.draw(other, 6).counts != same.counts).any()


def test_one_group_has_no_interval():
    samples = np.linspace(0, 1, 101)
    alone = bootstrap.draw(['a', 'a'], 101, np.random.RandomState(0))
    two = bootstrap.draw(['a', 'b'], 101, np.random.RandomState(0))
    assert resample.interval(samples, alone) is None
    assert resample.interval(samples, two) == [score.tidy(0.025), score.tidy(0.975)]
