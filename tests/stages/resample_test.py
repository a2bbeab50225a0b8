import dataclasses

import numpy as np
import pytest

from jaxprobe.analysis import bootstrap
from jaxprobe.metrics import extra, kinds
from jaxprobe.stages import resample, results
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


def test_the_first_row_is_the_reported_score():
    for kind in ('multiclass', 'multilabel', 'regression', 'key'):
        record = planted.bank(kind=kind, layers=2, groups=9)
        metric = record.meta['task']['primary']
        reported = results.score_record(record)[f'test/{metric}'][[4, 5]]
        found = resample.replicates(record, metric, (4, 5), resample.draw(record, 3))
        np.testing.assert_allclose(found[0], reported, atol=1e-6)


def test_what_was_measured_is_not_measured_again(monkeypatch):
    record = planted.bank(kind='multilabel', layers=2)
    drawn = resample.draw(record, 3)
    first = resample.replicates(record, 'ap', (0, 1), drawn)
    monkeypatch.setattr(bootstrap, 'scores', None)
    assert resample.replicates(record, 'ap', (0, 1), drawn) is first
    other = dataclasses.replace(record, test_logits=record.test_logits.copy())
    with pytest.raises(TypeError):
        resample.replicates(other, 'ap', (0, 1), drawn)


def test_intervals_say_what_they_cover():
    record = planted.bank(kind='multiclass', layers=3, seeds=3, groups=30)
    drawn = resample.draw(record, 500)
    found = resample.intervals(record, 'accuracy', (3, 4, 5), drawn)
    (low, high), (lower, higher) = found['ci95'], found['ci95_seeds']
    assert lower < low < high < higher
    alone = resample.intervals(record, 'accuracy', (3,), drawn)
    assert alone['ci95_seeds'] is None
    assert alone['ci95'] == resample.interval(
        resample.cells(record, 'accuracy', (3,), drawn),
        drawn,
        resample.scale('multiclass', 'accuracy'),
    )


def test_differences_are_paired_by_item_and_by_seed():
    record = planted.bank(kind='multiclass', layers=3, seeds=3, groups=30)
    drawn = resample.draw(record, 500)
    one, other = (resample.replicates(record, 'accuracy', c, drawn) for c in ((3, 4, 5), (6, 7, 8)))
    same = resample.difference(one, one, drawn)
    assert same == {'ci95': [0.0, 0.0], 'ci95_groups': [0.0, 0.0], 'p': 1.0}
    assert resample.difference(one + np.array([0.1, 0.0, -0.1]), one, drawn)['p'] == pytest.approx(
        1.0
    )
    shifted = resample.difference(one + 0.1, one, drawn)
    assert shifted['ci95'] == pytest.approx([0.1, 0.1])  # Each seed by as much: no spread.
    there, back = (resample.difference(*pair, drawn) for pair in ((one, other), (other, one)))
    assert there['p'] == back['p']
    assert there['ci95'] == pytest.approx([-bound for bound in reversed(back['ci95'])])
    fewer = resample.difference(one, other[:, :2], drawn)
    assert fewer['ci95'] == fewer['ci95_groups']


def test_scales_follow_the_metric():
    assert resample.scale('multilabel', 'ap') == 'unit'
    assert resample.scale('regression', 'r2_arousal') == 'r2'
    assert resample.scale('separation', 'sdr_vocals') == ''
    assert resample.scale('multiclass', 'my_pkg.mine:metric') == ''


def test_one_group_has_no_interval():
    samples = np.linspace(0, 1, 102)
    alone = bootstrap.draw(['a', 'a'], 101, np.random.RandomState(0))
    two = bootstrap.draw(['a', 'b'], 101, np.random.RandomState(0))
    assert resample.interval(samples, alone) is None
    assert resample.interval(samples, two) is not None
    nothing = resample.difference(samples[:, None], samples[:, None], alone)
    assert nothing == {'ci95': None, 'ci95_groups': None, 'p': None}
