import ml_dtypes
import numpy as np
import pytest

from jaxprobe.probes import moments
from jaxprobe.probes.spec import Source, Split
from tests.probes import made

SOURCES = (Source('0', (0,)), Source('2', (2,)), Source('mean', (1, 3)))


def rows_by_hand(split, layers):
    """Float64 rows of one source, item after item, and the item of each."""
    from jaxprobe.core.layers import width_groups

    members = width_groups(made.WIDTHS)
    width = made.WIDTHS[layers[0]]
    picked = [split.groups[width][:, members[width].index(k)].astype(np.float32) for k in layers]
    rows = picked[0] if len(picked) == 1 else sum(picked) / np.float32(len(picked))
    order = [np.arange(f, f + c) for f, c in zip(split.first, split.count)]
    return rows[np.concatenate(order)].astype(np.float64), np.repeat(
        np.arange(len(order)), split.count
    )


def case(most=3):
    split = made.split('regression', 40, 3, most)
    return split, split.targets.astype(np.float64)


@pytest.mark.parametrize('chunk', [1, 3000, 2**26])
def test_streamed_moments_are_those_of_all_rows(monkeypatch, chunk):
    monkeypatch.setattr(moments, 'CHUNK', chunk)
    split, targets = case()
    streamed = split._replace(groups=made.Reader(split.groups))
    found = moments.of_split(streamed, targets, SOURCES, made.WIDTHS)
    assert (streamed.groups.reads == 1) == (chunk > 10_000)
    for source, one in zip(SOURCES, found):
        rows, item = rows_by_hand(split, source.layers)
        y = targets[item]
        np.testing.assert_allclose(one.mean, rows.mean(0), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(one.target_mean, y.mean(0), rtol=1e-12)
        x = rows - rows.mean(0)
        scale = np.abs(x.T @ x).max()
        np.testing.assert_allclose(one.scatter, x.T @ x, atol=1e-13 * scale)
        np.testing.assert_allclose(one.cross, x.T @ (y - y.mean(0)), atol=1e-12 * scale)
        assert one.rows == len(rows)


def test_items_may_lie_anywhere_in_the_rows():
    split, targets = case()
    order = np.random.RandomState(0).permutation(len(split.first))[:25]
    mixed = Split(split.groups, split.first[order], split.count[order], split.targets[order])
    found = moments.of_split(mixed, targets[order], SOURCES[:1], made.WIDTHS)[0]
    rows, _ = rows_by_hand(mixed, (0,))
    assert found.rows == len(rows) == split.count[order].sum()
    np.testing.assert_allclose(found.mean, rows.mean(0), rtol=1e-12, atol=1e-14)


def test_a_large_mean_cancels_nothing_and_a_constant_column_is_zero():
    random = np.random.RandomState(0)
    rows = (1e4 + random.randn(500, 1, 6)).astype(np.float32)
    rows[:, 0, 2] = 0.1
    split = Split({6: rows}, np.arange(500), np.ones(500, int), np.zeros((500, 1)))
    found = moments.of_split(split, np.zeros((500, 1)), (Source('a', (0,)),), (6,))[0]
    exact = rows[:, 0].astype(np.longdouble)
    x = exact - exact.mean(0)
    kept = [0, 1, 3, 4, 5]
    wanted = (x.T @ x).astype(np.float64)[np.ix_(kept, kept)]
    np.testing.assert_allclose(found.scatter[np.ix_(kept, kept)], wanted, rtol=1e-10, atol=1e-9)
    assert not found.scatter[2].any()
    assert not found.scatter[:, 2].any()
    assert found.mean[2] == np.float64(np.float32(0.1))


def test_bfloat16_rows_are_read_as_the_numbers_they_are():
    split, targets = case()
    rounded = {w: a.astype(ml_dtypes.bfloat16) for w, a in split.groups.items()}
    widened = {w: a.astype(np.float32) for w, a in rounded.items()}
    one, other = (
        moments.of_split(split._replace(groups=groups), targets, SOURCES, made.WIDTHS)
        for groups in (rounded, widened)
    )
    for a, b in zip(one, other):
        np.testing.assert_array_equal(a.scatter, b.scatter)


def test_portions_hold_at_least_one_and_no_more_than_fit():
    sizes = [4, 4, 4, 20, 1, 1]
    cut = moments.portions(sizes, 9)
    assert [sizes[piece] for piece in cut] == [[4, 4], [4], [20], [1, 1]]
    assert moments.portions([], 9) == []
