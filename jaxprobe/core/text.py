"""Plain text for a terminal: rows as columns."""

from collections.abc import Sequence
from typing import Any


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Lays rows out in columns, in the order of the first row's keys."""
    if not rows:
        return 'none'
    cells = [[key.replace('_', ' ') for key in rows[0]]]
    cells += [[_text(value) for value in row.values()] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = ['  '.join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in cells]
    return '\n'.join([lines[0], '  '.join('-' * w for w in widths), *lines[1:]])


def _text(value: Any) -> str:
    if value is None:
        return '-'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    return str(value)
