"""Percentile bootstrap of a test score, clustered by group.

Conventions
-----------
Items of one artist, singer or song are not independent, so groups are drawn with replacement and
bring all their items along (Field and Welsh, 2007); an item without a group is its own. One
`Resampling` is drawn per (encoder, task) and shared by everything measured on those items: seed
replicates, layers and metrics are resampled jointly, so that differences between them are paired.

A draw is a row of counts over groups, never a list of items: a mean over items becomes one
matrix product, and the metrics of `jaxprobe.analysis.weighted` take the counts as weights. B is
the number of draws, G of groups.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

LEVEL = 0.95
CHUNK = 500_000  # Weights held at once: 2 MB, which stays in a processor's cache.

Weighted = Callable[[Float[np.ndarray, 'N B']], Float[np.ndarray, 'B']]


class Resampling(NamedTuple):
    """Draws of groups, and the group of every item."""

    counts: Float[np.ndarray, 'B G']  # How often each draw took each group; whole numbers.
    cluster: Int[np.ndarray, 'N']  # 0..G-1

    def weights(self, begin: int, end: int) -> Float[np.ndarray, 'N b']:
        """How often draws begin..end took every item."""
        return np.ascontiguousarray(self.counts[begin:end].T)[self.cluster]


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
    counts = np.zeros((resamples, count), dtype=np.float32)
    for row in counts:  # Row by row: the stream does not depend on any chunk size.
        row[:] = np.bincount(random.randint(0, count, count), minlength=count)
    return Resampling(counts, cluster)


def means(values: Float[np.ndarray, 'N K'], drawn: Resampling) -> Float[np.ndarray, 'B K']:
    """The mean over items of K columns, in every draw."""
    size = drawn.counts.shape[1]
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


def interval(samples: Float[np.ndarray, 'B'], level: float = LEVEL) -> tuple[float, float] | None:
    """Percentile interval of bootstrap scores.

    Returns:
        (low, high), or None where more than half of the draws are undefined.
    """
    good = samples[np.isfinite(samples)]
    if 2 * len(good) <= len(samples):
        return None
    low, high = np.quantile(good, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
