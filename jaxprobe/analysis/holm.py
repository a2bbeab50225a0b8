"""Holm's correction for testing many hypotheses at once."""

from collections.abc import Sequence


def holm(p: Sequence[float]) -> list[float]:
    """Adjusts p-values so that 5 % is the chance of any false rejection in the family.

    The k-th smallest of m is multiplied by m - k + 1, and is at least as large as those before it
    (Holm, 1979). Valid however the tests depend on each other.

    Args:
        p: of every hypothesis of the family, in any order.

    Returns:
        Adjusted values in the same order, at most 1.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = largest
    return adjusted
