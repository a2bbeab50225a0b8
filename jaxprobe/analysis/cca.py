"""Canonical correlations of two sets of columns, and the two means of them in use.

Both read C = Qx^T Qy of `jaxprobe.analysis.principal`, whose singular values are the canonical
correlations, min(rx, ry) of them; 1 is the same information up to an invertible linear map.

- `svcca` (Raghu et al., 2017): the plain mean, after each side is cut to the leading axes that
  hold 99 % of its variance. Symmetric.
- `pwcca` (Morcos, Raghu and Bengio, 2018): the mean weighted by how much of the **first** side each
  canonical direction accounts for, a_i = sum_j |<h_i, x_j>| with h_i the i-th canonical variate of
  the first side (unit length) and x_j its centred columns. Asymmetric: pwcca(x, y) asks how much of
  x is in y. Where canonical correlations are equal their directions, and with them the weights of
  those, are only known up to a rotation; the mean over them is not touched by it. Near zero it is,
  through the sum of the weights, by less than the noise floor.

Few rows
--------
With R rows the two sides are subspaces of R - 1 dimensions. Where rx + ry > R - 1 they must meet,
and `forced` = rx + ry - (R - 1) of the correlations are 1 whatever the data; well before that all
are large. The measures stay defined; the noise floor beside them (the same measure with the rows of
one side shuffled) says what they are worth, and `few_rows` phrases it.

What Google's code does (github.com/google/svcca, commit 1f3fbf1; `tests/golden/svcca.json`)
------------------------------------------------------------------------------------------
Its `get_cca_similarity` agrees with ours on every canonical correlation where both covariances have
full rank. Elsewhere, and in its `compute_pwcca`, it has habits of its own:

- `epsilon` is 0 by default: directions of zero variance are left to `pinv`, whose threshold of
  1e-15 lets rounding noise through as directions with correlations of their own, and square roots
  of slightly negative eigenvalues turn everything into NaN. A set `epsilon` drops *columns* of
  small variance, not directions, and is added to the diagonal, which lowers all correlations.
- Its mean (`mean`) leaves out the trailing correlations beyond 98 % of their sum; ours is over all.
- The projection weights come from the side with fewer columns, the first in a tie, not from the
  first argument. With mel features against a wider layer that is the mel side.
- The weights are not the paper's: the directions are the left singular vectors applied to the
  columns without the whitening in between, so they are no canonical variates; a QR then makes them
  orthonormal in order; the means that were taken off are added again before that, and the columns
  they are projected on are not centred. On centred and whitened columns this is the paper's
  definition; elsewhere the result differs in the second digit, and with means that are not zero it
  depends on the signs that the singular value decomposition happened to return.
  `published_weights` repeats it for centred columns.
- Where the first side has more columns than the second it fails with an IndexError: it takes the
  columns of the first side with the mask of the second (its pull request 9, never merged).
- It refuses a first side with as many columns as rows, and says nothing of the second.

Pasad, Chou and Livescu (2021), whom the layer-wise papers follow in comparing layers with mel
features, mend the whitening and also weight by the narrower side. So `pwcca(mel, layer)`, weights
of the mel features, is the one to set beside such figures.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxprobe.analysis.principal import Axes, leading

Cross = Float[np.ndarray, 'rx ry']


class Canonical(NamedTuple):
    """Canonical correlations, largest first, and the variates of the first side along its Q."""

    correlations: Float[np.ndarray, 'n']
    first: Float[np.ndarray, 'rx n']


def canonical(cross: Cross) -> Canonical:
    """Decomposes C = Qx^T Qy.

    Where the first side is the narrower, from the eigenvectors of C C^T, which cost a quarter of
    a singular value decomposition; correlations below 1e-8 are then not resolved.
    """
    rows, columns = cross.shape
    exact = cross.astype(np.float64)
    if rows > columns:
        vectors, found, _ = np.linalg.svd(exact, full_matrices=False)
        return Canonical(np.clip(found, 0.0, 1.0), vectors)
    squares, vectors = np.linalg.eigh(exact @ exact.T)
    return Canonical(np.sqrt(np.clip(squares[::-1], 0.0, 1.0)), vectors[:, ::-1])


def correlations(cross: Cross) -> Float[np.ndarray, 'n']:
    """Canonical correlations alone, largest first; below 1e-8 they are not resolved."""
    exact = cross.astype(np.float64)
    small = exact @ exact.T if cross.shape[0] <= cross.shape[1] else exact.T @ exact
    return np.sqrt(np.clip(np.linalg.eigvalsh(small)[::-1], 0.0, 1.0))


def weights(first: Axes, found: Canonical) -> Float[np.ndarray, 'n']:
    """Projection weights of the first side, as Morcos et al. define them; their sum is 1."""
    raw = np.abs(found.first.T @ first.loadings).sum(axis=1)
    return raw / raw.sum()


def pwcca(cross: Cross, first: Axes) -> float:
    """Projection-weighted CCA, weights of the first side; nan where a side does not vary."""
    if not min(cross.shape):
        return float('nan')
    found = canonical(cross)
    return float(weights(first, found) @ found.correlations)


def svcca(cross: Cross, first: Axes, second: Axes) -> float:
    """Mean canonical correlation of the leading axes; nan where a side does not vary."""
    if not min(cross.shape):
        return float('nan')
    return float(correlations(cross[: leading(first), : leading(second)]).mean())


def published_weights(first: Axes, found: Canonical) -> Float[np.ndarray, 'n']:
    """The weights of Google's `compute_pwcca` on centred columns; see the module's quirks.

    Only for comparison: these are no projections on canonical variates.

    Args:
        first: the side with fewer columns, of full rank.
        found: the canonical correlations of it with the other side.
    """
    # Its whitening is the symmetric root of the inverse covariance; ours is that one turned by V.
    turned = first.vectors @ found.first
    scatter = first.vectors @ (first.scatters[:, None] * first.vectors.T)
    lower = np.linalg.cholesky(turned.T @ scatter @ turned)
    raw = np.abs(np.linalg.solve(lower, turned.T @ scatter)).sum(axis=1)
    return raw / raw.sum()


def forced(first: Axes, second: Axes) -> int:
    """How many canonical correlations are 1 because there are too few rows for anything else."""
    rank = first.rank + second.rank - (first.count - 1)
    return min(max(rank, 0), first.rank, second.rank)


def few_rows(first: Axes, second: Axes) -> str:
    """Says that rows are too few for canonical correlations to mean anything; '' where not."""
    sure, of = forced(first, second), min(first.rank, second.rank)
    if not sure:
        return ''
    return (
        f'{first.count} rows for {first.rank} and {second.rank} varying directions: {sure} of '
        f'{of} canonical correlations are 1 whatever the data. Read PWCCA and SVCCA only beside '
        f'their floor, or debiased CKA; or bring more audio.'
    )
