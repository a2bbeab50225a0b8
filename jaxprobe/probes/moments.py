"""Means and second moments of a split's rows, read once for many sources, exact in float64.

What is solved from them divides by small eigenvalues, so they are summed on the host in float64,
where the product of two float32 numbers is exact: an accelerator's float32 would leave three
digits of a probe. Sums run around the mean of the first rows, so that a large mean cancels
nothing and a constant column is exactly zero.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int

from jaxprobe.core.layers import width_groups
from jaxprobe.probes.data import reader_of
from jaxprobe.probes.spec import Source, Split

CHUNK = 2**26  # Bytes of embeddings read at once, all layers counted; an item is never cut.

Views = list[Float[np.ndarray, 'R _']]  # One per source.


class Moments(NamedTuple):
    """Of R rows x [D] with targets y [C].

    Attributes:
        rows: R.
        mean: of x.
        scatter: sum of (x - mean)(x - mean)'.
        target_mean: of y.
        cross: sum of (x - mean)(y - target_mean)'.
    """

    rows: int
    mean: Float64[np.ndarray, 'D']
    scatter: Float64[np.ndarray, 'D D']
    target_mean: Float64[np.ndarray, 'C']
    cross: Float64[np.ndarray, 'D C']


class _Sums:
    """Running sums of one source, around a first guess of its mean."""

    def __init__(self, rows: Float[np.ndarray, 'R D'], outputs: int):
        """The guess is a float32 mean of rows: of a constant column it is the constant."""
        width = rows.shape[1]
        self.guess = rows.mean(axis=0, dtype=np.float64).astype(np.float32).astype(np.float64)
        self.rows = 0
        self.offset = np.zeros(width)
        self.scatter = np.zeros((width, width))
        self.targets = np.zeros(outputs)
        self.cross = np.zeros((width, outputs))

    def add(self, rows: Float[np.ndarray, 'R D'], targets: Float64[np.ndarray, 'R C']) -> None:
        """Adds rows with their targets."""
        x = rows.astype(np.float64) - self.guess
        self.rows += len(x)
        self.offset += x.sum(axis=0)
        self.scatter += x.T @ x  # Of one array with itself: half the work, exactly symmetric.
        self.targets += targets.sum(axis=0)
        self.cross += x.T @ targets

    def moments(self) -> Moments:
        """Moves the sums to the mean that was found."""
        offset, targets = self.offset / self.rows, self.targets / self.rows
        return Moments(
            rows=self.rows,
            mean=self.guess + offset,
            scatter=self.scatter - np.outer(self.offset, offset),
            target_mean=targets,
            cross=self.cross - np.outer(self.offset, targets),
        )


def of_split(
    split: Split,
    targets: Float64[np.ndarray, 'N C'],
    sources: Sequence[Source],
    layer_widths: Sequence[int],
    *,
    by_item: bool = False,
) -> list[Moments]:
    """Reads a split once and returns the moments of every source; every row counts the same.

    Args:
        split: its items and where their rows are.
        targets: of the items; each row has its item's. C may be 0.
        sources: none of them learned.
        layer_widths: of the layers of the rows, in depth order.
        by_item: an item is one row, the mean of its windows.
    """
    sums: list[_Sums] = []
    for items, views in read(split, sources, layer_widths, by_item=by_item):
        sums = sums or [_Sums(view, targets.shape[1]) for view in views]
        own = targets[items] if by_item else np.repeat(targets[items], split.count[items], axis=0)
        for one, view in zip(sums, views, strict=True):
            one.add(view, own)
    return [one.moments() for one in sums]


def read(
    split: Split, sources: Sequence[Source], layer_widths: Sequence[int], *, by_item: bool = False
) -> Iterator[tuple[Int[np.ndarray, 'n'], Views]]:
    """Yields a split's rows some at a time, items whole: which items, and the rows of each source.

    A source of several layers is their plain mean in float32, as the bank reads it, and so is the
    one row of an item with `by_item`.
    """
    row_bytes = 4 * sum(layer_widths)
    pieces = portions((split.count * row_bytes).tolist(), CHUNK)
    items = [np.arange(piece.start, piece.stop) for piece in pieces]
    members = width_groups(layer_widths)
    chunks = reader_of(split).prefetched([_rows(split, some) for some in items])
    for some, groups in zip(items, chunks, strict=True):
        views = [_view(groups, s.layers, layer_widths, members) for s in sources]
        yield some, [_means(view, split.count[some]) for view in views] if by_item else views


def _means(rows: Float[np.ndarray, 'R D'], count: Int[np.ndarray, 'n']) -> np.ndarray:
    sums = np.add.reduceat(rows, np.cumsum(count) - count, axis=0)
    return sums / count[:, None].astype(np.float32)


def _rows(split: Split, items: Int[np.ndarray, 'n']) -> Int[np.ndarray, 'R']:
    count = split.count[items]
    start = np.cumsum(count) - count
    return np.repeat(split.first[items] - start, count) + np.arange(count.sum())


def _view(
    groups: dict[int, np.ndarray],
    layers: Sequence[int],
    layer_widths: Sequence[int],
    members: dict[int, tuple[int, ...]],
) -> Float[np.ndarray, 'R D']:
    width = layer_widths[layers[0]]
    total = groups[width][:, members[width].index(layers[0])].astype(np.float32)
    for layer in layers[1:]:
        total = total + groups[width][:, members[width].index(layer)].astype(np.float32)
    return total / np.float32(len(layers)) if len(layers) > 1 else total


def portions(sizes: Sequence[int], budget: int) -> list[slice]:
    """Cuts a list of things of some bytes into runs that fit a budget, one thing at least each.

    >>> portions([3, 3, 3, 9, 1], 6)
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None), slice(4, 5, None)]
    """
    found, begin, held = [], 0, 0
    for place, size in enumerate(sizes):
        if place > begin and held + size > budget:
            found.append(slice(begin, place))
            begin, held = place, 0
        held += size
    return [*found, slice(begin, len(sizes))] if sizes else []
