"""From a few measured cells to a grid, with the sum written out."""

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.process import Ran


def in_one_process(cells: Sequence[Ran]) -> tuple[list[Ran], float]:
    """The cells without their start-up, and its mean: for a peer that starts once for all cells."""
    started = [
        cell._replace(seconds=cell.seconds - cell.first, first=0.0, last=cell.last - cell.first)
        for cell in cells
    ]
    return started, statistics.fmean(cell.first for cell in cells)


def extrapolated(cells: Sequence[Ran], grid: int, once: float, ours: float) -> dict[str, Any]:
    """What a sweep of `grid` processes takes if the others take what the measured ones took.

    Args:
        cells: the measured ones, each from the start of its process to its end.
        grid: how many there are.
        once: seconds spent once for all of them, such as extraction.
        ours: seconds of the whole grid here, everything counted.
    """
    each = statistics.fmean(cell.seconds for cell in cells)
    return {
        'cells_measured': len(cells),
        'cells_of_grid': grid,
        'cell_s': [round(cell.seconds, 2) for cell in cells],
        'cell_cpu_s': [round(cell.cpu, 2) for cell in cells],
        'cell_epochs': [cell.epochs for cell in cells],
        'start_up_s': [round(cell.first, 2) for cell in cells],
        'epoch_s': [round(cell.per_epoch, 3) for cell in cells],
    } | total(once, grid, each, ours)


def by_epochs(
    start: float, epoch: float, epochs: float, grid: int, once: float, ours: float
) -> dict[str, Any]:
    """The same where only the first epochs of a cell were run.

    Args:
        start: seconds of a process beside its epochs.
        epoch: seconds of one.
        epochs: that a cell of this grid trains, on average.
        grid, once, ours: as for `extrapolated`.
    """
    each = start + epochs * epoch
    said = f'{start:.1f} + {epochs:.1f} epochs * {epoch:.2f} = {each:.1f} s a cell'
    return {'cell_formula': said} | total(once, grid, each, ours)


def at_epochs(cells: Sequence[Ran], epochs: float, grid: int, once: float) -> dict[str, Any]:
    """The same grid if its cells trained `epochs` on average, as all of ours did.

    A check on the choice of the measured cells: they may stop earlier or later than most.
    """
    start = statistics.fmean(cell.seconds - cell.epochs * cell.per_epoch for cell in cells)
    epoch = statistics.fmean(cell.per_epoch for cell in cells)
    return {
        'our_epochs_mean': round(epochs, 1),
        'extrapolated_at_our_epochs_s': round(once + grid * (start + epochs * epoch), 1),
    }


def total(once: float, grid: int, each: float, ours: float) -> dict[str, Any]:
    """The last line of the sum: extraction, cells, and the ratio to ours."""
    theirs = once + grid * each
    return {
        'formula': f'{once:.1f} + {grid} * {each:.2f} = {theirs:.0f} s',
        'extrapolated_s': round(theirs, 1),
        'ours_s': round(ours, 1),
        'ratio': round(theirs / ours, 1),
    }


def spread(layers: Sequence[str], rates: Sequence[float], n: int) -> list[tuple[str, float]]:
    """n cells that differ in both: a low, a middle and a high rate at early and late layers."""
    if not 1 <= n <= len(layers) * len(rates):
        raise ValueError(f'{n} cells of {len(layers) * len(rates)}')
    if n == 1:
        return [(layers[len(layers) // 2], rates[len(rates) // 2])]
    at = [k / (n - 1) for k in range(n)]
    chosen = [
        (layers[round(a * (len(layers) - 1))], rates[round(a * (len(rates) - 1))]) for a in at
    ]
    if len(set(chosen)) == n:
        return chosen
    every = [(layer, rate) for rate in rates for layer in layers]
    return [every[round(a * (len(every) - 1))] for a in at]
