"""Small pieces of HTML; every text passes through `escape` once."""

from collections.abc import Sequence
from html import escape as _escape

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
    top = ''.join(f'<th scope="col"{_class(c)}>{h}</th>' for h, c in head)
    body = '\n'.join(
        f'<tr{_class(classes)}><th scope="row">{cells[0][0]}</th>'
        + ''.join(f'<td{_class(c)}>{h}</td>' for h, c in cells[1:])
        + '</tr>'
        for classes, cells in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(name)}"><table>'
        f'<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


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


def figure(svg: str, caption: str) -> str:
    """A figure with its caption, both HTML."""
    note = f'<figcaption>{caption}</figcaption>' if caption else ''
    return f'<figure><div class="fig" tabindex="0">{svg}</div>{note}</figure>'


def details(summary: str, body: str) -> str:
    """A part that opens on demand."""
    return f'<details><summary>{escape(summary)}</summary>\n{body}\n</details>'


def link(address: str, words: str) -> str:
    """A link, where the address is one a browser should follow; else the words."""
    if address.startswith(('https://', 'http://')):
        return f'<a href="{escape(address)}" rel="noreferrer">{escape(words)}</a>'
    return escape(words)
