"""Seeded pairs of sides, X [R Dx] and Y [R Dy], on which CCA is well behaved or is not."""

from collections.abc import Callable

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]


def mixed(seed: int, rows: int, first: int, second: int, shared: int, noise: float = 1.0) -> Pair:
    """Two mixtures of some common sources and noise of their own, columns centred."""
    random = np.random.RandomState(seed)
    common = random.standard_normal((rows, shared))
    sides = []
    for width in (first, second):
        own = noise * random.standard_normal((rows, width))
        spread = np.exp(random.uniform(-1, 1, width))
        sides.append((common @ random.standard_normal((shared, width)) + own) * spread[None])
    return tuple(side - side.mean(axis=0)[None] for side in sides)


def whitened() -> Pair:
    """The first side has the identity as its covariance."""
    x, y = mixed(4, 400, 6, 9, 3)
    root = np.linalg.cholesky(np.linalg.inv(np.cov(x.T)))
    return x @ root, y


def repeating() -> Pair:
    """Three of the first side's nine columns are combinations of the others."""
    x, y = mixed(5, 400, 6, 8, 4)
    extra = x @ np.random.RandomState(50).standard_normal((6, 3))
    return np.concatenate([x, extra], axis=1), y


def constant() -> Pair:
    """A column of the first side and one of the second do not vary."""
    x, y = mixed(6, 400, 7, 9, 4)
    x[:, 3], y[:, 0] = 2.0, -1.0
    return x, y


def far() -> Pair:
    """Means far from zero."""
    x, y = mixed(7, 400, 6, 8, 3)
    return x + 3.0, y - 5.0


PAIRS: dict[str, Callable[[], Pair]] = {
    'narrow_first': lambda: mixed(0, 500, 8, 12, 5),
    'same_width': lambda: mixed(1, 500, 10, 10, 4),
    'wide_first': lambda: mixed(2, 500, 12, 8, 5),
    'few_rows': lambda: mixed(3, 40, 25, 30, 5),
    'whitened': whitened,
    'repeating': repeating,
    'constant': constant,
    'far': far,
}
