"""From the rows of a user's table to items: which columns, which labels, which files, which splits.

Everything wrong is added to one `Mistakes`; a value that cannot be read is replaced so that
reading can go on to the next.
"""

import difflib
import math
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import key_names, manifest_rows, sidecars
from jaxprobe.tasks.base import SPLITS, Beats, Item, Kind, Segments, Stems, Target
from jaxprobe.tasks.manifest_rows import Mistakes, Row

_OPTIONAL = ('id', 'start', 'duration', 'group')
_LABEL_COLUMN = {
    Kind.MULTICLASS: 'label',
    Kind.MULTILABEL: 'labels',
    Kind.KEY: 'label',
    Kind.BEATS: 'annotation',
    Kind.FRAMES: 'annotation',
}
BEAT_LABELS = ('beat', 'downbeat')
_MOST = 3e38  # Of a number of a regression: they are trained in float32.
_MEANT = {
    'training': 'train', 'tr': 'train', 'validation': 'valid', 'val': 'valid', 'dev': 'valid',
    'development': 'valid', 'testing': 'test', 'eval': 'test', 'evaluation': 'test',
}  # fmt: skip


def load(
    path: Path, kind: Kind, targets: str = '', stems: str = ''
) -> tuple[list[Item], tuple[str, ...], tuple[str, ...]]:
    """Reads a manifest; returns its items in the order of its lines, its labels, and remarks.

    Args:
        path: of the table.
        kind: of its targets.
        targets: columns of a regression, '' for every column of numbers.
        stems: columns of the paths of stems, for a separation.

    Raises:
        DataError: it cannot be used; the first twenty mistakes are in the message, with lines.
    """
    mistakes = Mistakes(path)
    columns, rows = manifest_rows.read(path, mistakes)
    named = stems if kind is Kind.SEPARATION else targets
    wanted, notes = _columns(columns, rows, kind, named, mistakes)
    mistakes.raise_any()  # Lines make no sense where columns do not.
    _check_types(rows, kind, wanted, mistakes)
    names, read_target = _reader(path.parent, rows, kind, wanted, mistakes)
    items = [_item(path.parent, row, read_target, mistakes) for row in rows]
    _check_ids(items, rows, mistakes)
    _check_splits(rows, mistakes)
    mistakes.raise_any()
    return items, names, (*notes, *_alike(names, kind))


