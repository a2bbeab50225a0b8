"""The error of a test score and of differences between scores, by a bootstrap clustered by group.

Conventions
-----------
Items of one artist, singer or song are not independent, so groups are drawn with replacement and
bring all their items along (Field and Welsh, 2007); an item without a group is its own. One
`Resampling` is drawn per (encoder, task) and shared by everything measured on those items: seed
replicates, layers and metrics are resampled jointly, so that differences between them are paired.

A draw is a row of counts over groups, never a list of items: a mean over items becomes one
matrix product, and the metrics of `jaxprobe.analysis.weighted` take the counts as weights. Row 0
is the test set itself, every group once, so that what is computed of the draws carries its own
estimate, and so do differences of it. B is the number of rows, G of groups, K of seeds.

From draws to an interval
-------------------------
`spread` takes the standard deviation of the draws for the standard error, with G_eff - 1 degrees
of freedom, where G_eff = (sum n)^2 / sum n^2 is Kish's effective number of groups of n items
(Carter, Schnepel and Steigerwald, 2017), and widens it by sqrt(G_eff / (G_eff - 1)): the spread of
G draws from G values is too small by that much. Student's t gives interval and p-value (Cameron,
Gelbach and Miller, 2008). Scores between 0 and 1 get the interval on the scale of their logit (for
AP: Boyd, Eng and Page, 2013), so that it is skewed as scores near a bound are, and stays inside; R2
has its interval cut at 1. The percentiles of the draws are not used: with 20
groups they hold the truth 90 to 93 % of the time where they say 95, and tests by them reject 7 to
10 % of true nulls where they say 5 (`python -m benchmarks.coverage`).

Seeds
-----
Where K > 1, `spread(seeds=True)` adds the variance of the mean over seeds, s^2 / K, which is what
drawing seeds independently of the groups adds (the pigeonhole bootstrap, Owen 2007), not shrunk by
(K - 1) / K as it is there (Davison and Hinkley, 1997, section 3.8), with Satterthwaite's degrees of
freedom. Like that bootstrap it counts twice what seeds and groups make together, which errs to the
safe side; two seeds that differ more than groups do are too few for any method.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import special

LEVEL = 0.95
CHUNK = 2_000_000  # Weights held at once: 8 MB.
EXACT = 1e-12  # What would be zero in exact arithmetic.

Weighted = Callable[[Float[np.ndarray, 'N B']], Float[np.ndarray, 'B']]


class Resampling(NamedTuple):
    """The test set and draws of its groups, the group of every item, and what was measured.

    Attributes:
        counts: how often each draw took each group; whole numbers. Row 0: each group once.
        cluster: the group of every item, 0..G-1.
        kept: measurements on these draws, for whoever asks for the same again.
    """

    counts: Float[np.ndarray, 'B G']
    cluster: Int[np.ndarray, 'N']
    kept: dict[Hashable, tuple[np.ndarray, np.ndarray]]

    def weights(self, begin: int, end: int) -> Float[np.ndarray, 'N b']:
        """How often rows begin..end took every item."""
        return np.ascontiguousarray(self.counts[begin:end].T)[self.cluster]

    @property
    def resamples(self) -> int:
        """Draws, the test set itself left out."""
        return len(self.counts) - 1

    @property
    def groups(self) -> int:
        """Independent groups of test items."""
        return self.counts.shape[1]

    @property
    def effective_groups(self) -> float:
        """Kish's number: how many groups of one size would tell as much."""
        sizes = np.bincount(self.cluster).astype(np.float64)
        return float(sizes.sum() ** 2 / (sizes**2).sum())


class Spread(NamedTuple):
    """A measured value, its standard error, and how well that error is known."""

    value: float
    error: float
    freedom: float


def clusters(groups: Sequence[str]) -> Int[np.ndarray, 'N']:
    """Numbers the groups in order of first appearance; an item whose group is '' is its own.

    >>> clusters(['a', '', 'a', '']).tolist()
    [0, 1, 0, 2]
    """
    seen: dict[object, int] = {}
    keys = [group or index for index, group in enumerate(groups)]
    return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)


