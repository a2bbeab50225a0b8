"""The cells of a grid and the families they fall into.

A family is compiled once: its cells read rows of one width and either pick one view each or
mix the same list of views. A view is a layer, or the mean of several, as the bank reads it:
`data[pad]` is [V, R, pad] with the views of that width in a fixed order.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from jaxprobe.core.layers import width_groups
from jaxprobe.probes.spec import BankSpec

# A family is worth its own compilation (about 1.5 s) only if padding it would cost more than
# that over a typical training: this many multiply-adds on a small CPU.
_COMPILE_WORTH = 1.0e11
_TYPICAL_EPOCHS = 40


class Family(NamedTuple):
    """Cells compiled together. `mixed` lists the views that are mixed; () where one is picked."""

    pad: int
    mixed: tuple[int, ...]


class Cells(NamedTuple):
    """Every cell of the grid, in result order; all arrays are [P]."""

    source: Int[np.ndarray, 'P']
    rate: Float[np.ndarray, 'P']
    seed: Int[np.ndarray, 'P']
    family: Int[np.ndarray, 'P']
    view: Int[np.ndarray, 'P']  # Unused by families that mix.
    width: Int[np.ndarray, 'P']  # Before padding.


class Plan(NamedTuple):
    """What is read and by whom.

    Attributes:
        views: padded width -> the layers behind each view, averaged.
        pads: layer width -> padded width.
    """

    families: tuple[Family, ...]
    cells: Cells
    views: dict[int, tuple[tuple[int, ...], ...]]
    pads: dict[int, int]
    layer_widths: tuple[int, ...]


def plan(spec: BankSpec, layer_widths: tuple[int, ...], n_rows: int) -> Plan:
    """Lays out the grid.

    Args:
        spec: validated.
        layer_widths: of the encoder's layers, in depth order.
        n_rows: training rows, which weigh padding against compiling.
    """
    pads = _pads(spec, layer_widths, n_rows)
    views: dict[int, list[tuple[int, ...]]] = {}
    families: list[Family] = []
    rows = []
    for index, source in enumerate(spec.sources):
        width = layer_widths[source.layers[0]]
        known = views.setdefault(pads[width], [])
        wanted = [(k,) for k in source.layers] if source.learned else [source.layers]
        known.extend(v for v in wanted if v not in known)
        places = tuple(known.index(v) for v in wanted)
        family = Family(pads[width], places if source.learned else ())
        if family not in families:
            families.append(family)
        rows.append((index, families.index(family), 0 if source.learned else places[0], width))
    n_rates = len(spec.learning_rates)
    source, family, view, width = (
        np.repeat(np.asarray(column, np.int32), n_rates * spec.seeds) for column in zip(*rows)
    )
    rate = np.tile(np.repeat(np.asarray(spec.learning_rates, np.float32), spec.seeds), len(rows))
    seed = np.tile(np.arange(spec.seeds, dtype=np.int32), len(rows) * n_rates)
    return Plan(
        tuple(families),
        Cells(source, rate, seed, family, view, width),
        {pad: tuple(v) for pad, v in views.items()},
        pads,
        layer_widths,
    )


def _pads(spec: BankSpec, layer_widths: tuple[int, ...], n_rows: int) -> dict[int, int]:
    """Merges narrow widths into wider ones where that is cheaper than compiling them apart."""
    cells: dict[int, int] = {}
    for source in spec.sources:
        width = layer_widths[source.layers[0]]
        cells[width] = cells.get(width, 0) + len(spec.learning_rates) * spec.seeds
    first_hidden = (*spec.hidden, spec.outputs)[0]
    pads: dict[int, int] = {}
    for width in sorted(cells, reverse=True):
        target = min(pads.values(), default=width)
        extra = 3 * (target - width) * first_hidden * n_rows * cells[width] * _TYPICAL_EPOCHS
        pads[width] = target if extra < _COMPILE_WORTH else width
    return pads


def read_views(
    groups: dict[int, Shaped[np.ndarray, '_ _ _']], the_plan: Plan
) -> dict[int, Float[np.ndarray, '_ _ _']]:
    """Turns stored rows [R, Lg, D] by width into the bank's views [V, R, pad], float32."""
    members = width_groups(the_plan.layer_widths)
    n_rows = len(next(iter(groups.values())))
    out = {}
    for pad, views in the_plan.views.items():
        data = np.zeros((len(views), n_rows, pad), np.float32)
        for v, layers in enumerate(views):
            width = the_plan.layer_widths[layers[0]]
            places = [members[width].index(k) for k in layers]
            total = groups[width][:, places[0]].astype(np.float32)
            for place in places[1:]:
                total = total + groups[width][:, place].astype(np.float32)
            data[v, :, :width] = total / np.float32(len(places)) if len(places) > 1 else total
        out[pad] = data
    return out