def _columns(
    columns: Sequence[str], rows: Sequence[Row], kind: Kind, targets: str, mistakes: Mistakes
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Chooses the label columns; adds what is missing or misspelt."""
    named = tuple(name.strip() for name in targets.split(',') if name.strip())
    if kind is Kind.REGRESSION:
        spare = [c for c in columns if c not in ('path', 'split', *_OPTIONAL)]
        wanted = named or tuple(c for c in spare if any(_is_number(r.values.get(c)) for r in rows))
    elif kind is Kind.SEPARATION:
        wanted = named
        if columns and not named:
            mistakes.add(1, "kind=separation needs the columns of its stems: stems='vocals,drums'")
    else:
        wanted = (_LABEL_COLUMN[kind],)
    known = ('path', 'split', *wanted, *_OPTIONAL)
    unused = [c for c in columns if c not in known]
    missing = [c for c in ('path', 'split', *wanted) if c not in columns]
    for column in missing if columns else ():
        mistakes.add(1, f'column {column!r} is missing{_instead(column, unused)}')
    if columns and kind is Kind.REGRESSION and not wanted:
        mistakes.add(
            1, 'kind=regression needs at least one column of numbers beside path and split'
        )
    for column in unused:
        near = _near(column, [c for c in (*_OPTIONAL, *wanted) if c not in columns])
        if near and near not in missing:
            mistakes.add(1, f'column {column!r} is unknown. Did you mean {near!r}?')
    notes = [f'columns not used: {", ".join(unused)}'] if unused else []
    if kind is Kind.REGRESSION and not named:
        notes.append(f'targets: {", ".join(wanted)} (every other column with numbers)')
    return wanted, tuple(notes)


def _instead(column: str, unused: Sequence[str]) -> str:
    twin = {'label': 'labels', 'labels': 'label'}.get(column)
    if twin in unused:
        kind = 'multilabel' if twin == 'labels' else 'multiclass'
        return f', but {twin!r} is there; is this kind={kind}?'
    found = f'; found {", ".join(map(repr, unused))}' if unused else ''
    return f'{found}. A manifest has path, split, and label, labels, annotation, stems or numbers'


def _near(name: str, known: Sequence[str]) -> str:
    """The known name this is most likely a slip of, or ''."""
    return next(iter(difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75)), '')


def _is_number(value: Any) -> bool:
    return _number(value) is not None


def _number(value: Any) -> float | None:
    """Reads a finite number, or None."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if isinstance(value, str) and '_' in value:  # Python's own way to write 1000 as 1_000.
        return None
    return number if math.isfinite(number) else None


def _check_types(
    rows: Sequence[Row], kind: Kind, wanted: Sequence[str], mistakes: Mistakes
) -> None:
    """Adds values of JSON that are neither text nor numbers where a table would have text."""
    named = ('path', 'split', 'id', 'group', *(wanted if kind is not Kind.REGRESSION else ()))
    paths = ('path', *(wanted if kind is Kind.SEPARATION else ()))
    for row in rows:
        for column in named:
            value = row.values.get(column)
            many = kind is Kind.MULTILABEL and column in wanted and isinstance(value, list)
            for part in value if isinstance(value, list) and many else [value]:
                plain = part is None or isinstance(part, str) or _number(part) is not None
                if (
                    not plain
                    or (many and part is None)
                    or (column == 'path' and _is_number(value) and not isinstance(value, str))
                ):
                    shown = repr(value) if len(repr(value)) < 80 else f'{repr(value)[:80]}...'
                    mistakes.add(row.line, f'{column}={shown} is not text')
                    break
            if column in paths and '\0' in str(value):
                mistakes.add(row.line, f'{column}={value!r} has a NUL character')


def _alike(names: Sequence[str], kind: Kind) -> Iterator[str]:
    """Remarks on labels that a reader would take for one: capitals, spaces, 1 and 1.0."""
    if kind not in (Kind.MULTICLASS, Kind.MULTILABEL, Kind.FRAMES):
        return
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        seen = unicodedata.normalize('NFKC', name).casefold()
        seen = ''.join(c for c in seen if unicodedata.category(c) != 'Cf')  # Zero width.
        number = _number(seen)
        words = ' '.join(re.split(r'[\s_-]+', seen))
        groups[words if number is None else repr(number)].append(name)
    found = [' and '.join(map(ascii, own)) for own in groups.values() if len(own) > 1]
    if found:
        more = f' and {len(found) - 5} more' if len(found) > 5 else ''
        yield f'labels that look alike are different labels: {"; ".join(found[:5])}{more}'


ReadTarget = Callable[[Row], Target]


def _reader(
    folder: Path, rows: Sequence[Row], kind: Kind, wanted: Sequence[str], mistakes: Mistakes
) -> tuple[tuple[str, ...], ReadTarget]:
    """Returns the labels, and how a row's target is read; what cannot be read is added."""
    if kind is Kind.BEATS:
        return BEAT_LABELS, lambda row: _beats(folder, row, mistakes)
    if kind is Kind.FRAMES:
        return _frames(folder, rows, mistakes)
    if kind is Kind.SEPARATION:
        return tuple(wanted), lambda row: _stems(folder, row, wanted, mistakes)
    if kind is Kind.REGRESSION:
        return tuple(wanted), lambda row: _numbers(row, wanted, mistakes)
    if kind is Kind.KEY:
        return key_names.LABELS, lambda row: _key(row, mistakes)
    many = kind is Kind.MULTILABEL
    split = {row.line: _tags(row) if many else _label(row) for row in rows}
    names = tuple(sorted({name for own in split.values() for name in own}, key=_natural))
    index = {name: k for k, name in enumerate(names)}

    def read(row: Row) -> Target:
        indices = tuple(sorted({index[name] for name in split[row.line]}))
        if many:
            return indices
        if not indices:
            mistakes.add(row.line, 'label is empty')
        return indices[0] if indices else 0

    return names, read


def _label(row: Row) -> list[str]:
    value = row.values.get('label')
    text = '' if value is None else _composed(value)
    return [text] if text else []


def _tags(row: Row) -> list[str]:
    value = row.values.get('labels')
    parts = value if isinstance(value, list) else str('' if value is None else value).split('|')
    return [text for part in parts if (text := _composed(part))]


def _composed(value: Any) -> str:
    """A label without spaces around it and with its accents composed: what looks one is one."""
    return unicodedata.normalize('NFC', str(value).strip())


def _natural(name: str) -> tuple[bool, float, str]:
    """Numbers in numeric order, before words."""
    number = _number(name)
    return (number is None, number or 0.0, name)


def _key(row: Row, mistakes: Mistakes) -> int:
    try:
        return key_names.index(str(row.values.get('label') or ''))
    except ValueError as error:
        mistakes.add(row.line, str(error))
        return 0


def _annotation(folder: Path, row: Row, mistakes: Mistakes) -> Path | None:
    """The sidecar of a row; None, and a mistake, where it names none."""
    text = _text(row.values, 'annotation')
    if not text:
        mistakes.add(row.line, 'annotation is empty')
        return None
    return _file(folder, text)


def _beats(folder: Path, row: Row, mistakes: Mistakes) -> Beats:
    path = _annotation(folder, row, mistakes)
    start, duration = _where(row)
    try:
        whole = sidecars.beats(path) if path else Beats((), ())
    except DataError as error:
        mistakes.add(row.line, str(error))
        return Beats((), ())
    found, _ = sidecars.beats_within(whole, start, duration)
    if path and not found.beats:
        mistakes.add(row.line, f'{path} has no beat within the item')
    return found


def _frames(
    folder: Path, rows: Sequence[Row], mistakes: Mistakes
) -> tuple[tuple[str, ...], ReadTarget]:
    own = {row.line: _stretches(folder, row, mistakes) for row in rows}
    names = {name for found in own.values() if found for name in found.names}
    ordered = tuple(sorted(names - {sidecars.UNLABELLED}, key=_natural))
    index = {name: k for k, name in enumerate(ordered)}
    if rows and len(ordered) < 2 and all(own.values()):
        mistakes.add(
            0, f'the annotations have {len(ordered)} labels; there is nothing to tell apart'
        )

    def read(row: Row) -> Target:
        found = own[row.line]
        return sidecars.segments(found, index) if found else Segments((0.0,), (-1,), 1.0)

    return ordered, read


def _stretches(folder: Path, row: Row, mistakes: Mistakes) -> sidecars.Stretches | None:
    path = _annotation(folder, row, mistakes)
    if path is None:
        return None
    start, duration = _where(row)
    try:
        found = sidecars.stretches_within(sidecars.stretches(path), start, duration)
    except DataError as error:
        mistakes.add(row.line, str(error))
        return None
    if found is None or set(found.names) == {sidecars.UNLABELLED}:
        mistakes.add(row.line, f'{path} has no labelled segment within the item')
        return None
    return found


def _where(row: Row) -> tuple[float, float | None]:
    """Start and duration of an item; what is wrong with them is said where the item is made."""
    return _number(row.values.get('start')) or 0.0, _number(row.values.get('duration'))


def _stems(folder: Path, row: Row, wanted: Sequence[str], mistakes: Mistakes) -> Stems:
    texts = [_text(row.values, column) for column in wanted]
    for column, text in zip(wanted, texts, strict=True):
        if not text:
            mistakes.add(row.line, f'{column} is empty')
    return Stems(tuple(_file(folder, text) for text in texts))


def _numbers(row: Row, wanted: Sequence[str], mistakes: Mistakes) -> tuple[float, ...]:
    numbers = []
    for column in wanted:
        number = _number(row.values.get(column))
        if number is None or abs(number) > _MOST:
            mistakes.add(row.line, f'{column}={row.values.get(column)!r} is not a finite number')
        numbers.append(number or 0.0)
    return tuple(numbers)


def _item(folder: Path, row: Row, read_target: ReadTarget, mistakes: Mistakes) -> Item:
    values = row.values
    text = str(values.get('path') or '')
    if not text:
        mistakes.add(row.line, 'path is empty')
    split = str(values.get('split') or '')
    if split not in SPLITS:
        meant = _MEANT.get(split.lower()) or _near(split, SPLITS)
        hint = f'; did you mean {meant!r}?' if meant else ''
        mistakes.add(row.line, f'split {split!r} is not train, valid or test{hint}')
    path = _file(folder, text)
    if '\\' in text and not os.path.exists(path):
        mistakes.add(row.line, f'path {text!r} has backslashes; write /')
    start = seconds(row, 'start', mistakes)
    return Item(
        id=_text(values, 'id') or (f'{text}@{start:g}' if start else text),
        path=path,
        split=split,
        target=read_target(row),
        start=start or 0.0,
        duration=seconds(row, 'duration', mistakes),
        group=_text(values, 'group'),
    )


def _text(values: dict[str, Any], column: str) -> str:
    value = values.get(column)
    return '' if value is None else str(value).strip()


def seconds(row: Row, column: str, mistakes: Mistakes) -> float | None:
    """A time in seconds; None where the column is empty or absent. Nonsense is added."""
    value = row.values.get(column)
    if value is None or value == '':
        return None
    number = _number(value)
    if number is None:
        mistakes.add(row.line, f'{column}={value!r} is not a number of seconds')
    elif number < 0 or (column == 'duration' and number == 0):
        least = 'positive' if column == 'duration' else 'at least 0'
        mistakes.add(row.line, f'{column}={value} must be {least}')
    return number


def _file(folder: Path, text: str) -> Path:
    """The audio file; accents may be composed in the table and decomposed on disk, or reverse."""
    path = folder / text
    if text.isascii() or os.path.exists(path):  # Of names that no file can have, False.
        return path
    for form in ('NFC', 'NFD'):
        other = folder / unicodedata.normalize(form, text)
        if os.path.exists(other):
            return other
    return path


def _check_ids(items: Sequence[Item], rows: Sequence[Row], mistakes: Mistakes) -> None:
    first: dict[str, int] = {}
    for item, row in zip(items, rows, strict=True):
        if item.id in first:
            hint = '' if row.values.get('id') else ' (path and start); give each line an `id`'
            mistakes.add(row.line, f'repeats {item.id!r} of line {first[item.id]}{hint}')
        first.setdefault(item.id, row.line)


def _check_splits(rows: Sequence[Row], mistakes: Mistakes) -> None:
    present = {str(row.values.get('split') or '') for row in rows}
    if not rows:
        mistakes.add(0, 'there are no rows below the header')
    elif not present <= set(SPLITS):
        return  # Misspelt splits are reported line by line; empty ones may follow from them.
    elif 'valid' not in present:
        mistakes.add(
            0,
            "no row has split 'valid'. Layer, learning rate and epoch are chosen on it, so it "
            "cannot be the test: change about a tenth of the 'train' rows to 'valid', whole "
            'groups (artists, songs) at a time',
        )
    for split in ('train', 'test'):
        if rows and split not in present:
            mistakes.add(0, f'no row has split {split!r}')
