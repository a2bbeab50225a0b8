"""Annotations that lie beside the audio: beats and labelled stretches, in files of their own.

    <name>.jams     JSON Annotated Music Specification: namespace `beat`, or `segment_*`
    <name>.beats    a line per beat: its time, and its position in the bar, where 1 is a downbeat
    any other text  a line per segment: the time it begins, and its label; a last label `end` says
                    where the last segment ends, otherwise it reaches to the end of the item

Columns of text are separated by tabs, spaces or commas; empty lines and lines that begin with #
are skipped. A file named .beats is no file of segments, and lines `start end label` are refused:
their ends would be read as labels. Times are seconds from the beginning of the audio file, also
where an item is a part of it: `beats_within` and `stretches_within` cut and shift. Observations of
a JAMS file may be a list of objects or an object of lists (JAMS 0.3 and 0.2 write them so).
"""

import contextlib
import itertools
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import owners
from jaxprobe.tasks.base import Beats, Segments

TO_THE_END = 1e9  # Seconds; the end of a last segment that nothing ends: windows do.
UNLABELLED = '-'  # A stretch that is neither trained on nor scored.
_END = 'end'
_DOWNBEAT = 1


class Stretches(NamedTuple):
    """Segments by name: each reaches to the next one's start, the last to `end`, in seconds."""

    starts: tuple[float, ...]
    names: tuple[str, ...]
    end: float


def beats(path: Path) -> Beats:
    """Reads beats and downbeats; a file without positions has no downbeats.

    Raises:
        DataError: the file is not there, or a line of it is not a beat.
    """
    if path.suffix.lower() == '.jams':
        return beats_of_jams(jams(path), str(path))
    found = [(_time(fields[0], where), fields[1:], where) for fields, where in _lines(path)]
    times = [time for time, _, _ in found]
    down = [time for time, rest, where in found if rest and _position(rest[0], where) == _DOWNBEAT]
    return Beats(_ascending(times, path), _ascending(down, path))


def stretches(path: Path) -> Stretches:
    """Reads labelled stretches.

    Raises:
        DataError: the file is not there, a line is not `time label`, or there is no segment.
    """
    if path.suffix.lower() == '.jams':
        return stretches_of_jams(jams(path), str(path))
    if path.suffix.lower() == '.beats':
        raise DataError(
            f'{path} is a file of beats: kind=beats reads it. If its second column is labels of '
            f'segments, name it .txt.'
        )
    lines, found = _lines(path), []
    _refuse_intervals(lines, path)
    for fields, where in lines:
        if len(fields) < 2:
            raise DataError(f'{where}: {" ".join(fields)!r} is not a time and a label.')
        found.append((_time(fields[0], where), _name(fields[1:])))
    return closed(found, path)


def closed(found: Sequence[tuple[float, str]], path: Path, end: float = TO_THE_END) -> Stretches:
    """Stretches of lines in order of time, the last of which may be named `end`.

    Args:
        found: (time, name).
        path: where they were read.
        end: of the last one, where no line says it.

    Raises:
        DataError: there is none, or times do not ascend.
    """
    if found and found[-1][1].lower() == _END:
        end, found = found[-1][0], found[:-1]
    if not found:
        raise DataError(f'{path} holds no labelled segment.')
    _ascending([*(time for time, _ in found), end], path)
    return Stretches(tuple(t for t, _ in found), tuple(name for _, name in found), end)


def jams(path: Path) -> dict[str, Any]:
    """Reads a JAMS file.

    Raises:
        DataError: it is not there, or no JAMS.
    """
    try:
        value = json.loads(owners.text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f'{path} is not JSON ({error}).') from None
    if not isinstance(value, dict) or not isinstance(value.get('annotations'), list):
        raise DataError(f'{path} is no JAMS file: it has no list `annotations`.')
    return value


def beats_of_jams(file: Mapping[str, Any], path: str) -> Beats:
    """Beats of a JAMS file: all of its `beat` annotation, and which of them begin a bar.

    GTZAN-Rhythm says in `sandbox.annotation_type` which annotation holds the beats and which the
    downbeats; elsewhere a beat's value is its position in the bar.

    Raises:
        DataError: there is no annotation of beats, or an observation has no time.
    """
    found = [a for a in file['annotations'] if _namespace(a) == 'beat']
    kinds = [_annotation_type(a) for a in found]
    if 'beat' in kinds:
        own = _observations(found[kinds.index('beat')], path)
        down = found[kinds.index('downbeat')] if 'downbeat' in kinds else {'data': []}
        starts = [time for time, _, _ in _observations(down, path)]
    elif found:
        own = _observations(found[0], path)
        starts = [time for time, _, value in own if value == _DOWNBEAT]
    else:
        raise DataError(f'{path} has no annotation of namespace `beat`.')
    where = Path(path)
    return Beats(_ascending([time for time, _, _ in own], where), _ascending(starts, where))


def stretches_of_jams(file: Mapping[str, Any], path: str) -> Stretches:
    """Stretches of the first annotation of a namespace `segment...`; gaps have no label.

    Raises:
        DataError: there is none, or segments overlap.
    """
    named = [a for a in file['annotations'] if _namespace(a).startswith('segment')]
    if not named:
        raise DataError(f'{path} has no annotation of a namespace `segment...`.')
    found, at = [], None
    for time, seconds, value in sorted(_observations(named[0], path), key=lambda o: o[0]):
        if seconds <= 0 and str(value).lower() == _END:
            break
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise DataError(f'{path}: the segment at {time:g} s has no label but {value!r}.')
        if at is not None and time < at - 1e-3:
            raise DataError(
                f'{path}: segments overlap: one begins at {time:g} s, the one before ends at '
                f'{at:g} s.'
            )
        if at is not None and time > at + 1e-3:
            found.append((at, UNLABELLED))
        found.append((time, _name([str(value)])))
        at = time + seconds if seconds > 0 else None
    return closed(found, Path(path), TO_THE_END if at is None else at)