def draw(groups: Sequence[str], resamples: int, random: np.random.RandomState) -> Resampling:
    """Draws as many groups as there are, with replacement, `resamples` times."""
    cluster = clusters(groups)
    count = int(cluster.max()) + 1 if len(cluster) else 0
    counts = np.ones((1 + resamples, count), dtype=np.float32)
    for row in counts[1:]:  # Row by row: the stream does not depend on any chunk size.
        row[:] = np.bincount(random.randint(0, count, count), minlength=count)
    return Resampling(counts, cluster, {})


def means(values: Float[np.ndarray, 'N K'], drawn: Resampling) -> Float[np.ndarray, 'B K']:
    """The mean over items of K columns, in every draw."""
    size = drawn.groups
    totals = np.zeros((size, values.shape[1] + 1))
    np.add.at(totals[:, :-1], drawn.cluster, values.astype(np.float64))
    totals[:, -1] = np.bincount(drawn.cluster, minlength=size)
    sums = drawn.counts.astype(np.float64) @ totals
    return sums[:, :-1] / sums[:, -1:]


def scores(metric: Weighted, drawn: Resampling) -> Float[np.ndarray, 'B']:
    """A weighted metric in every draw; nan where a draw leaves it undefined.

    Args:
        metric: weights [N b] -> [b], as `jaxprobe.analysis.weighted` builds them.
        drawn: the draws.
    """
    step = max(1, CHUNK // max(1, len(drawn.cluster)))
    total = len(drawn.counts)
    parts = [metric(drawn.weights(b, min(b + step, total))) for b in range(0, total, step)]
    return np.concatenate(parts)


def spread(
    samples: Float[np.ndarray, 'B K'], drawn: Resampling, *, seeds: bool = False
) -> Spread | None:
    """The mean over seeds of something measured on all draws, and its standard error.

    Args:
        samples: row 0 on the test set itself, the others on the draws; a column per seed.
        drawn: the draws.
        seeds: whether the error is to cover other seeds too, not other groups alone.

    Returns:
        None where there are no two groups, the test set leaves it undefined, or half of the draws
        do.
    """
    effective = drawn.effective_groups if drawn.groups > 1 else 0.0
    averaged = samples.mean(axis=1)
    good = averaged[1:][np.isfinite(averaged[1:])]
    if effective <= 1 or not np.isfinite(averaged[0]) or 2 * len(good) <= max(drawn.resamples, 2):
        return None
    parts = [(float(good.var(ddof=1)) * effective / (effective - 1), effective - 1)]
    count = samples.shape[1]
    if seeds and count > 1:
        parts.append((float(samples[0].var(ddof=1)) / count, count - 1.0))
    variance = sum(part for part, _ in parts)
    if variance <= EXACT**2:
        return Spread(float(averaged[0]), 0.0, effective - 1)
    freedom = variance**2 / sum(part**2 / known for part, known in parts)
    return Spread(float(averaged[0]), math.sqrt(variance), freedom)


def interval(found: Spread, scale: str = '', level: float = LEVEL) -> tuple[float, float]:
    """Where the value is to be expected on another test set of this make.

    Args:
        found: the value and its error.
        scale: 'unit' for scores between 0 and 1, 'r2' for scores of at most 1, '' for anything
            else and for differences.
        level: how often such an interval is to hold the truth.

    Returns:
        (low, high); both the value itself where that has no spread.
    """
    value = found.value
    half = float(special.stdtrit(found.freedom, (1 + level) / 2)) * found.error
    if not half:
        return value, value
    if scale == 'unit' and 0 < value < 1:
        centre, half = float(special.logit(value)), half / (value * (1 - value))
        return float(special.expit(centre - half)), float(special.expit(centre + half))
    return value - half, min(value + half, 1.0) if scale == 'r2' else value + half


def p_value(found: Spread, drawn: Resampling) -> float:
    """Two-sided p-value of a difference against none, by Student's t.

    A difference that no draw changes has no error to divide by. It is no difference (p = 1), or
    the same in every group, and then gets the p-value of the sign test, 2^(1 - G).
    """
    if found.error:
        return float(2 * special.stdtr(found.freedom, -abs(found.value) / found.error))
    return 1.0 if abs(found.value) <= EXACT else 2.0 ** (1 - drawn.groups)
