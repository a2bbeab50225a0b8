"""Maps: layer x task, learning rate x layer, learned weights x task; numbers in every cell."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from jaxprobe.reports import style, text
from jaxprobe.reports.read import Result

CELL_WIDTH, CELL_HEIGHT = 0.44, 0.27  # Inches: room for '-0.12' at 7 points.
_FONT = 7
_COLOURS = 'viridis'


def layers_by_tasks(results: Sequence[Result]) -> Figure:
    """Draws one encoder: tasks as rows, sources as columns, test scores as numbers.

    Tasks have different metrics, so colour is each row's own scale: from what the best constant
    answer earns (dark) to the row's best source (bright). A frame marks the selected source.
    """
    sources = _sources(results)
    scores = np.full((len(results), len(sources)), np.nan)
    for t, r in enumerate(results):
        for row in r.data['layers']:
            if row['test'] is not None:
                scores[t, sources.index(row['source'])] = row['test']
    levels = np.array([[r.constant] for r in results])
    names = [f'{text.shorten(r.task, 26)}  {r.metric}' for r in results]
    chosen = [(t, (r.data['selected'] or {}).get('source')) for t, r in enumerate(results)]
    marks = [(t, sources.index(name)) for t, name in chosen if name in sources]
    figure, axes = _grid(len(results), sources, names, square=CELL_WIDTH)
    with style.context():
        _fill(axes, scores, _share(scores, levels), marks)
        style.title(figure, _title('Test score by layer', results[0]))
        style.note(
            figure, 'Colour: share of the way from the best constant to the best of the row.'
        )
    return figure


def _sources(results: Sequence[Result]) -> list[str]:
    """Single layers by depth, then what combines layers."""
    rows = [row for r in results for row in r.data['layers']]
    rows.sort(key=lambda row: (len(row['layers']) > 1 or row['learned'], row['layers'][0]))
    return list(dict.fromkeys(row['source'] for row in rows))


def rates_by_layers(r: Result) -> Figure:
    """Draws one (encoder, task): sources as rows, rates as columns, validation scores as numbers.

    Validation is what selection sees. A thin frame marks each source's rate, a thick one the
    selected cell; crosses are (source, rate) pairs of which a seed diverged.
    """
    rates = r.data['rates']
    valid = np.array(
        [[np.nan if v is None else v for v in row] for row in rates['valid']], dtype=np.float64
    )
    lower = not (r.data['selected'] or {}).get('by_higher_is_better', True)
    share = _share(-valid if lower else valid, None)
    marks = [
        (s, rates['learning_rates'].index(row['learning_rate']))
        for s, row in enumerate(r.data['layers'])
        if row['learning_rate'] is not None
    ]
    columns = [text.rate(rate) for rate in rates['learning_rates']]
    names = [text.shorten(source, 24) for source in rates['sources']]
    figure, axes = _grid(len(names), columns, names, square=0.56)
    with style.context():
        _fill(axes, valid, share, marks, thin=True)
        if r.data['selected']:
            s = rates['sources'].index(r.data['selected']['source'])
            _mark(axes, s, marks_column(marks, s), thick=2.2)
        axes.set_xlabel('learning rate')
        style.title(figure, text.shorten(r.task, 60))
        by = (r.data['selected'] or {}).get('by', 'validation score')
        style.note(figure, f'{text.shorten(r.encoder, 34)}, {by}')
    return figure


def marks_column(marks: Sequence[tuple[int, int]], row: int) -> int:
    """The column that is marked in a row."""
    return next(column for at, column in marks if at == row)


def weights_by_tasks(results: Sequence[Result]) -> Figure | None:
    """Draws the learned layer weights of one encoder, tasks as rows; None without a mix."""
    rows = [(r, learned) for r in results for learned in r.data['layer_weights']]
    rows = [(r, w) for r, w in rows if any(v is not None for v in w['weights'])]
    if not rows:
        return None
    layers = rows[0][1]['layers']
    weights = np.array(
        [[np.nan if v is None else v for v in w['weights']] for _, w in rows], dtype=np.float64
    )
    several = len({w['source'] for _, w in rows}) > 1
    names = [text.shorten(r.task, 26) + (f'  {w["source"]}' if several else '') for r, w in rows]
    figure, axes = _grid(len(rows), layers, names, square=CELL_WIDTH)
    mixed = int((~np.isnan(weights)).sum(axis=1).max())
    with style.context():
        _fill(axes, weights, weights / np.nanmax(weights), [], digits=2, absent='')
        style.title(figure, _title('Learned layer weights', rows[0][0]))
        style.note(
            figure, f'Mean over seeds at the selected rate; equal weights would be {1 / mixed:.3f}.'
        )
    return figure


def _title(what: str, r: Result) -> str:
    return f'{what}, {text.shorten(r.encoder, 40)}' + (' (random weights)' if r.control else '')


def _share(values: np.ndarray, level: np.ndarray | None) -> np.ndarray:
    """Where values lie between the level (each row's, or the least) and the best, in 0..1."""
    if not np.isfinite(values).any():
        return np.zeros_like(values)
    safe = np.where(np.isnan(values), -np.inf, values)
    if level is None:
        top = np.full((1, 1), safe.max())
        level = np.full((1, 1), _least(values))
    else:
        top = safe.max(axis=1, keepdims=True)
    span = np.where(top > level, top - level, 1.0)
    return np.clip((values - level) / span, 0.0, 1.0)


def _least(values: np.ndarray) -> float:
    """The low end of a map's colours: its minimum, unless outliers would flatten the rest."""
    finite = values[np.isfinite(values)]
    quartile, top = np.quantile(finite, 0.25), finite.max()
    return float(max(finite.min(), quartile - 1.5 * (top - quartile)))


def _grid(
    rows: int, columns: Sequence[str], names: Sequence[str], *, square: float
) -> tuple[Figure, Axes]:
    """An empty map whose cells have a fixed size in inches."""
    left = 0.075 * max((text.cells(name) for name in names), default=4)
    room = max(len(columns), math.ceil((3.2 - left) / square))  # The title needs some width.
    figure = style.canvas(0.5 + left + square * room, 1.25 + CELL_HEIGHT * rows)
    with style.context():
        axes = figure.add_subplot()
        axes.set_xlim(-0.5, room - 0.5)
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_yticks(range(rows), names)
        style.tick_names(axes, [text.shorten(c, 14) for c in columns], inches=square)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure, axes


def _fill(
    axes: Axes,
    values: np.ndarray,
    share: np.ndarray,
    marks: Sequence[tuple[int, int]],
    *,
    thin: bool = False,
    digits: int = 2,
    absent: str = '×',
) -> None:
    colours = colormaps[_COLOURS](np.nan_to_num(share))
    for row, column in np.ndindex(*values.shape):
        value = values[row, column]
        if math.isnan(value):
            axes.text(column, row, absent, ha='center', va='center', fontsize=8, color=style.FAINT)
            continue
        colour = colours[row, column]
        box = Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, facecolor=colour, linewidth=0)
        box.set_in_layout(False)  # Cells lie inside the axes; measuring each would take seconds.
        axes.add_patch(box)
        label = text.number(float(value), digits if abs(value) < 99.5 else 0)
        ink = style.on(colour)
        drawn = axes.text(column, row, label, ha='center', va='center', fontsize=_FONT, color=ink)
        drawn.set_in_layout(False)
    for row, column in marks:
        _mark(axes, row, column, thick=1.0 if thin else 1.8)


def _mark(axes: Axes, row: int, column: int, *, thick: float) -> None:
    frame = Rectangle(
        (column - 0.48, row - 0.47), 0.96, 0.94, fill=False, edgecolor=style.MARK, linewidth=thick
    )
    frame.set_clip_on(False)
    axes.add_patch(frame)
