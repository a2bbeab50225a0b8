"""How figures look, and how they become bytes that depend on the results alone.

Ink, faint lines and paper are single colours that the page swaps for its own, so that one SVG
reads on light and on dark. Data colours keep a contrast of at least 3:1 on both, and markers
differ too, for print and for eyes that tell colours apart badly.
"""

import contextlib
import functools
import io
import math
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

INK, FAINT, PAPER = '#1b1e24', '#8b929e', '#fefefe'
MISSING = '#8b929e'
COLOURS = ('#2b7fc9', '#d9701a', '#1a9a6c', '#b5559f', '#8367d1', '#a07c00', '#1592a6', '#d14a5c')
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*')
CONTROL = '#8b929e'
# Of Linux, macOS and Windows; each has Han, kana or hangul, most have all three.
WIDE_FONTS = (
    'Noto Sans CJK JP',
    'Noto Sans CJK SC',
    'Source Han Sans',
    'WenQuanYi Zen Hei',
    'WenQuanYi Micro Hei',
    'Droid Sans Fallback',
    'IPAexGothic',
    'IPAGothic',
    'Hiragino Sans',
    'PingFang SC',
    'Arial Unicode MS',
    'Yu Gothic',
    'Microsoft YaHei',
    'Malgun Gothic',
)
MARK = '#e0312f'  # Frames what was selected; stands out on every colour of the maps.

_RC: dict[Any, Any] = {
    'svg.hashsalt': 'jaxprobe',
    'svg.fonttype': 'none',  # Text stays text: small files that can be searched and restyled.
    'font.family': 'sans-serif',
    'font.sans-serif': ['DejaVu Sans', 'Verdana', 'Helvetica', 'Arial'],
    'font.size': 9,
    'axes.labelsize': 9,
    'axes.linewidth': 0.8,
    'axes.edgecolor': FAINT,
    'axes.labelcolor': INK,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.facecolor': 'none',
    'text.color': INK,
    'text.parse_math': False,  # A dollar in a label is a dollar.
    'xtick.color': FAINT,
    'ytick.color': FAINT,
    'xtick.labelcolor': INK,
    'ytick.labelcolor': INK,
    'xtick.labelsize': 8,
    'ytick.labelsize': 8,
    'legend.frameon': False,
    'legend.fontsize': 8.5,
    'figure.facecolor': PAPER,
    'hatch.linewidth': 0.6,
    'hatch.color': MISSING,
}


def context():
    """The settings every figure is made and saved under."""
    return rc_context(_RC)


def canvas(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, that no window or global state knows of."""
    with context():
        figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def settle(figure: Figure) -> None:
    """Lays a figure out, once for all formats; after that its parts do not move."""
    engine = figure.get_layout_engine()
    if engine is not None:
        with context(), _quiet():
            engine.execute(figure)
        figure.set_layout_engine('none')


def png(figure: Figure, dpi: int = 150) -> bytes:
    """Renders a figure for a paper draft or a slide.

    Scripts that the font lacks (Chinese, Japanese, Korean) are drawn with one of `WIDE_FONTS`
    where the machine has one, else as boxes, which is said once.
    """
    settle(figure)
    texts = [t for t in figure.findobj(Text) if _lacking(t.get_text())]
    font = wide_font() if texts else None
    if texts and font is None:
        _say_boxes()
    for text in texts:
        text.set_fontfamily(['sans-serif', font] if font else ['sans-serif'])
    try:
        return _bytes(figure, 'png', {'Software': None}, dpi)
    finally:
        for text in texts:
            text.set_fontfamily(['sans-serif'])


def wide_font() -> str | None:
    """The first of `WIDE_FONTS` that matplotlib finds on this machine."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in WIDE_FONTS if name in installed), None)


def _lacking(words: str) -> bool:
    """Whether the font of figures lacks a character."""
    return not words.isascii() and not set(map(ord, words)) <= {*_characters(), ord('\n')}


@functools.cache
def _characters() -> frozenset[int]:
    path = font_manager.findfont(font_manager.FontProperties(family=_RC['font.sans-serif']))
    return frozenset(font_manager.get_font(path).get_charmap())


@functools.cache
def _say_boxes() -> None:
    print(
        'figures: no font here has the characters of some names, so PNG files show boxes for them; '
        'the SVG files and the page have the text. Debian: apt-get install fonts-noto-cjk',
        file=sys.stderr,
    )


def svg(figure: Figure) -> bytes:
    """Renders a figure as vectors, without dates."""
    return _bytes(figure, 'svg', {'Date': None, 'Creator': None}, 72)


def _bytes(figure: Figure, form: str, metadata: dict[str, None], dpi: int) -> bytes:
    settle(figure)
    sink = io.BytesIO()
    with context(), _quiet():
        figure.savefig(sink, format=form, metadata=metadata, dpi=dpi)
    return sink.getvalue()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences two warnings: a script the font lacks (boxes in the PNG, whole in the SVG), and
    names so long that no room is left for the axes.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='.*Glyph.*')
        warnings.filterwarnings('ignore', message='.*constrained_layout.*')
        yield


def title(figure: Figure, words: str) -> None:
    """Titles a figure at its left edge, broken into lines that fit its width."""
    wrapped = textwrap.fill(words, max(12, int(figure.get_figwidth() * 11)))
    figure.suptitle(wrapped, x=0.01, ha='left', fontsize=10, fontweight='bold', color=INK)


def note(figure: Figure, words: str) -> None:
    """Explains a figure in small print below it."""
    wrapped = textwrap.fill(words, max(16, int(figure.get_figwidth() * 16)))
    figure.supxlabel(wrapped, x=0.01, ha='left', fontsize=7.5, color=FAINT)


def look(index: int, *, control: bool = False) -> dict[str, Any]:
    """Line and marker of the index-th encoder; controls are grey and dashed."""
    line = {'marker': MARKERS[index % len(MARKERS)], 'markersize': 4.5, 'linewidth': 1.6}
    if control:
        return line | {'color': CONTROL, 'linestyle': (0, (4, 2))}
    dashes = ('-', (0, (1, 1)), (0, (6, 1, 1, 1)))[index // len(COLOURS) % 3]
    return line | {'color': COLOURS[index % len(COLOURS)], 'linestyle': dashes}


def on(colour: Iterable[float]) -> str:
    """Black or white, whichever reads better on a colour."""
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in tuple(colour)[:3]]
    luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return '#101010' if luminance > 0.18 else '#ffffff'


def tick_names(axes: Axes, names: Sequence[str], *, inches: float) -> None:
    """Labels the positions 0, 1, ... of the x axis, turned or thinned until they fit.

    Args:
        axes: whose x axis it is.
        names: one per position.
        inches: width that one position has.
    """
    longest = max((len(name) for name in names), default=1)
    turned = longest * 0.072 > inches
    step = max(1, math.ceil(0.13 / inches)) if turned else 1
    axes.set_xticks(range(0, len(names), step))
    axes.set_xticklabels(
        names[::step],
        rotation=40 if turned else 0,
        ha='right' if turned else 'center',
        rotation_mode='anchor' if turned else None,
    )
