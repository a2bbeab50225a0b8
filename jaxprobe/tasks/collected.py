"""From what another library says of its recordings to a task's labels and items.

Adapters (`mirdata_adapter`, `tfds_adapter`) gather one `Found` per recording. What its value means
is decided here, by kind, from its shape alone: no class of the other library is known by name.

    multiclass   text or a number
    multilabel   a list of them; text is one tag
    regression   a number, or a list of numbers
    key          text; a list with one; or an object with `keys`, of which there is one
    beats        an object with `times` and `positions` (1 is a downbeat), in seconds
    frames       an object with `intervals` (seconds) and `labels`

A recording whose value is absent, or is not of the kind, is left out; a note says how many and why.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import key_names
from jaxprobe.tasks.base import SPLITS, Beats, Item, Kind, Segments, Target

KINDS = tuple(kind for kind in Kind if kind is not Kind.SEPARATION)
NO_LABEL = -1  # Of a stretch between segments.

_PARTS = {
    'train': 'train', 'training': 'train', 'valid': 'valid', 'validation': 'valid', 'val': 'valid',
    'dev': 'valid', 'test': 'test', 'testing': 'test', 'eval': 'test', 'evaluation': 'test',
}  # fmt: skip


class Found(NamedTuple):
    """A recording of another library's: where it is, in which part, and what is known of it."""

    id: str
    path: Path
    split: str
    value: Any
    group: str = ''
    duration: float | None = None


class Collected(NamedTuple):
    """What a task is made of."""

    labels: tuple[str, ...]
    items: list[Item]
    notes: tuple[str, ...]


def collect(
    found: Sequence[Found], kind: Kind, *, names: Sequence[str] = (), labels: Sequence[str] = ()
) -> Collected:
    """Reads the values.

    Args:
        found: the recordings.
        kind: of the task.
        names: of the outputs of a regression.
        labels: all there are, in order, where the library knows them; else those that occur.

    Raises:
        DataError: no recording has a value of this kind.
    """
    read, left_out = [], Counter()
    for one in found:
        try:
            read.append((one, _READ[kind](one.value)))
        except ValueError as error:
            left_out[str(error)] += 1
    if not read:
        whys = '; '.join(why for why, _ in left_out.most_common(3)) or 'there are none'
        raise DataError(f'no recording of {len(found)} has a {kind.value} target: {whys}.')
    known = _labels(kind, [value for _, value in read], names, labels)
    items = [
        Item(o.id, o.path, o.split, _target(kind, value, known), duration=o.duration, group=o.group)
        for o, value in read
    ]
    notes = [f'{count} recordings are left out: {why}' for why, count in left_out.most_common(5)]
    items.sort(key=lambda item: (SPLITS.index(item.split), item.id))
    return Collected(known, items, tuple(notes))


def part(name: object) -> str:
    """The part that a library's name of one means, or '' where it is none.

    >>> part('validation'), part('Training'), part('fold3')
    ('valid', 'train', '')
    """
    return _PARTS.get(str(name).lower(), '')


def follow(value: Any, path: str) -> Any:
    """Follows a dotted path of attributes, keys and list positions.

    Raises:
        KeyError: there is nothing of this name; it says what there is.
    """
    for step in path.split('.'):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list | tuple) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif not isinstance(value, Mapping | list | tuple | str) and hasattr(value, step):
            value = getattr(value, step)
        else:
            known = list(value) if isinstance(value, Mapping) else dir(value)
            names = [str(name) for name in known if not str(name).startswith('_')]
            raise KeyError(f'{step!r} of {path!r} is not there', names)
    return value


def _one_name(value: Any) -> str:
    value = _plain(value)
    if isinstance(value, list):
        if len(value) != 1:
            raise ValueError(f'{len(value)} labels, not one')
        value = value[0]
    if value is None or isinstance(value, Mapping) or not str(value).strip():
        raise ValueError('without a label')
    return str(value).strip()


