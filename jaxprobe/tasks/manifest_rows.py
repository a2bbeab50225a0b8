"""Reading a user's table of labels: CSV with a header, or JSONL with one object per line.

Mistakes are collected with their line, never raised one by one, so that a table is mended in one
go.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core.errors import DataError, suggest

_SHOWN = 20
_JSON_LINES = ('.jsonl', '.ndjson')


class Row(NamedTuple):
    """One labelled line: its number in the file, and column -> value (text, from a CSV)."""

    line: int
    values: dict[str, Any]


class Mistakes:
    """Everything wrong with one table, in the order of its lines."""

    def __init__(self, path: Path):
        """Starts with none."""
        self._path = path
        self._lines: dict[str, list[int]] = {}

    def add(self, line: int, what: str) -> None:
        """Adds a mistake; line 0 is the table as a whole. One made on many lines is one."""
        self._lines.setdefault(what, []).append(line)

    def raise_any(self) -> None:
        """Raises all of them at once, the first twenty in words.

        Raises:
            DataError: there is at least one.
        """
        if not self._lines:
            return
        ordered = sorted(self._lines.items(), key=lambda mistake: mistake[1])
        shown = [f'  {_where(lines)}{what}' for what, lines in ordered]
        more = len(shown) - _SHOWN
        text = [*shown[:_SHOWN], *([f'  and {more} more'] if more > 0 else [])]
        count = f'{len(shown)} mistake{"s" if len(shown) > 1 else ""}'
        raise DataError(f'{self._path} cannot be used, {count}:\n' + '\n'.join(text))


def _where(lines: list[int]) -> str:
    if lines == [0]:
        return ''
    if len(lines) == 1:
        return f'line {lines[0]}: '
    more = f' and {len(lines) - 3} more' if len(lines) > 3 else ''
    return f'lines {", ".join(map(str, lines[:3]))}{more}: '


def read(path: Path, mistakes: Mistakes) -> tuple[list[str], list[Row]]:
    """Reads a table.

    Args:
        path: a file named .jsonl (or .ndjson), anything else is taken for CSV.
        mistakes: what is wrong with single lines is added here.

    Returns:
        Column names in order of first appearance, and the rows.

    Raises:
        DataError: there is no such file, or it is not text in UTF-8.
    """
    text = _text(path)
    if path.suffix.lower() in _JSON_LINES:
        return _json_lines(text, mistakes)
    if text.lstrip().startswith(('{', '[')):
        mistakes.add(1, 'this looks like JSON: write one object per line and name the file .jsonl')
        return [], []
    return _csv(text, mistakes)


def _text(path: Path) -> str:
    try:
        if not path.is_file():  # A pipe or a device may have no end.
            near = [p.name for p in path.parent.glob('*') if p.suffix in ('.csv', *_JSON_LINES)]
            beside = f' {suggest(path.name, near)}' if near else ''
            raise DataError(f'manifest {path} is not a file.{beside}')
        data = path.read_bytes()
    except (OSError, UnicodeEncodeError) as error:
        why = getattr(error, 'strerror', None) or 'no file can have this name'
        raise DataError(f'manifest {str(path)!r} cannot be read: {why}.') from None
    try:
        return data.decode('utf-8-sig')  # A byte order mark is Excel's habit, and harmless.
    except UnicodeDecodeError as error:
        raise DataError(
            f'{path} is not UTF-8 text (byte {error.start}); save it again as CSV UTF-8.'
        ) from None


def _csv(text: str, mistakes: Mistakes) -> tuple[list[str], list[Row]]:
    # Strict: a quote that nobody closes would make one label of all the lines behind it.
    reader = csv.reader(io.StringIO(text, newline=''), strict=True, skipinitialspace=True)
    lines = _until_damaged(reader, mistakes)
    header = [name.strip() for name in next(lines, [])]
    if not header:
        mistakes.add(0, 'the table is empty: its first line names the columns, path,split,label')
        return [], []
    for separator, name in ((';', 'semicolons'), ('\t', 'tabs')):
        if len(header) == 1 and separator in header[0]:
            mistakes.add(1, f'columns are separated by {name}; save the table with commas')
            return [], []
    for name in sorted({n for n in header if n and header.count(n) > 1}):
        mistakes.add(1, f'column {name!r} appears more than once')
    rows = []
    for values in lines:
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(header):
            mistakes.add(
                reader.line_num,
                f'{len(values)} fields, but the header names {len(header)}; put quotes around a '
                f'value that contains a comma',
            )
            continue
        pairs = zip(header, values, strict=True)
        rows.append(Row(reader.line_num, {n: v.strip() for n, v in pairs if n}))
    return [name for name in header if name], rows


def _until_damaged(reader: Any, mistakes: Mistakes) -> Iterator[list[str]]:
    """Rows of a CSV up to the first that cannot be read, which is added."""
    while True:
        try:
            values = next(reader, None)
        except csv.Error as error:
            mistakes.add(
                reader.line_num,
                f'not CSV: {error}; put a value that has quotes, commas or line breaks in quotes, '
                f'and write each quote in it twice',
            )
            return
        if values is None:
            return
        yield values


def _json_lines(text: str, mistakes: Mistakes) -> tuple[list[str], list[Row]]:
    rows, columns = [], {}
    # JSON has separators of lines within its texts that `splitlines` would break them at.
    for line, content in enumerate(re.split(r'\r\n|\n|\r', text), start=1):
        if not content.strip():
            continue
        try:
            values = json.loads(content, object_pairs_hook=_once)
            if '\\ud' in content.lower():
                json.dumps(values, ensure_ascii=False).encode()
        except json.JSONDecodeError as error:
            mistakes.add(line, f'not JSON: {error.msg} at column {error.colno}')
            continue
        except UnicodeEncodeError:
            mistakes.add(line, 'a text has half a character: a lone \\ud800 to \\udfff')
            continue
        except (ValueError, RecursionError) as error:  # Too many digits, or too deep.
            mistakes.add(line, f'not usable as JSON: {error}')
            continue
        if not isinstance(values, dict):
            mistakes.add(line, f'a JSON {type(values).__name__}, not an object {{...}}')
            continue
        rows.append(Row(line, values))
        columns |= dict.fromkeys(values)
    return list(columns), rows


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON whose keys differ; JSON itself would take the last of two."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f'{", ".join(map(repr, twice))} appears more than once')
    return found
