"""Intervals hold the truth as often as they say; `benchmarks.coverage` is the long run."""

import pytest

from benchmarks import coverage
from benchmarks.coverage import Setting


@pytest.mark.parametrize(
    ('setting', 'replications'),
    [
        (Setting('accuracy', 20), 400),
        (Setting('accuracy', 20, unequal=True), 300),
        (Setting('accuracy', 30, seeds=3), 250),
        (Setting('macro_f1', 20), 200),
    ],
)
def test_nominal_intervals_hold_the_truth_and_tests_keep_their_level(setting, replications):
    found = coverage.measure(setting, replications, 100)
    noise = 2 * found['error']
    assert 0.93 - noise < found['holds'] < 0.97 + noise
    assert 0.035 - noise < found['rejects'] < 0.065 + noise
    # Percentiles of the same draws do not, so that this test can see it.
    assert found['percentile_holds'] < found['holds'] - 0.01
    assert found['percentile_rejects'] > found['rejects']


def test_an_interval_of_groups_alone_does_not_cover_seeds(monkeypatch):
    monkeypatch.setattr(coverage, 'SEED_STD', 0.3)
    found = coverage.measure(Setting('accuracy', 60, seeds=5), 100, 60)
    assert found['groups_alone_hold'] < 0.8
    assert found['holds'] > 0.9
