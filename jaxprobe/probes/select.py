"""Which cell is reported: chosen on validation, averaged over seeds; the test set never chooses.

Conventions
-----------
A candidate is one (source, learning rate); seeds are its replicates, never candidates. The
candidate with the best validation score, averaged over seeds, is selected; of equal ones the
earlier source, then the lower rate. The oracle is the same rule applied to test scores: it
exists to show what selection costs (regret), never to be reported as a result.

A candidate of which any seed has no score (nan) on either split is not eligible, for the oracle
neither.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxprobe.core.errors import DataError


class Choice(NamedTuple):
    """One candidate and its scores, means over seeds; `seed_std` is the sample deviation."""

    source: str
    learning_rate: float
    valid: float
    test: float
    valid_seed_std: float
    test_seed_std: float
    cells: tuple[int, ...]  # Its cells, one per seed.


class Ledger(NamedTuple):
    """Everything selection decides.

    Attributes:
        selected: the best candidate on validation.
        oracle: the best candidate on test.
        regret: how much better the oracle's test score is than the selected one's, at least 0.
        grid_edge: a warning if the selected rate is the first or last of the grid, else None.
        by_source: each source's best rate by validation, in the given order of sources; None
            where no rate of a source is eligible.
        sources, learning_rates: the axes of the maps.
        valid, test: seed means, [sources, rates].
        n_seeds: replicates per candidate.
    """

    selected: Choice
    oracle: Choice
    regret: float
    grid_edge: str | None
    by_source: dict[str, Choice | None]
    sources: tuple[str, ...]
    learning_rates: tuple[float, ...]
    valid: Float[np.ndarray, 'A B']
    test: Float[np.ndarray, 'A B']
    n_seeds: int


class Mixture(NamedTuple):
    """The learned mix beside the best single layer: `gain` on test, positive if the mix wins."""

    mix: Choice
    layer: Choice
    gain: float


def ledger(
    source: Sequence[str],
    learning_rate: Sequence[float] | Float[np.ndarray, 'P'],
    seed: Sequence[int] | Int[np.ndarray, 'P'],
    valid: Float[np.ndarray, 'P'],
    test: Float[np.ndarray, 'P'],
    higher_is_better: bool,
) -> Ledger:
    """Applies the selection rule to per-cell scores.

    Args:
        source, learning_rate, seed: of every cell; each combination must occur exactly once.
        valid, test: scores of every cell; nan where a cell has none.
        higher_is_better: direction of the score.

    Raises:
        DataError: cells are missing or repeated, or no candidate has a score.
    """
    sources = tuple(dict.fromkeys(source))
    rates = tuple(sorted({float(r) for r in learning_rate}))
    seeds = tuple(sorted({int(s) for s in seed}))
    cells = _cell_table(source, learning_rate, seed, sources, rates, seeds)
    valid_map, test_map = (np.asarray(scores, float)[cells] for scores in (valid, test))
    scored = np.isfinite(valid_map.mean(-1)) & np.isfinite(test_map.mean(-1))
    means = [np.where(scored, m.mean(-1), np.nan) for m in (valid_map, test_map)]

    def choice(place: tuple[int, int]) -> Choice:
        a, b = place
        spread = [m[a, b].std(ddof=1) if len(seeds) > 1 else 0.0 for m in (valid_map, test_map)]
        return Choice(
            source=sources[a],
            learning_rate=rates[b],
            valid=float(means[0][a, b]),
            test=float(means[1][a, b]),
            valid_seed_std=float(spread[0]),
            test_seed_std=float(spread[1]),
            cells=tuple(int(c) for c in cells[a, b]),
        )

    sign = 1.0 if higher_is_better else -1.0
    best, best_on_test = (_best(sign * m) for m in means)
    if best is None or best_on_test is None:
        raise DataError(
            'no (source, learning rate) has a score for every seed, so nothing can be selected: '
            'did every probe diverge? Lower the learning rates and look at `diverged`.'
        )
    selected, oracle = choice(best), choice(best_on_test)
    by_source = {}
    for a, name in enumerate(sources):
        place = _best(sign * means[0][a : a + 1])
        by_source[name] = None if place is None else choice((a, place[1]))
    return Ledger(
        selected=selected,
        oracle=oracle,
        regret=max(0.0, sign * (oracle.test - selected.test)),
        grid_edge=_grid_edge(selected.learning_rate, rates),
        by_source=by_source,
        sources=sources,
        learning_rates=rates,
        valid=means[0],
        test=means[1],
        n_seeds=len(seeds),
    )


def mixture(
    book: Ledger, mixes: Sequence[str], layers: Sequence[str], higher_is_better: bool
) -> Mixture | None:
    """The best learned mix beside the best single layer, both by validation.

    Args:
        book: from `ledger`.
        mixes, layers: names of the sources of either sort.
        higher_is_better: direction of the score.

    Returns:
        None where either sort is missing.
    """
    sign = 1.0 if higher_is_better else -1.0
    best = []
    for names in (mixes, layers):
        there = [book.by_source[n] for n in book.sources if n in set(names)]
        choices = [c for c in there if c is not None]
        if not choices:
            return None
        best.append(max(choices, key=lambda c: sign * c.valid))  # The first of equal ones.
    mix, layer = best
    return Mixture(mix, layer, sign * (mix.test - layer.test))


def _cell_table(source, learning_rate, seed, sources, rates, seeds) -> Int[np.ndarray, 'A B S']:
    table = np.full((len(sources), len(rates), len(seeds)), -1)
    for cell, (name, rate, number) in enumerate(zip(source, learning_rate, seed)):
        place = (sources.index(name), rates.index(float(rate)), seeds.index(int(number)))
        if table[place] >= 0:
            raise DataError(f'cell (source {name}, rate {rate:g}, seed {number}) occurs twice')
        table[place] = cell
    if (table < 0).any():
        a, b, s = (int(axis[0]) for axis in np.nonzero(table < 0))
        raise DataError(
            f'cell (source {sources[a]}, rate {rates[b]:g}, seed {seeds[s]}) is missing; a ledger '
            'needs every source at every rate and seed. Was the probe stage interrupted?'
        )
    return table


def _best(scores: Float[np.ndarray, 'A B']) -> tuple[int, int] | None:
    """The place of the largest score, the first in row order; None if all are nan."""
    if np.isnan(scores).all():
        return None
    a, b = np.unravel_index(int(np.nanargmax(scores)), scores.shape)
    return int(a), int(b)


def _grid_edge(rate: float, rates: tuple[float, ...]) -> str | None:
    if len(rates) == 1:
        return f'only one learning rate ({rate:g}) was tried; a better one may exist'
    if rate == rates[0]:
        return f'the selected learning rate {rate:g} is the lowest of the grid; try lower ones'
    if rate == rates[-1]:
        return f'the selected learning rate {rate:g} is the highest of the grid; try higher ones'
    return None
