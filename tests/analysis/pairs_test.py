"""All pairs at once against one pair at a time, and the noise floor."""

import numpy as np
import pytest

from jaxprobe.analysis import cca, cka, pairs
from tests.analysis.cca_test import prepared
from tests.analysis.sides import mixed


def layers(seed, rows=300, widths=(6, 6, 9)):
    """Layers that share four sources, ever more mixed with noise of their own."""
    random = np.random.RandomState(seed)
    common = np.random.RandomState(99).standard_normal((rows, 4))
    return [
        (
            f'l{i}',
            (
                common @ random.standard_normal((4, width))
                + (0.3 + i) * random.standard_normal((rows, width))
                + 3.0
            ).astype(np.float32),
        )
        for i, width in enumerate(widths)
    ]


@pytest.fixture(scope='module')
def two():
    return layers(0), layers(1, widths=(8, 5))


def test_every_pair_is_what_it_is_alone(two):
    first, second = two
    maps = pairs.compare(pairs.side(first), pairs.side(second))
    for i, (_, x) in enumerate(first):
        for j, (_, y) in enumerate(second):
            a, b, cross = prepared(x.astype(np.float64), y.astype(np.float64))
            assert maps['pwcca'].values[i, j] == pytest.approx(cca.pwcca(cross, a), abs=1e-6)
            assert maps['svcca'].values[i, j] == pytest.approx(cca.svcca(cross, a, b), abs=1e-6)
            assert maps['cka'].values[i, j] == pytest.approx(cka.linear(cross, a, b), abs=1e-6)
            norms = [((s - s.mean(axis=0)) ** 2).sum(axis=1, dtype=np.float64) for s in (x, y)]
            expected = cka.debiased(cross, a, b, *norms)
            assert maps['cka_debiased'].values[i, j] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(maps['pwcca'].floor).all()


def test_a_layer_is_the_same_as_itself_in_every_measure(two):
    own = pairs.side(two[0])
    for name, found in pairs.compare(own, own).items():
        np.testing.assert_allclose(np.diag(found.values), 1.0, atol=2e-6, err_msg=name)


def test_blocks_and_maps_of_memory_change_nothing(two, monkeypatch, tmp_path):
    first, second = (pairs.side(side) for side in two)
    whole = pairs.compare(first, second)
    monkeypatch.setattr(pairs, 'BLOCK', 1)
    files = iter(range(9))

    def keep(shape):
        return np.memmap(tmp_path / f'{next(files)}', np.float32, 'w+', shape=shape)

    again = pairs.compare(first, pairs.side(two[1], keep))
    for name in pairs.MEASURES:
        np.testing.assert_allclose(again[name].values, whole[name].values, atol=1e-6)


def test_unrelated_layers_lie_at_their_floor():
    """Independent Gaussians: what is measured is what shuffled rows give."""
    random = np.random.RandomState(0)
    first, second = (
        pairs.side([('a', random.standard_normal((400, 30)).astype(np.float32))]) for _ in range(2)
    )
    orders = pairs.orders(np.arange(400), 8, random)
    for name, found in pairs.compare(first, second, orders).items():
        assert found.values[0, 0] == pytest.approx(found.floor[0, 0], abs=0.03), name
        assert found.floor[0, 0] < found.floor_max[0, 0] < found.floor[0, 0] + 0.04
    assert pairs.compare(first, second, orders)['pwcca'].floor[0, 0] > 0.1  # Not zero at all.


def test_with_few_rows_the_floor_says_that_nothing_was_found():
    random = np.random.RandomState(1)
    first, second = (
        pairs.side([('a', random.standard_normal((60, 55)).astype(np.float32))]) for _ in range(2)
    )
    found = pairs.compare(first, second, pairs.orders(np.arange(60), 3, random))['pwcca']
    assert found.values[0, 0] > 0.8
    assert found.floor[0, 0] > 0.8


def test_related_layers_stand_above_the_floor(two):
    first, second = (pairs.side(side) for side in two)
    orders = pairs.orders(np.arange(300), 3, np.random.RandomState(0))
    for name, found in pairs.compare(first, second, orders).items():
        assert (found.values[:2] > found.floor_max[:2]).all(), name


def test_the_floor_is_the_measure_of_shuffled_rows():
    x, y = mixed(3, 200, 5, 7, 3)
    x, y = x.astype(np.float32), y.astype(np.float32)
    orders = pairs.orders(np.repeat(np.arange(50), 4), 2, np.random.RandomState(4))
    found = pairs.compare(pairs.side([('x', x)]), pairs.side([('y', y)]), orders)
    alone = [
        pairs.compare(pairs.side([('x', x[order])]), pairs.side([('y', y)])) for order in orders
    ]
    for name in pairs.MEASURES:
        values = [one[name].values[0, 0] for one in alone]
        assert found[name].floor[0, 0] == pytest.approx(np.mean(values), abs=1e-6)
        assert found[name].floor_max[0, 0] == pytest.approx(np.max(values), abs=1e-6)


def test_orders_move_owners_whole_and_leave_none_where_it_was():
    owner = np.repeat([4, 1, 3, 0], [2, 3, 1, 2])
    for order in pairs.orders(owner, 20, np.random.RandomState(0)):
        assert sorted(order) == list(range(8))
        moved = owner[order]
        places = moved[np.flatnonzero(np.r_[True, moved[1:] != moved[:-1]])]
        assert len(places) == 4
        assert (places != [4, 1, 3, 0]).all()
        for one in range(5):
            assert (np.diff(order[moved == one]) == 1).all()
    assert pairs.orders(np.zeros(5, int), 3, np.random.RandomState(0)) == []


def test_layers_beyond_a_few_share_the_nearest_floor():
    assert pairs.measured([8] * 3) == [0, 1, 2]
    assert pairs.measured([8] * 9) == [0, 0, 2, 2, 4, 4, 6, 6, 8]
    assert pairs.measured([8, 8, 4, 8]) == [0, 1, 2, 3]
    many = layers(0, rows=60, widths=(4,) * 7)
    orders = pairs.orders(np.arange(60), 2, np.random.RandomState(0))
    counted = []
    found = pairs.compare(
        pairs.side(many), pairs.side(many), orders, lambda done, of: counted.append((done, of))
    )
    assert counted[-1] == (49 + 2 * 25, 49 + 2 * 25)
    assert len(counted) == 99
    assert np.isfinite(found['cka'].floor).all()
    owners = pairs.measured([4] * 7)
    assert (found['cka'].floor == found['cka'].floor[owners][:, owners]).all()


def test_a_layer_that_does_not_vary_has_no_similarity_and_harms_no_other():
    first = pairs.side([('still', np.ones((50, 3), np.float32)), *layers(0, 50)[:1]])
    orders = pairs.orders(np.arange(50), 2, np.random.RandomState(0))
    found = pairs.compare(first, first, orders)
    for one in found.values():
        assert np.isnan(one.values[0]).all()
        assert np.isfinite(one.values[1, 1])
        assert np.isfinite(one.floor[1, 1])
    nothing = pairs.side([('still', np.ones((50, 3), np.float32))])
    assert np.isnan(pairs.compare(nothing, nothing)['cka'].values).all()
