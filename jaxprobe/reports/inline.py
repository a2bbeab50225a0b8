"""Matplotlib's SVG made fit to stand inside a page."""

import html
import re

from jaxprobe.reports import style

_PIXELS = 96 / 72  # Matplotlib counts points.


def inline(svg: bytes, *, name: str, alt: str) -> str:
    """Turns an SVG file into an element that follows the page's colours.

    Args:
        svg: as `style.svg` renders it.
        name: unique on the page; prefixes every id, since figures share a page.
        alt: what the figure shows, for those who do not see it.

    Returns:
        HTML without prolog, metadata or outside references. Ink, faint lines and paper become
        CSS variables; on a narrow screen the figure shrinks a little, then scrolls.
    """
    text = svg.decode()
    text = text[text.index('<svg') :]
    text = re.sub(r'<metadata>.*?</metadata>', '', text, flags=re.DOTALL)
    text = re.sub(r'<!--.*?-->\s*', '', text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'(href="#|url\(#)', rf'\1{name}-', text)
    for colour, variable in (
        (style.INK, 'var(--ink)'),
        (style.FAINT, 'var(--faint)'),
        (style.PAPER, 'none'),
    ):
        text = text.replace(colour, variable)
    text = re.sub(r'\n\s*', '\n', text)
    return re.sub(r'<svg\b[^>]*>', lambda tag: _open(tag.group(), alt), text, count=1)


def _open(tag: str, alt: str) -> str:
    box = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', tag)
    if box is None:
        raise AssertionError(f'matplotlib wrote an SVG without a view box: {tag}')
    width = float(box[1]) * _PIXELS
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{box[0]} role="img" aria-label="{html.escape(alt, quote=True)}" '
        f'style="width:{width:.0f}px;min-width:{0.72 * width:.0f}px">'
    )
