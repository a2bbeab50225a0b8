"""Small pieces of HTML; every text passes through `escape` once."""

import re
from collections.abc import Sequence
from html import escape as _escape

LONG = 24  # Characters of a heading that may break.

Cell = tuple[str, str]  # HTML, and the classes of its cell ('n' for numbers).


def escape(value: object) -> str:
    """Makes any value safe as text and inside attributes."""
    return _escape(str(value), quote=True)


def table(head: Sequence[Cell], rows: Sequence[tuple[str, Sequence[Cell]]], name: str) -> str:
    """A table that scrolls sideways by itself; the first cell of a row is its header.

    Args:
        head: column headings.
        rows: the classes of a row, and its cells.
        name: what it holds, for those who do not see it.
    """
    top = ''.join(f'<th scope="col"{_class(_fit(h, c))}>{h}</th>' for h, c in head)
    body = '\n'.join(
        f'<tr{_class(classes)}><th scope="row"{_class(_fit(*cells[0]))}>{cells[0][0]}</th>'
        + ''.join(f'<td{_class(c)}>{h}</td>' for h, c in cells[1:])
        + '</tr>'
        for classes, cells in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(name)}"><table>'
        f'<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


def _fit(html: str, classes: str) -> str:
    """Lets a long name break, so that it does not fill a phone's screen."""
    longest = max(map(len, re.sub(r'<[^>]*>', '\n', html).split('\n')))
    return f'{classes} long'.strip() if longest > LONG else classes


def _class(classes: str) -> str:
    return f' class="{classes}"' if classes else ''


def pairs(entries: Sequence[tuple[str, str]]) -> str:
    """A list of terms; values are HTML, and empty ones are left out."""
    kept = [(term, value) for term, value in entries if value]
    return '<dl>' + ''.join(f'<dt>{escape(t)}</dt><dd>{v}</dd>' for t, v in kept) + '</dl>'


def tags(codes: Sequence[tuple[str, str]]) -> str:
    """Warning labels; the sentence shows when the pointer rests on one."""
    return ''.join(
        f'<span class="tag" title="{escape(sentence)}">{escape(code)}</span>'
        for code, sentence in codes
    )


def figure(svg: str) -> str:
    """A figure that scrolls sideways where the screen is narrow."""
    return f'<figure><div class="fig" tabindex="0">{svg}</div></figure>'


def details(summary: str, body: str) -> str:
    """A part that opens on demand."""
    return f'<details><summary>{escape(summary)}</summary>\n{body}\n</details>'


def link(address: str, words: str) -> str:
    """A link, where the address is one a browser should follow; else the words."""
    if address.startswith(('https://', 'http://')):
        return f'<a href="{escape(address)}" rel="noreferrer">{escape(words)}</a>'
    return escape(words)
