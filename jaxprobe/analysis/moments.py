"""Counts, means and scatter matrices of rows that pass by in chunks, in float64.

Conventions
-----------
Rows are observations, columns are dimensions: X `[R D]`. The scatter is the sum over rows of
(x - mean)(x - mean)^T, R - 1 times the covariance. Chunks are centred on their own mean before
they are multiplied and joined by the update of Chan, Golub and LeVeque (1983), so that columns
with an offset millions of times their spread lose no digits that the rows still had, and the order
and size of chunks change nothing but the last bits.

Cost: 2 D^2 float64 operations per row and 8 D^2 bytes (184 MB at D = 4800), however many rows.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

CHUNK = 4096  # Rows that are brought to float64 at once.


class Moments(NamedTuple):
    """What is known of rows that have passed."""

    count: int
    mean: Float[np.ndarray, 'D']
    scatter: Float[np.ndarray, 'D D']


def none(width: int) -> Moments:
    """The moments of no rows."""
    return Moments(0, np.zeros(width), np.zeros((width, width)))


def joined(first: Moments, second: Moments) -> Moments:
    """The moments of two lots of rows together."""
    count = first.count + second.count
    if not first.count or not second.count:
        return second if second.count else first
    between = second.mean - first.mean
    mean = first.mean + between * (second.count / count)
    share = first.count * second.count / count
    return Moments(
        count, mean, first.scatter + second.scatter + share * between[:, None] * between[None]
    )


def add(moments: Moments, rows: Float[np.ndarray, 'R D']) -> Moments:
    """The moments with more rows, of any float dtype."""
    for begin in range(0, len(rows), CHUNK):
        part = rows[begin : begin + CHUNK].astype(np.float64)
        mean = part.mean(axis=0)
        part -= mean[None]
        moments = joined(moments, Moments(len(part), mean, part.T @ part))
    return moments


def of(chunks: Iterable[Float[np.ndarray, '_ D']], width: int) -> Moments:
    """The moments of rows that come in chunks."""
    found = none(width)
    for rows in chunks:
        found = add(found, rows)
    return found


def split(moments: Moments, width: int) -> tuple[Moments, Moments, Float[np.ndarray, 'Dx Dy']]:
    """Takes apart the moments of rows [X Y] laid side by side.

    Args:
        moments: of the joint rows.
        width: of X.

    Returns:
        The moments of X, those of Y, and the cross scatter of X with Y.
    """
    first = Moments(moments.count, moments.mean[:width], moments.scatter[:width, :width])
    second = Moments(moments.count, moments.mean[width:], moments.scatter[width:, width:])
    return first, second, moments.scatter[:width, width:]
