import numpy as np
import pytest
from scipy import stats

from jaxprobe.analysis import bootstrap


def test_a_group_brings_all_its_items_along():
    groups = ['a', 'b', 'a', '', 'c', 'a', '']
    drawn = bootstrap.draw(groups, 50, np.random.RandomState(0))
    weights = drawn.weights(0, 51)
    assert drawn.counts.shape == (51, 5)
    assert (drawn.resamples, drawn.groups) == (50, 5)
    np.testing.assert_array_equal(drawn.counts.sum(1), np.full(51, 5))
    np.testing.assert_array_equal(drawn.counts[0], np.ones(5))  # The test set itself.
    np.testing.assert_array_equal(weights[0], weights[2])
    np.testing.assert_array_equal(weights[0], weights[5])
    assert (weights[3] != weights[6]).any()  # Without a group, each is its own.


def test_draws_depend_on_the_seed_alone():
    one = bootstrap.draw([''] * 30, 20, np.random.RandomState(3))
    two = bootstrap.draw([''] * 30, 40, np.random.RandomState(3))
    np.testing.assert_array_equal(one.counts, two.counts[:21])
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


def test_clustering_widens_the_interval_where_groups_agree():
    random = np.random.RandomState(2)
    values = np.repeat(random.normal(size=20), 10)[:, None]  # Ten equal items per group.
    groups = [f'g{i // 10}' for i in range(200)]

    def width(names):
        drawn = bootstrap.draw(names, 500, np.random.RandomState(0))
        return bootstrap.spread(bootstrap.means(values, drawn), drawn).error

    assert width(groups) > 2.2 * width([''] * 200)  # sqrt(10) in the limit.


def test_the_error_of_a_mean_is_the_textbooks():
    random = np.random.RandomState(0)
    values = random.normal(size=(40, 1))
    drawn = bootstrap.draw([''] * 40, 20_000, random)
    found = bootstrap.spread(bootstrap.means(values, drawn), drawn)
    assert found.value == pytest.approx(values.mean())
    assert found.freedom == pytest.approx(39)
    assert found.error == pytest.approx(values.std(ddof=1) / np.sqrt(40), rel=0.02)
    test = stats.ttest_1samp(values[:, 0], 0.0)
    assert bootstrap.p_value(found, drawn) == pytest.approx(test.pvalue, abs=0.02)
    wanted = test.confidence_interval(0.95)
    assert bootstrap.interval(found) == pytest.approx((wanted.low, wanted.high), abs=0.01)


def test_unequal_groups_tell_less():
    drawn = bootstrap.draw(['a'] * 6 + ['b'] * 3 + ['c'], 10, np.random.RandomState(0))
    assert drawn.effective_groups == pytest.approx(100 / 46)
    even = bootstrap.draw(['a', 'b', 'c'] * 4, 10, np.random.RandomState(0))
    assert even.effective_groups == pytest.approx(3)


def test_intervals_without_groups_agree_with_scipy():
    """BCa of 400 items, where every good interval is about the same."""
    random = np.random.RandomState(3)
    values = (random.uniform(size=400) < 0.85).astype(float)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method='BCa', rng=np.random.default_rng(0)
    )
    drawn = bootstrap.draw([''] * 400, 4000, random)
    found = bootstrap.spread(bootstrap.means(values[:, None], drawn), drawn)
    ours = bootstrap.interval(found, 'unit')
    wanted = theirs.confidence_interval
    assert ours == pytest.approx((wanted.low, wanted.high), abs=0.005)
    assert found.error == pytest.approx(theirs.standard_error, rel=0.05)


def test_intervals_stay_where_scores_can_be():
    found = bootstrap.Spread(0.97, 0.02, 30.0)
    low, high = bootstrap.interval(found, 'unit')
    assert 0.85 < low < 0.97 - (high - 0.97) < 0.97 < high < 1
    assert bootstrap.interval(found)[1] > 1
    low, high = bootstrap.interval(found._replace(error=0.5), 'r2')
    assert low == pytest.approx(0.97 - 0.5 * 2.0423, abs=1e-4)
    assert high == 1.0
    mirrored = bootstrap.interval(found._replace(value=0.03), 'unit')
    unit = bootstrap.interval(found, 'unit')
    assert mirrored == pytest.approx((1 - unit[1], 1 - unit[0]))
    assert bootstrap.interval(bootstrap.Spread(1.0, 0.0, 30.0), 'unit') == (1.0, 1.0)
    wide = bootstrap.interval(found, level=0.99)
    assert wide[0] < bootstrap.interval(found)[0]


def test_undefined_draws_are_left_out_up_to_half_of_them():
    drawn = bootstrap.draw([''] * 50, 1000, np.random.RandomState(0))
    samples = bootstrap.means(np.random.RandomState(1).normal(size=(50, 1)), drawn)
    whole = bootstrap.spread(samples, drawn)
    samples[1::3] = np.nan
    assert bootstrap.spread(samples, drawn).error == pytest.approx(whole.error, rel=0.1)
    samples[1:700] = np.nan
    assert bootstrap.spread(samples, drawn) is None
    samples = bootstrap.means(np.ones((50, 1)), drawn)
    samples[0] = np.nan
    assert bootstrap.spread(samples, drawn) is None


def test_seeds_widen_as_drawing_them_does():
    """Groups and seeds drawn independently of each other, with seeds not shrunk by (K - 1) / K."""
    random = np.random.RandomState(5)
    values = random.normal(size=(60, 1)) + random.normal(0, 0.15, size=(1, 4))
    drawn = bootstrap.draw([''] * 60, 8000, random)
    samples = bootstrap.means(values + random.normal(0, 0.1, size=(60, 4)), drawn)
    groups = bootstrap.spread(samples, drawn)
    both = bootstrap.spread(samples, drawn, seeds=True)
    picks = random.randint(0, 4, (8000, 4))
    each = np.take_along_axis(samples[1:], picks, axis=1).mean(axis=1)
    middle = samples[1:].mean(axis=1)
    drawn_too = middle + np.sqrt(4 / 3) * (each - middle)
    assert both.error == pytest.approx(drawn_too.std(ddof=1) * np.sqrt(60 / 59), rel=0.03)
    assert groups.error < both.error
    assert 3 < both.freedom < groups.freedom
    one = bootstrap.spread(samples[:, :1], drawn, seeds=True)
    assert one == bootstrap.spread(samples[:, :1], drawn)


def test_no_difference_is_not_significant_and_the_same_one_everywhere_is():
    drawn = bootstrap.draw([f'g{i % 9}' for i in range(36)], 200, np.random.RandomState(0))

    def p(values):
        samples = bootstrap.means(values[:, None], drawn)
        return bootstrap.p_value(bootstrap.spread(samples, drawn), drawn)

    assert p(np.zeros(36)) == 1.0
    assert p(np.full(36, 0.1)) == 2.0**-8
    one = np.zeros(36)
    one[5] = 1.0  # A single item differs.
    assert 0.2 < p(one) < 0.5
    assert p(np.where(np.arange(36) % 5, 1.0, 0.6)) < 1e-6


def test_one_item_and_none():
    drawn = bootstrap.draw(['a', 'a'], 5, np.random.RandomState(0))
    assert bootstrap.spread(bootstrap.means(np.array([[0.25], [0.5]]), drawn), drawn) is None
    assert bootstrap.clusters([]).shape == (0,)
    assert bootstrap.draw([], 5, np.random.RandomState(0)).groups == 0
