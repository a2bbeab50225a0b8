"""Whether two scores put the same things in the same order."""

import numpy as np
from jaxtyping import Float


def kendall_tau(a: Float[np.ndarray, 'n'], b: Float[np.ndarray, 'n']) -> float | None:
    """Kendall's tau-b: pairs in the same order less pairs in the other, ties counted as half.

    Source: M. G. Kendall, "The treatment of ties in ranking problems", Biometrika 33(3), 1945.

    Returns:
        -1 to 1; None where one side has no order at all, or a value is nan.

    >>> kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.3333333333333333
    """
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    pairs = np.triu_indices(len(a), 1)
    left, right = (np.sign(x[pairs[0]] - x[pairs[1]]) for x in (a, b))
    whole = np.sqrt(np.abs(left).sum() * np.abs(right).sum())
    return float((left * right).sum() / whole) if whole else None
