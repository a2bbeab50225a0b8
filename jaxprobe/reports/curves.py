"""The layer curve: what every layer of every encoder scores on one task."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxprobe.reports import style, text
from jaxprobe.reports.read import Result

Row = dict

_RING: dict[str, Any] = {
    'marker': 'o',
    'markersize': 10,
    'markerfacecolor': 'none',
    'markeredgewidth': 1.3,
    'color': style.INK,
    'zorder': 4,
}


def layer_curve(results: Sequence[Result]) -> Figure:
    """Draws test scores over layers, one line per encoder, for one task.

    The line is the mean over seeds at the rate validation selects, the band its standard
    deviation over seeds, the whiskers the 95 % bootstrap interval over test items. A ring marks the
    source validation selects. Weighted sums and means of layers stand apart on the right: they
    have no place in the depth. Dotted lines are what constant answers earn.
    """
    depth = max(max((_place(row) or 0 for row in _singles(r)), default=0) for r in results)
    extra = _extra_names(results)
    positions = depth + 1 + (len(extra) + 0.5 if extra else 0)
    width = min(12.0, max(7.2, 1.6 + 0.42 * positions))
    longest = max(len(_label(r)) for r in results)
    columns = max(1, int(width / (0.6 + 0.075 * max(longest, 20))))
    figure = style.canvas(width, 3.9 + 0.18 * math.ceil((len(results) + 2) / columns))
    with style.context():
        axes = figure.add_subplot()
        for index, result in enumerate(results):
            _draw_encoder(axes, result, index, _shift(index, len(results)), depth, extra)
        _draw_constants(axes, results)
        style.title(figure, text.shorten(results[0].task, 70))
        _frame(axes, results, depth, extra, inches=(width - 1.0) / positions)
        _clip(axes, results)
        figure.legend(loc='outside lower center', ncols=columns)
    return figure


def _singles(r: Result) -> list[Row]:
    return [row for row in r.data['layers'] if len(row['layers']) == 1 and not row['learned']]


def _place(row: Row) -> int | None:
    return row['layers'][0] if len(row['layers']) == 1 and not row['learned'] else None


def _extra_names(results: Sequence[Result]) -> list[str]:
    """Names of the sources that combine layers, in order of appearance."""
    rows = [row for r in results for row in r.data['layers']]
    return list(dict.fromkeys(row['source'] for row in rows if _place(row) is None))


def _label(r: Result) -> str:
    marks = [*(['random weights'] if r.control else []), *(['trial'] if r.limited else [])]
    return text.shorten(r.encoder, 34) + (f' ({", ".join(marks)})' if marks else '')


def _draw_encoder(
    axes: Axes, r: Result, index: int, shift: float, depth: int, extra: list[str]
) -> None:
    look = style.look(index, control=r.control)
    point: dict[str, Any] = {**look, 'linestyle': 'none'}
    rows = sorted((row for row in _singles(r)), key=lambda row: row['layers'][0])
    xs = [row['layers'][0] for row in rows]
    ys = [math.nan if row['test'] is None else row['test'] for row in rows]
    axes.plot(xs, ys, label=_label(r), zorder=3, **look)
    spread = [row['test_seed_std'] or 0.0 for row in rows]
    if any(spread):
        low, high = [y - s for y, s in zip(ys, spread)], [y + s for y, s in zip(ys, spread)]
        axes.fill_between(xs, low, high, color=look['color'], alpha=0.22, linewidth=0, zorder=2)
    chosen = (r.data['selected'] or {}).get('source')
    for row in r.data['layers']:
        place = _place(row)
        apart = place is None
        x = depth + 1.5 + extra.index(row['source']) + 2.2 * shift if apart else place
        if row['test'] is None:
            continue
        if apart:
            axes.plot([x], [row['test']], zorder=3, **point)
        if row['ci95']:
            at = x if apart else x + shift
            axes.vlines(at, *row['ci95'], color=look['color'], alpha=0.6, linewidth=0.9, zorder=2)
        if row['source'] == chosen:
            axes.plot([x], [row['test']], **_RING)


def _draw_constants(axes: Axes, results: Sequence[Result]) -> None:
    """Reference lines; a band where encoders were judged on different items."""
    fitted, best = text.constants(results[0].data['task']['kind'])
    kinds = (
        (best, [r.constant for r in results], (0, (1, 1.5)), 1.5),
        (fitted, [r.majority for r in results], (0, (5, 3)), 0.9),
    )
    for name, values, dashes, linewidth in kinds:
        low, high = min(values), max(values)
        look = {'color': style.FAINT, 'zorder': 1}
        if high - low > 1e-6:
            label = f'{name} {text.number(low)} to {text.number(high)}'
            axes.axhspan(low, high, alpha=0.18, linewidth=0, label=label, **look)
        else:
            label = f'{name} {text.number(low)}'
            line = {'linestyle': dashes, 'linewidth': linewidth, 'label': label}
            axes.axhline(low, **line, **look)


def _frame(
    axes: Axes, results: Sequence[Result], depth: int, extra: list[str], *, inches: float
) -> None:
    names = _shared_names(results)
    layers = names or [str(k) for k in range(depth + 1)]
    style.tick_names(axes, [text.shorten(name, 16) for name in layers], inches=inches)
    if extra:
        ticks, labels = list(axes.get_xticks()), [t.get_text() for t in axes.get_xticklabels()]
        turned = axes.get_xticklabels()[0].get_rotation() if labels else 0
        ticks += [depth + 1.5 + k for k in range(len(extra))]
        axes.set_xticks(ticks, [*labels, *(text.shorten(name, 16) for name in extra)])
        for label in axes.get_xticklabels():
            label.set(rotation=turned, ha='right' if turned else 'center')
            label.set_rotation_mode('anchor' if turned else None)
        axes.axvline(depth + 0.75, color=style.FAINT, linewidth=0.6, alpha=0.6)
    axes.set_xlim(-0.5, depth + (1.0 + len(extra) if extra else 0) + 0.5)
    axes.set_xlabel('layer' if names else 'layer, counted from the input')
    axes.set_ylabel(f'test {results[0].metric}')
    axes.grid(axis='y', color=style.FAINT, alpha=0.25, linewidth=0.6)


def _shared_names(results: Sequence[Result]) -> list[str] | None:
    """Layer names, where all encoders of the figure have the same."""
    each = {tuple(layer['name'] for layer in r.data['encoder']['layers']) for r in results}
    return list(each.pop()) if len(each) == 1 else None


def _clip(axes: Axes, results: Sequence[Result]) -> None:
    """Keeps one hopeless layer (an R2 of -40) from flattening all others.

    Where something beats the constant, what lies far below it is drawn as a triangle at the foot.
    Other metrics are bounded and never clipped.
    """
    rows = [row for r in results for row in r.data['layers'] if row['test'] is not None]
    if results[0].data['task']['kind'] != 'regression' or not rows:
        return
    level, top = min(r.constant for r in results), max(row['test'] for row in rows)
    floor = level - max(0.6 * (top - level), 0.25)
    if top <= level or min(row['test'] for row in rows) >= floor:
        return
    high = max([top, *(row['ci95'][1] for row in rows if row['ci95'])])
    axes.set_ylim(floor, high + 0.05 * (high - floor))
    axes.set_ylabel(f'test {results[0].metric}   (▼ lies below)')
    foot = {'transform': axes.get_xaxis_transform(), 'clip_on': False, 'zorder': 5}
    for index, result in enumerate(results):
        colour = style.look(index, control=result.control)['color']
        below = [row for row in _singles(result) if _below(row, floor)]
        xs = [row['layers'][0] + 2 * _shift(index, len(results)) for row in below]
        axes.plot(xs, [0.02] * len(xs), 'v', color=colour, markersize=5, **foot)


def _below(row: Row, floor: float) -> bool:
    return row['test'] is not None and row['test'] < floor


def _shift(index: int, count: int) -> float:
    """Moves encoders apart at one layer, so that their whiskers do not cover each other."""
    return (index - (count - 1) / 2) * min(0.12, 0.5 / max(1, count))
