import numpy as np
import pytest

from jaxprobe.analysis import bootstrap


def test_a_group_brings_all_its_items_along():
    groups = ['a', 'b', 'a', '', 'c', 'a', '']
    drawn = bootstrap.draw(groups, 50, np.random.RandomState(0))
    weights = drawn.weights(0, 50)
    assert drawn.counts.shape == (50, 5)
    np.testing.assert_array_equal(drawn.counts.sum(1), np.full(50, 5))
    np.testing.assert_array_equal(weights[0], weights[2])
    np.testing.assert_array_equal(weights[0], weights[5])
    assert (weights[3] != weights[6]).any()  # Without a group, each is its own.


def test_draws_depend_on_the_seed_alone():
    one = bootstrap.draw([''] * 30, 20, np.random.RandomState(3))
    two = bootstrap.draw([''] * 30, 40, np.random.RandomState(3))
    np.testing.assert_array_equal(one.counts, two.counts[:20])
    other = bootstrap.draw([''] * 30, 20, np.random.RandomState(4))
    assert (one.counts != other.counts).any()


def test_means_are_means_of_the_repeated_items():
    random = np.random.RandomState(0)
    groups = [f'g{i % 7}' for i in range(40)]
    values = random.normal(size=(40, 3))
    drawn = bootstrap.draw(groups, 10, random)
    found = bootstrap.means(values, drawn)
    for b in range(10):
        items = np.repeat(np.arange(40), drawn.weights(b, b + 1)[:, 0].astype(int))
        np.testing.assert_allclose(found[b], values[items].mean(0), atol=1e-12)


def test_chunks_change_nothing(monkeypatch):
    random = np.random.RandomState(0)
    values = random.normal(size=25)
    drawn = bootstrap.draw([''] * 25, 33, random)

    def metric(weights):
        return weights.T.astype(np.float64) @ values / weights.sum(0)

    whole = bootstrap.scores(metric, drawn)
    monkeypatch.setattr(bootstrap, 'CHUNK', 60)
    np.testing.assert_allclose(bootstrap.scores(metric, drawn), whole, rtol=1e-12)
    np.testing.assert_allclose(whole, bootstrap.means(values[:, None], drawn)[:, 0], rtol=1e-6)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.RandomState(1)
    inside = 0
    for _ in range(300):
        values = random.normal(0.4, 1.0, size=(60, 1))
        drawn = bootstrap.draw([''] * 60, 400, random)
        low, high = bootstrap.interval(bootstrap.means(values, drawn)[:, 0])
        inside += low <= 0.4 <= high
    assert 0.89 <= inside / 300 <= 0.99


def test_clustering_widens_the_interval_where_groups_agree():
    random = np.random.RandomState(2)
    values = np.repeat(random.normal(size=20), 10)[:, None]  # Ten equal items per group.
    groups = [f'g{i // 10}' for i in range(200)]

    def width(names):
        drawn = bootstrap.draw(names, 500, np.random.RandomState(0))
        low, high = bootstrap.interval(bootstrap.means(values, drawn)[:, 0])
        return high - low

    assert width(groups) > 2.2 * width([''] * 200)  # sqrt(10) in the limit.


def test_interval_is_the_percentiles_of_what_is_defined():
    samples = np.arange(1001.0)
    assert bootstrap.interval(samples) == pytest.approx((25.0, 975.0))
    assert bootstrap.interval(samples, level=0.5) == pytest.approx((250.0, 750.0))
    samples[::3] = np.nan
    low, high = bootstrap.interval(samples)
    assert np.isfinite([low, high]).all()
    samples[:700] = np.nan
    assert bootstrap.interval(samples) is None


def test_one_item_and_none():
    drawn = bootstrap.draw(['a'], 5, np.random.RandomState(0))
    assert bootstrap.interval(bootstrap.means(np.array([[0.25]]), drawn)[:, 0]) == (0.25, 0.25)
    assert bootstrap.clusters([]).shape == (0,)
