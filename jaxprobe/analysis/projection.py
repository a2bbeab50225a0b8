"""Principal components from second moments: what PCA finds, without holding the rows.

Conventions
-----------
Components are scikit-learn's `PCA` but for the sign, which is arbitrary: here the largest loading
of each component is positive, the first of those that are equal to six digits (columns that copy
each other have loadings that only rounding tells apart). Where fewer directions vary than are
asked for, the others are zero.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64


class Components(NamedTuple):
    """Directions of most variance, and the share of it that each explains."""

    vectors: Float64[np.ndarray, 'D K']
    explained: Float64[np.ndarray, 'K']


def principal(scatter: Float64[np.ndarray, 'D D'], count: int = 2) -> Components:
    """The first components of rows whose scatter (sum of outer products around the mean) is given.

    Args:
        scatter: symmetric.
        count: K.
    """
    total = float(np.trace(scatter))
    vectors, explained = np.zeros((len(scatter), count)), np.zeros(count)
    if total <= 0:
        return Components(vectors, explained)
    values, directions = np.linalg.eigh(scatter)
    # Below this an eigenvalue is rounding, and its direction any that is left over.
    real = values > len(scatter) * np.finfo(np.float64).eps * values[-1]
    for k in range(min(count, int(real.sum()))):
        direction = directions[:, -1 - k]
        size = np.abs(direction)
        vectors[:, k] = direction * np.sign(direction[np.argmax(size > (1 - 1e-6) * size.max())])
        explained[k] = values[-1 - k] / total
    return Components(vectors, explained)
