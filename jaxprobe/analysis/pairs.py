"""All measures of all pairs of layers of two sides, each with its noise floor.

A side is the layers of one encoder (or input features) on the same rows, whitened once per layer:
the eigendecompositions and the whitening are done L times, not L^2 times, and what is left per pair
is one matrix C = Qx^T Qy, from which PWCCA, SVCCA and CKA are all read. C is computed for one layer
of the first side with all of the second in one program.

Noise floor
-----------
The same measures with the rows of the first side shuffled: what unrelated layers of these widths,
variances and numbers of rows would reach. Rows that belong together (the windows of an item) stay
together and in order while the items change places, since neighbouring windows resemble each other
whatever the item. Items of one artist are taken apart: shuffling artists as wholes would leave the
space that tells artists apart where it is, which for few artists is no floor. The mean and the
largest over the shuffles are kept. At most `FLOOR_LAYERS` layers of a width, evenly spaced, are
shuffled on either side; the others are given the floor of the nearest of their width.

Cost: per layer 4 R D^2 float64 operations and an eigendecomposition of D x D; per pair 2 R D^2
float32 operations on the device and on the host, in float64, another one (a second, smaller one
for SVCCA). Memory: rows whitened in float32, 4 R D bytes a layer (82 MB at R = 20 000, D = 1024),
which may be memory maps.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxprobe.analysis import cca, cka, moments, principal
from jaxprobe.analysis.principal import Axes
from jaxprobe.analysis.products import product

MEASURES = ('pwcca', 'svcca', 'cka', 'cka_debiased')
FLOOR_LAYERS = 5
BLOCK = 1 << 30  # Bytes of the second side that are on the device at once.

Rows = Float[np.ndarray, 'R _']
Values = Float[np.ndarray, 'A B']


class Side(NamedTuple):
    """The layers of one side, on common rows.

    Attributes:
        names: of the layers.
        widths: of the layers, before directions without variance were left out.
        axes: principal axes of every layer.
        whitened: float32 [R r] of every layer.
        norms: squared lengths of the centred rows of every layer, [R].
    """

    names: tuple[str, ...]
    widths: tuple[int, ...]
    axes: tuple[Axes, ...]
    whitened: tuple[Rows, ...]
    norms: tuple[Float[np.ndarray, 'R'], ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.axes[0].count


class Map(NamedTuple):
    """One measure of all pairs; floors are nan where nothing could be shuffled."""

    values: Values
    floor: Values
    floor_max: Values


def side(
    layers: Iterable[tuple[str, Rows]],
    keep: Callable[[tuple[int, int]], np.ndarray] | None = None,
) -> Side:
    """Whitens the layers of a side.

    Args:
        layers: name and rows of each, taken one after the other; the rows are not changed.
        keep: makes the float32 array of a shape in which a layer's whitened rows are kept; by
            default they are in memory.
    """
    names, widths, found, kept, norms = [], [], [], [], []
    for name, rows in layers:
        own = principal.axes(moments.of([rows], rows.shape[1]))
        white = principal.whitened(own, rows, np.float32)
        # The squared length of a row is that of its coordinates along the axes.
        norms.append((white.astype(np.float64) ** 2) @ own.scatters)
        kept.append(white if keep is None else _copied(white, keep(white.shape)))
        names.append(name)
        widths.append(rows.shape[1])
        found.append(own)
    return Side(tuple(names), tuple(widths), tuple(found), tuple(kept), tuple(norms))


def compare(
    first: Side,
    second: Side,
    shuffles: Sequence[Int[np.ndarray, 'R']] = (),
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Map]:
    """Measures every layer of one side against every layer of the other.

    Args:
        first: the side whose projections weigh in PWCCA; rows of the maps.
        second: the other one, on the same rows in the same order; columns of the maps.
        shuffles: orders of the rows, see `orders`.
        progress: called with how many pairs are done, shuffled ones too, and how many there are.

    Returns:
        A map per measure.
    """
    shape = (len(first.names), len(second.names))
    chosen, spread = measured(first.widths), measured(second.widths)
    values = {name: np.full(shape, np.nan) for name in MEASURES}
    shuffled = {name: np.full((len(shuffles), *shape), np.nan) for name in MEASURES}
    total = shape[0] * shape[1] + len(shuffles) * len(set(chosen)) * len(set(spread))
    pad, done = max(1, *(own.rank for own in first.axes)), 0
    for block in _blocks(second):
        right = jnp.asarray(np.concatenate([second.whitened[j] for j in block], axis=1))
        ends = np.cumsum([0, *(second.axes[j].rank for j in block)])
        for i, white in enumerate(first.whitened):
            for k, order in enumerate([None, *shuffles] if i in chosen else [None]):
                left = white if order is None else white[order]
                left = np.pad(left, ((0, 0), (0, pad - left.shape[1])))  # One program for all.
                crosses = np.asarray(product(jnp.asarray(left), right))[: white.shape[1]]
                for j, begin, end in zip(block, ends, ends[1:]):
                    if order is not None and j not in spread:
                        continue
                    found = measure(crosses[:, begin:end], first, i, second, j, order)
                    for name, value in found.items():
                        target = values[name] if order is None else shuffled[name][k - 1]
                        target[i, j] = value
                    done += 1
                    progress(done, total)
    return {name: _map(values[name], shuffled[name], chosen, spread) for name in MEASURES}


def measure(
    cross: Float[np.ndarray, 'rx ry'],
    first: Side,
    i: int,
    second: Side,
    j: int,
    order: Int[np.ndarray, 'R'] | None = None,
) -> dict[str, float]:
    """All measures of one pair; nan where a layer does not vary.

    Args:
        cross: C of layer i of `first`, its rows in `order`, with layer j of `second`.
        first: the side whose projections weigh.
        i: a layer of it.
        second: the other side.
        j: a layer of it.
        order: of the first side's rows; None leaves them.
    """
    x, y = first.axes[i], second.axes[j]
    norms = first.norms[i] if order is None else first.norms[i][order]
    return {
        'pwcca': cca.pwcca(cross, x),
        'svcca': cca.svcca(cross, x, y),
        'cka': cka.linear(cross, x, y),
        'cka_debiased': cka.debiased(cross, x, y, norms, second.norms[j]),
    }


def orders(
    owner: Int[np.ndarray, 'R'], count: int, random: np.random.RandomState
) -> list[Int[np.ndarray, 'R']]:
    """Draws orders of the rows in which owners change places and no owner keeps its own.

    Args:
        owner: of every row; the rows of one follow each other.
        count: orders to draw.
        random: where they come from.

    Returns:
        Row ids, `count` times; none where there are fewer than two owners.
    """
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    parts = np.split(np.arange(len(owner)), starts[1:])
    if len(parts) < 2:
        return []
    return [np.concatenate([parts[p] for p in _cycle(len(parts), random)]) for _ in range(count)]


def measured(widths: Sequence[int]) -> list[int]:
    """For every layer the one whose floor it is given: the nearest measured one of its width."""
    found = [0] * len(widths)
    for width in set(widths):
        layers = [i for i, w in enumerate(widths) if w == width]
        at = np.linspace(0, len(layers) - 1, min(len(layers), FLOOR_LAYERS)).round().astype(int)
        own = [layers[i] for i in at]
        for layer in layers:
            found[layer] = min(own, key=lambda i: abs(i - layer))
    return found


def _cycle(count: int, random: np.random.RandomState) -> Int[np.ndarray, 'K']:
    """A permutation of one cycle, in which nothing keeps its place (Sattolo, 1986)."""
    order = np.arange(count)
    for i in range(count - 1, 0, -1):
        j = random.randint(i)
        order[[i, j]] = order[[j, i]]
    return order


def _blocks(second: Side) -> Iterator[list[int]]:
    """Layers in turn, as many at once as fit in `BLOCK`, at least one."""
    block: list[int] = []
    held = 0
    for j, white in enumerate(second.whitened):
        if block and held + white.nbytes > BLOCK:
            yield block
            block, held = [], 0
        block.append(j)
        held += white.nbytes
    yield block


def _map(
    values: Values, shuffled: Float[np.ndarray, 'K A B'], chosen: list[int], spread: list[int]
) -> Map:
    if not len(shuffled):
        nothing = np.full_like(values, np.nan)
        return Map(values, nothing, nothing.copy())
    drawn = shuffled[:, chosen][:, :, spread]
    return Map(values, drawn.mean(axis=0), drawn.max(axis=0))


def _copied(values: np.ndarray, target: np.ndarray) -> np.ndarray:
    target[:] = values
    return target
