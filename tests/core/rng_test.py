import numpy as np

from jaxprobe.core import rng


def test_known_values_never_move():
    """Frozen: a change here would change every synthetic recording and every probe."""
    assert [rng.derive(0), rng.derive(1, 'a', 2)] == [1726737503, 3935451613]


def test_every_name_counts_and_types_differ():
    seeds = {
        rng.derive(0, 'a', 'b'),
        rng.derive(0, 'ab'),
        rng.derive(0, 'a', 'b', ''),
        rng.derive(1, 'a', 'b'),
        rng.derive(0, 'b', 'a'),
        rng.derive(0, 1),
        rng.derive(0, '1'),
    }
    assert len(seeds) == 7


def test_streams_are_independent_of_the_order_of_work():
    first = rng.random_state(7, 'x').uniform(size=3)
    rng.random_state(7, 'y').uniform(size=100)
    np.testing.assert_array_equal(first, rng.random_state(7, 'x').uniform(size=3))