def beats_within(whole: Beats, start: float, duration: float | None) -> tuple[Beats, int]:
    """Beats of an item that begins at `start` of its file, and how many lie after its end."""
    end = math.inf if duration is None else duration
    moved = [[time - start for time in times if time >= start] for times in whole]
    kept = Beats(*(tuple(time for time in times if time < end) for times in moved))
    return kept, len(moved[0]) - len(kept.beats)


def stretches_within(whole: Stretches, start: float, duration: float | None) -> Stretches | None:
    """Stretches of an item that begins at `start` of its file; None where it has none."""
    edges = [*whole.starts[1:], whole.end]
    end = math.inf if duration is None else start + duration
    kept = [
        (max(begin, start) - start, name)
        for begin, stop, name in zip(whole.starts, edges, whole.names, strict=True)
        if stop > start and begin < end
    ]
    if not kept:
        return None
    last = min(whole.end, end) - start if whole.end < TO_THE_END or duration else TO_THE_END
    return Stretches(tuple(time for time, _ in kept), tuple(name for _, name in kept), last)


def segments(own: Stretches, index: Mapping[str, int]) -> Segments:
    """Stretches as a target; names that have no index, and `-`, do not count."""
    labels = tuple(-1 if name == UNLABELLED else index.get(name, -1) for name in own.names)
    return Segments(own.starts, labels, own.end)


def _lines(path: Path) -> list[tuple[list[str], str]]:
    """Fields of the lines that say something, and where each stands."""
    return [
        ([field for field in re.split(r'[\s,]+', line.strip()) if field], f'{path}, line {number}')
        for number, line in enumerate(re.split(r'\r\n|\n|\r', owners.text(path)), start=1)
        if line.strip() and not line.lstrip().startswith('#')
    ]


def _time(text: Any, where: str) -> float:
    try:
        time = math.nan if isinstance(text, bool) or '_' in str(text) else float(text)
    except (TypeError, ValueError, OverflowError):
        time = math.nan
    if not math.isfinite(time) or time < 0:
        raise DataError(f'{where}: {text!r} is not a time in seconds.')
    return time


def _position(text: str, where: str) -> int:
    with contextlib.suppress(ValueError, OverflowError):
        if '_' not in text and int(float(text)) == float(text):
            return int(float(text))
    raise DataError(
        f'{where}: {text!r} is not a position in the bar: 1 on a downbeat, then 2, 3, ...'
    )


def _name(parts: Sequence[str]) -> str:
    """A label; accents composed, so that what looks the same is the same."""
    return unicodedata.normalize('NFC', ' '.join(parts))


def _refuse_intervals(lines: Sequence[tuple[list[str], str]], path: Path) -> None:
    """Refuses lines `start end label`, whose ends would become a part of every label.

    Raises:
        DataError: all lines have two numbers and more, as intervals in order have them.
    """
    edges: list[float] = []
    for fields, where in lines:
        try:
            edges += [_time(fields[0], where), _time(fields[1], where)]
        except (DataError, IndexError):
            return
        if len(fields) < 3:
            return
    grow = all(a < b for a, b in zip(edges[::2], edges[1::2], strict=True))
    if edges and grow and all(a <= b + 1e-3 for a, b in zip(edges[1::2], edges[2::2])):
        raise DataError(
            f'{path}: its lines are `start end label`. Write `start label`, and last a line '
            f'`{edges[-1]:g} end`; a gap is a line with the label `-`.'
        )


def _ascending(times: Sequence[float], path: Path) -> tuple[float, ...]:
    for before, after in itertools.pairwise(times):
        if not before < after:
            raise DataError(f'{path}: times must ascend, but {after:g} s follows {before:g} s.')
    return tuple(times)


def _annotation_type(annotation: Mapping[str, Any]) -> str:
    sandbox = annotation.get('sandbox')
    return str(sandbox.get('annotation_type', '')) if isinstance(sandbox, dict) else ''


def _namespace(annotation: Any) -> str:
    return str(annotation.get('namespace', '')) if isinstance(annotation, dict) else ''


def _observations(annotation: Mapping[str, Any], path: str) -> list[tuple[float, float, Any]]:
    """(time, duration, value) of every observation."""
    data = annotation.get('data') or []
    parts, of = (data.values(), list) if isinstance(data, dict) else (data, dict)
    if not isinstance(parts, Iterable) or not all(isinstance(p, of | None) for p in parts):
        raise DataError(
            f'{path}: `data` of an annotation is neither a list of objects nor an object of lists.'
        )
    if isinstance(data, dict):
        times = data.get('time') or []
        columns = [data.get(name) or [None] * len(times) for name in ('duration', 'value')]
        if any(len(column) != len(times) for column in columns):
            raise DataError(f'{path}: the lists of an annotation differ in length.')
        rows = [*zip(times, *columns)]
    else:
        rows = [(o.get('time'), o.get('duration'), o.get('value')) for o in data if o]
    return [
        (_time(time, path), 0.0 if seconds is None else _time(seconds, path), value)
        for time, seconds, value in rows
    ]
