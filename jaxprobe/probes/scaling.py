"""Rows standardised, or projected on principal components, before a probe reads them.

Neither is part of MARBLE's protocol, or of any other we follow: both are off by default, and a
result that has them says so. What is fitted is fitted on the rows that a bank trains on, without
their labels, for every layer by itself; so the learned sum mixes transformed layers. Sums are
float64 on the host (`moments`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.core.layers import width_groups
from jaxprobe.probes import moments
from jaxprobe.probes.data import trained_on
from jaxprobe.probes.spec import RowReader, Source, Split

BUDGET = 2**30  # Bytes of second moments held at once; layers beyond it are read in further passes.
_FLAT = 1e-6  # A column that varies by less of its mean holds rounding, and is only centred.


class Layer(NamedTuple):
    """What is done to the rows of one layer: (x - mean) / deviation, then along the basis."""

    mean: Float64[np.ndarray, 'D']
    deviation: Float64[np.ndarray, 'D']
    basis: Float64[np.ndarray, 'D K'] | None

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Transforms rows [R, D], in float64; returns float32."""
        found = (rows - self.mean) / self.deviation
        return (found if self.basis is None else found @ self.basis).astype(np.float32)


class Scaling(NamedTuple):
    """The transform of every layer, in depth order, and the widths of the rows it takes."""

    layers: tuple[Layer, ...]
    widths: tuple[int, ...]

    @property
    def out_widths(self) -> tuple[int, ...]:
        """Of the rows it makes."""
        kept = zip(self.layers, self.widths, strict=True)
        return tuple(w if one.basis is None else one.basis.shape[1] for one, w in kept)

    def split(self, split: Split) -> Split:
        """The split with transformed rows, in memory where they were in memory."""
        if isinstance(split.groups, dict):
            return split._replace(groups=self.rows(split.groups))
        return split._replace(groups=_Scaled(split.groups, self))

    def rows(self, groups: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Rows by width, transformed and by the width they have then."""
        members = width_groups(self.widths)
        found = {}
        for width, layers in width_groups(self.out_widths).items():
            columns = []
            for layer in layers:
                own = self.widths[layer]
                rows = groups[own][:, members[own].index(layer)]
                columns.append(self.layers[layer].apply(rows))
            found[width] = np.stack(columns, axis=1)
        return found


class _Scaled(NamedTuple):
    """A reader whose rows are transformed as they are read."""

    reader: RowReader
    scaling: Scaling

    def read(self, rows: Int[np.ndarray, 'R']) -> dict[int, np.ndarray]:
        return self.scaling.rows(self.reader.read(rows))

    def prefetched(self, chunks: Sequence[np.ndarray]) -> Iterator[dict[int, np.ndarray]]:
        return (self.scaling.rows(groups) for groups in self.reader.prefetched(chunks))


def fit(
    train: Split,
    widths: tuple[int, ...],
    *,
    standardise: bool,
    components: int = 0,
    by_item: bool = False,
) -> Scaling:
    """Finds means, deviations and components of the rows that are trained on.

    Args:
        train: the training split; where it has `chosen` items, theirs alone.
        widths: of the layers.
        standardise: divide by the deviation (of the rows, not estimated: as scikit-learn).
        components: principal components kept of every layer; 0 keeps the layer as it is. Signs are
            such that the largest entry of each is positive.
        by_item: rows are the means of items' windows.

    Raises:
        ConfigError: more components than a layer is wide.
        DataError: more components than rows.
    """
    check(widths, components)
    taken = trained_on(train)
    own = train._replace(
        first=train.first[taken], count=train.count[taken], chosen=None, borrowed=None
    )
    rows = len(taken) if by_item else int(own.count.sum())
    if components > rows:
        raise DataError(
            f'probe.pca={components}: there are {rows} rows to train on, which have no more '
            f'components than that. Use fewer components, or larger shares of the items.'
        )
    found: dict[int, Layer] = {}
    held = [8 * 2 * (width * width if components else width) for width in widths]
    for part in moments.portions(held, BUDGET):
        layers = range(len(widths))[part]
        if components:
            sources = [Source(str(layer), (layer,)) for layer in layers]
            nothing = np.zeros((len(own.first), 0))
            measured = moments.of_split(own, nothing, sources, widths, by_item=by_item)
            for layer, one in zip(layers, measured, strict=True):
                found[layer] = _layer(one.mean, one.scatter / one.rows, standardise, components)
        else:
            for layer, (mean, variance) in _spreads(own, widths, layers, by_item).items():
                found[layer] = Layer(mean, _deviation(mean, variance), None)
    return Scaling(tuple(found[layer] for layer in range(len(widths))), widths)


def check(widths: Sequence[int], components: int) -> None:
    """Refuses more components than a layer is wide.

    Raises:
        ConfigError: names the width.
    """
    if components > min(widths):
        raise ConfigError(
            f'probe.pca={components}: a layer of this encoder has {min(widths)} dimensions. Use at '
            f'most that many components, or leave narrow layers out with --config.encoder.layers.'
        )


def _layer(
    mean: Float64[np.ndarray, 'D'],
    covariance: Float64[np.ndarray, 'D D'],
    standardise: bool,
    components: int,
) -> Layer:
    deviation = _deviation(mean, np.diag(covariance)) if standardise else np.ones(len(mean))
    values, vectors = np.linalg.eigh(covariance / np.outer(deviation, deviation))
    basis = vectors[:, np.argsort(-values, kind='stable')[:components]]
    largest = basis[np.abs(basis).argmax(axis=0), np.arange(components)]
    return Layer(mean, deviation, basis * np.sign(largest))


def _deviation(
    mean: Float64[np.ndarray, 'D'], variance: Float64[np.ndarray, 'D']
) -> Float64[np.ndarray, 'D']:
    found = np.sqrt(np.maximum(variance, 0.0))
    return np.where(found > _FLAT * np.abs(mean), found, 1.0)


def _spreads(
    split: Split, widths: tuple[int, ...], layers: Sequence[int], by_item: bool
) -> dict[int, tuple[Any, Any]]:
    """Mean and variance of every column, around the mean of the first rows."""
    sources = [Source(str(layer), (layer,)) for layer in layers]
    guess: list[np.ndarray] = []
    sums = [np.zeros((2, widths[layer])) for layer in layers]
    rows = 0
    for _, views in moments.read(split, sources, widths, by_item=by_item):
        guess = guess or [view.mean(axis=0, dtype=np.float64).astype(np.float32) for view in views]
        rows += len(views[0])
        for total, start, view in zip(sums, guess, views, strict=True):
            x = view - start.astype(np.float64)
            total += np.stack([x.sum(axis=0), np.square(x).sum(axis=0)])
    return {
        layer: (start + total[0] / rows, total[1] / rows - np.square(total[0] / rows))
        for layer, start, total in zip(layers, guess, sums, strict=True)
    }
