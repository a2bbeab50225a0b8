import itertools

import numpy as np
import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.probes.select import ledger, mixture

SOURCES, RATES, SEEDS = ('b', 'a', 'mix'), (1e-3, 1e-4, 1e-2), (0, 1)
GRID = list(itertools.product(SOURCES, RATES, SEEDS))


def book(valid, test, higher=True, grid=GRID):
    """A ledger from functions of (source, rate, seed)."""
    columns = list(zip(*grid))
    scores = [np.array([f(*cell) for cell in grid], float) for f in (valid, test)]
    return ledger(*columns, *scores, higher)


def test_validation_selects_and_test_only_judges():
    valid = {('a', 1e-3): 0.9, ('b', 1e-4): 0.8}
    test = {('a', 1e-3): 0.6, ('b', 1e-4): 0.7}
    found = book(
        lambda s, r, k: valid.get((s, r), 0.1) + 0.02 * k,
        lambda s, r, k: test.get((s, r), 0.1) + 0.04 * k,
    )
    assert (found.selected.source, found.selected.learning_rate) == ('a', 1e-3)
    np.testing.assert_allclose([found.selected.valid, found.selected.test], [0.91, 0.62])
    np.testing.assert_allclose(found.selected.test_seed_std, 0.04 / np.sqrt(2))
    assert found.oracle.source == 'b'
    np.testing.assert_allclose(found.regret, 0.1)
    assert found.grid_edge is None
    assert found.by_source['b'].learning_rate == 1e-4
    assert [GRID[c] for c in found.selected.cells] == [('a', 1e-3, 0), ('a', 1e-3, 1)]
    assert found.n_seeds == 2
    assert found.learning_rates == (1e-4, 1e-3, 1e-2)
    assert found.valid.shape == (3, 3)


def test_a_lucky_seed_does_not_select():
    found = book(
        lambda s, r, k: {('a', 0): 1.0, ('a', 1): 0.0, ('b', 0): 0.6, ('b', 1): 0.6}.get((s, k), 0),
        lambda s, r, k: 0.5,
    )
    assert found.selected.source == 'b'


def test_ties_go_to_the_earlier_source_then_the_lower_rate():
    found = book(lambda s, r, k: 0.5, lambda s, r, k: 0.5)
    assert (found.selected.source, found.selected.learning_rate) == ('b', 1e-4)
    assert found.regret == 0
    assert 'lowest' in found.grid_edge


def test_losses_are_selected_downwards():
    found = book(lambda s, r, k: r, lambda s, r, k: -r, higher=False)
    assert found.selected.learning_rate == 1e-4
    assert found.oracle.learning_rate == 1e-2
    np.testing.assert_allclose(found.regret, 1e-2 - 1e-4)


def test_grid_edge_names_the_side():
    high = book(lambda s, r, k: r, lambda s, r, k: r)
    assert 'highest of the grid; try higher' in high.grid_edge
    one = [cell for cell in GRID if cell[1] == 1e-3]
    assert 'only one' in book(lambda s, r, k: 1, lambda s, r, k: 1, grid=one).grid_edge


def test_a_candidate_with_a_diverged_seed_is_not_eligible():
    def valid(source, rate, seed):
        return np.nan if rate == 1e-2 and seed == 1 else rate

    found = book(valid, lambda s, r, k: r)
    assert found.selected.learning_rate == 1e-3

    def all_of_a(source, rate, seed):
        return np.nan if source == 'a' else rate

    assert book(all_of_a, lambda s, r, k: r).by_source['a'] is None
    with pytest.raises(DataError, match='did every probe diverge'):
        book(lambda s, r, k: np.nan, lambda s, r, k: 0.0)


def test_missing_and_repeated_cells_are_refused():
    with pytest.raises(DataError, match='source mix, rate 0.01, seed 1'):
        book(lambda s, r, k: 0, lambda s, r, k: 0, grid=GRID[:-1])
    with pytest.raises(DataError, match='occurs twice'):
        book(lambda s, r, k: 0, lambda s, r, k: 0, grid=[*GRID, GRID[0]])


@pytest.mark.parametrize('higher', [True, False])
def test_mixture_is_the_mix_beside_the_best_layer(higher):
    sign = 1 if higher else -1
    score = {'b': 0.3, 'a': 0.5, 'mix': 0.7}
    found = book(lambda s, r, k: sign * score[s], lambda s, r, k: sign * score[s], higher)
    pair = mixture(found, ('mix',), ('a', 'b'), higher)
    assert (pair.mix.source, pair.layer.source) == ('mix', 'a')
    np.testing.assert_allclose(pair.gain, 0.2)
    assert mixture(found, (), ('a', 'b'), higher) is None


def test_the_oracle_chooses_among_what_could_have_been_selected():
    found = book(
        lambda s, r, k: np.nan if s == 'b' and k == 0 else 0.5,
        lambda s, r, k: {'b': 0.9, 'a': 0.6, 'mix': 0.4}[s],
    )
    assert found.oracle.source == 'a'
    assert np.isnan(found.test[found.sources.index('b')]).all()
