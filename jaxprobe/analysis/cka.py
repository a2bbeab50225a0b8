"""Linear centred kernel alignment (Kornblith et al., 2019), as it is and without its bias.

    CKA = |X^T Y|_F^2 / (|X^T X|_F |Y^T Y|_F),   columns centred.

1 for the same rows up to a rotation and one scale; unlike CCA not invariant to other linear maps:
directions count by their variance. Symmetric. Few rows raise it: two unrelated sides of width D
approach 1 as D exceeds R. The debiased estimator replaces each of the three by an unbiased estimate
of the Hilbert-Schmidt independence criterion (Song et al., 2012), so that unrelated sides have
mean zero; it can be negative. It takes rows as independent: windows of one clip are not, and what
they share remains.

Both are read from C = Qx^T Qy and the eigenvalues of each side (`jaxprobe.analysis.principal`); no
R x R matrix is ever made. The directions left out there hold less than 1e-10 D of the variance.
"""

import numpy as np
from jaxtyping import Float

from jaxprobe.analysis.principal import Axes

Cross = Float[np.ndarray, 'rx ry']


def linear(cross: Cross, first: Axes, second: Axes) -> float:
    """Linear CKA; nan where a side does not vary."""
    if not min(cross.shape):
        return float('nan')
    return _shared(cross, first, second) / (_own(first) * _own(second)) ** 0.5


def debiased(
    cross: Cross,
    first: Axes,
    second: Axes,
    first_norms: Float[np.ndarray, 'R'],
    second_norms: Float[np.ndarray, 'R'],
) -> float:
    """Linear CKA from unbiased estimates; nan where one of them is not positive.

    Args:
        cross: C = Qx^T Qy.
        first: the axes of X.
        second: the axes of Y.
        first_norms: squared lengths of the centred rows of X.
        second_norms: squared lengths of the centred rows of Y, row by row those of `first_norms`.
    """
    rows = first.count
    if not min(cross.shape) or rows < 4:
        return float('nan')

    def unbiased(
        product: float,
        a: Float[np.ndarray, 'R'],
        b: Float[np.ndarray, 'R'],
    ) -> float:
        sums = float(a.sum()) * float(b.sum()) / ((rows - 1) * (rows - 2))
        return product - rows / (rows - 2) * float(a @ b) + sums

    both = unbiased(_shared(cross, first, second), first_norms, second_norms)
    own = unbiased(_own(first), first_norms, first_norms)
    other = unbiased(_own(second), second_norms, second_norms)
    return both / (own * other) ** 0.5 if own > 0 and other > 0 else float('nan')


def _shared(cross: Cross, first: Axes, second: Axes) -> float:
    """|X^T Y|_F^2 of the centred columns."""
    return float(first.scatters @ cross.astype(np.float64) ** 2 @ second.scatters)


def _own(side: Axes) -> float:
    """|X^T X|_F^2 of the centred columns."""
    return float(side.scatters @ side.scatters)
