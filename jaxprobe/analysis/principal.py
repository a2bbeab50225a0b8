"""Principal axes of one side of a comparison, and its rows along them.

CCA needs each side whitened, SVCCA its leading axes, CKA its variances: all three are read from
one eigendecomposition of each side's scatter and from one matrix per pair of sides,

    C = Qx^T Qy   [rx ry],   Q = (X - mean) V diag(1 / sqrt(l)),

where V, l are the eigenvectors and eigenvalues of the scatter, largest first. The columns of Q are
orthonormal, so the singular values of C are the canonical correlations.

Rank
----
Directions whose eigenvalue is at most `TOLERANCE` = 1e-10 of the largest (a spread of 1e-5 of the
largest) are left out, and never more than R - 1 are kept of R rows. Constant columns, columns that
repeat or add up others, and a side wider than its rows are all treated by that one rule, alike on
both sides: such directions have no variance and cannot correlate. float64 scatters of float32 rows
put the noise of rounding near 1e-14, below the threshold; rows stored as bfloat16 carry noise of
some 1e-6 in every direction, which no threshold can tell from signal.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxprobe.analysis.moments import CHUNK, Moments

TOLERANCE = 1e-10
SHARE = 0.99  # Of the variance that SVCCA keeps (Raghu et al., 2017).


class Axes(NamedTuple):
    """The principal axes of one side.

    Attributes:
        count: rows, R.
        mean: of every column.
        scatters: eigenvalues of the scatter, largest first; r of them are kept.
        vectors: their eigenvectors as columns.
        total: all eigenvalues together, those left out too.
    """

    count: int
    mean: Float[np.ndarray, 'D']
    scatters: Float[np.ndarray, 'r']
    vectors: Float[np.ndarray, 'D r']
    total: float

    @property
    def rank(self) -> int:
        """How many directions vary."""
        return len(self.scatters)

    @property
    def loadings(self) -> Float[np.ndarray, 'r D']:
        """The centred columns along the axes: X - mean = Q @ loadings."""
        return np.sqrt(self.scatters)[:, None] * self.vectors.T


def axes(moments: Moments, tolerance: float = TOLERANCE) -> Axes:
    """Finds the directions in which rows vary.

    Args:
        moments: of the rows.
        tolerance: share of the largest eigenvalue at or below which a direction counts as none.
    """
    found, vectors = np.linalg.eigh(moments.scatter)
    found, vectors = found[::-1], vectors[:, ::-1]
    largest = max(float(found[0]), 0.0) if len(found) else 0.0
    rank = min(int((found > tolerance * largest).sum()), max(moments.count - 1, 0))
    if largest == 0.0:
        rank = 0
    return Axes(
        count=moments.count,
        mean=moments.mean,
        scatters=found[:rank].copy(),
        vectors=np.ascontiguousarray(vectors[:, :rank]),
        total=float(np.trace(moments.scatter)),
    )


def leading(found: Axes, share: float = SHARE) -> int:
    """How many axes hold `share` of the variance; at least one where there is any.

    The share is of variance, the squares of singular values, as in Raghu et al. (2017); some code
    in use adds up singular values instead and keeps more.
    """
    if not found.rank:
        return 0
    held = np.cumsum(found.scatters) / found.total
    return min(int((held < share * (1 - 1e-12)).sum()) + 1, found.rank)


def whitened(
    found: Axes, rows: Float[np.ndarray, 'R D'], dtype: type = np.float64
) -> Float[np.ndarray, 'R r']:
    """Rows along the axes, each column of unit length over all rows: Q.

    The products are taken in float64, a chunk of rows at a time: with small eigenvalues they
    cancel. The result may then be kept in float32, since its columns no longer differ in scale.
    """
    scaled = found.vectors / np.sqrt(found.scatters)[None]
    out = np.empty((len(rows), found.rank), dtype)
    for begin in range(0, len(rows), CHUNK):
        part = rows[begin : begin + CHUNK].astype(np.float64)
        out[begin : begin + CHUNK] = (part - found.mean[None]) @ scaled
    return out


def whitened_cross(
    first: Axes, second: Axes, scatter: Float[np.ndarray, 'Dx Dy']
) -> Float[np.ndarray, 'rx ry']:
    """C = Qx^T Qy from a cross scatter, where that was streamed too (`moments.split`)."""
    left = first.vectors / np.sqrt(first.scatters)[None]
    right = second.vectors / np.sqrt(second.scatters)[None]
    return left.T @ scatter @ right