def _names(value: Any) -> tuple[str, ...]:
    value = _plain(value)
    if value is None or isinstance(value, Mapping):
        raise ValueError('without tags')
    parts = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))


def _numbers(value: Any) -> tuple[float, ...]:
    value = _plain(value)
    try:
        numbers = tuple(float(part) for part in (value if isinstance(value, list) else [value]))
    except (TypeError, ValueError):
        raise ValueError('without a number') from None
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ValueError('without a finite number')
    return numbers


def _key(value: Any) -> int:
    name = _one_name(getattr(value, 'keys', value) if not isinstance(value, Mapping) else value)
    try:
        return key_names.index(name)
    except ValueError:
        raise ValueError('whose key is none of the 24') from None


def _beats(value: Any) -> Beats:
    times, positions = (_plain(getattr(value, name, None)) for name in ('times', 'positions'))
    if times is None or positions is None:
        raise ValueError('without beats and their positions in the bar')
    pairs = sorted(zip(times, positions, strict=True))
    downs = tuple(float(time) for time, position in pairs if position == 1)
    return Beats(tuple(float(time) for time, _ in pairs), downs)


def _sections(value: Any) -> list[tuple[float, float, str]]:
    intervals, labels = (_plain(getattr(value, name, None)) for name in ('intervals', 'labels'))
    if not intervals or not labels:
        raise ValueError('without labelled sections')
    rows = sorted((float(a), float(b), str(n)) for (a, b), n in zip(intervals, labels, strict=True))
    rows = [row for row in rows if row[1] > row[0]]
    if not rows:
        raise ValueError('without labelled sections')
    return rows


_READ: dict[Kind, Callable[[Any], Any]] = {
    Kind.MULTICLASS: _one_name,
    Kind.MULTILABEL: _names,
    Kind.REGRESSION: _numbers,
    Kind.KEY: _key,
    Kind.BEATS: _beats,
    Kind.FRAMES: _sections,
}


def _plain(value: Any) -> Any:
    """numpy arrays, tuples and sets become lists; bytes become text."""
    if hasattr(value, 'tolist'):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode('utf-8', 'replace')
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def _labels(
    kind: Kind, values: Sequence[Any], names: Sequence[str], labels: Sequence[str]
) -> tuple[str, ...]:
    if kind is Kind.KEY:
        return key_names.LABELS
    if kind is Kind.BEATS:
        return 'beat', 'downbeat'
    if kind is Kind.REGRESSION:
        widths = sorted({len(value) for value in values})
        if len(widths) > 1:
            raise DataError(f'recordings have {widths[0]} to {widths[-1]} numbers; name one field.')
        own = tuple(str(name) for name in names)
        return own if len(own) == widths[0] else tuple(f'value{k}' for k in range(widths[0]))
    each = {
        Kind.MULTICLASS: lambda value: (value,),
        Kind.MULTILABEL: lambda value: value,
        Kind.FRAMES: lambda value: tuple(name for *_, name in value),
    }[kind]
    return tuple(labels) or tuple(sorted({n for v in values for n in each(v)}, key=_natural))


def _natural(name: str) -> tuple[bool, float, str]:
    """Numbers in numeric order, before words."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name


def _target(kind: Kind, value: Any, labels: Sequence[str]) -> Target:
    if kind is Kind.MULTICLASS:
        return labels.index(value)
    if kind is Kind.MULTILABEL:
        return tuple(sorted(labels.index(name) for name in value))
    if kind is Kind.FRAMES:
        return _segments(value, labels)
    return value


def _segments(rows: Sequence[tuple[float, float, str]], labels: Sequence[str]) -> Segments:
    """Sections in a row; what lies between two of them has no label."""
    starts, own, end = [], [], rows[0][0]
    for start, stop, name in rows:
        if stop <= end:
            continue  # Within the one before it.
        if start > end + 1e-6:
            starts.append(end)
            own.append(NO_LABEL)
        starts.append(max(start, end))
        own.append(labels.index(name))
        end = stop
    return Segments(tuple(starts), tuple(own), end)
