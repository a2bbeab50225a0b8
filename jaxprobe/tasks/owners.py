"""What readers of data sets in their owners' layouts share: places, tables, and the survey.

A reader turns the owner's own metadata into items. Where the copy on disk is a part of the data
set, or another version of it, nothing stops, but `prepare` says so: its counts are held against
the card's, and its split against the sha256 of the published one where that is known.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxprobe.core.errors import DataError
from jaxprobe.tasks.base import SPLITS, DatasetCard, Item, Kind, Preparation


def root(data_dir: Path, places: Sequence[str], marker: str, card: DatasetCard) -> Path:
    """The first of the places below the data directory that holds `marker`, a relative path.

    Raises:
        DataError: none does; the message names the places and how to get the data.
    """
    for place in places:
        if (data_dir / place / marker).exists():
            return data_dir / place
    raise DataError(
        f'{card.title} is not below {data_dir}: none of {", ".join(places)} holds {marker}. '
        f'{card.how_to_get}'
    )


def first(candidates: Sequence[Path]) -> Path:
    """The first path that is a file, or the first of all: where a missing file is expected."""
    return next((path for path in candidates if path.is_file()), candidates[0])


def text(path: Path) -> str:
    """Reads a text file as it is, but for a byte order mark.

    Raises:
        DataError: it is not there, or not UTF-8.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # It may have no end.
            raise DataError(f'{path} is a device, pipe or socket, not a file of text.')
        return path.read_bytes().decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise DataError(f'{path} is not UTF-8 text (byte {error.start}).') from None
    except (OSError, ValueError) as error:  # A name that no file can have is a ValueError.
        why = getattr(error, 'strerror', None) or error
        raise DataError(f'{path} cannot be read ({why}).') from None


def table(path: Path, columns: Sequence[str], delimiter: str = ',') -> list[dict[str, str]]:
    """Reads an owner's table with a header; spaces around names and values are no part of them.

    Raises:
        DataError: it is not there, not text, or lacks one of `columns`, as a whole or in a row.
    """
    reader = csv.reader(io.StringIO(text(path), newline=''), delimiter=delimiter)
    header = [name.strip() for name in next(reader, [])]
    lacking = [name for name in columns if name not in header]
    if lacking:
        raise DataError(
            f'{path} has no column {", ".join(map(repr, lacking))}; it has '
            f"{', '.join(map(repr, header)) or 'none'}. Fetch the owner's file again."
        )
    rows = []
    for values in reader:
        if not any(values):
            continue
        row = dict(zip(header, (value.strip() for value in values)))
        cut = [name for name in columns if name not in row]
        if cut:
            raise DataError(
                f'{path}, line {reader.line_num}: {", ".join(map(repr, cut))} is missing; the line '
                f"has {len(values)} fields, the header {len(header)}. Fetch the owner's file again."
            )
        rows.append(row)
    return rows


def json_object(path: Path) -> dict[str, Any]:
    """Reads a file that holds one JSON object.

    Raises:
        DataError: it is not there, or holds something else.
    """
    try:
        value = json.loads(text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f'{path} is not JSON ({error}). Fetch it again.') from None
    if not isinstance(value, dict):
        raise DataError(f'{path} holds a JSON {type(value).__name__}, not an object {{...}}.')
    return value


def number(row: Mapping[str, str], column: str, where: str) -> float:
    """Reads a number from a row of a table.

    Raises:
        DataError: it is none; the message says where.
    """
    try:
        return float(row[column])
    except (KeyError, ValueError):
        raise DataError(f'{where}: {column}={row.get(column)!r} is not a number.') from None


def preparing(
    card: DatasetCard,
    kind: Kind,
    labels: Sequence[str],
    items: Callable[[Path], list[Item]],
    *,
    notes: Sequence[str] = (),
    split_sha256: str = '',
    whole: int = 0,
) -> Callable[[Path], Preparation]:
    """Makes the `prepare` of a task whose items are read from the owner's metadata.

    Args:
        card: with the counts of the whole data set.
        kind: of the task.
        labels: of the task.
        items: of the task.
        notes: what a user has to know in any case.
        split_sha256: of the published split, as `targets.split_sha256` gives it; '' if unknown.
        whole: items of all splits together, where the card knows those of no split.
    """

    def prepare(data_dir: Path) -> Preparation:
        from jaxprobe.tasks import audit  # Brings numpy, which listing tasks does without.

        try:
            listed = items(data_dir)
        except DataError as error:
            return Preparation(
                usable=False,
                found=dict.fromkeys(SPLITS, 0),
                expected=dict(card.items),
                excluded=card.broken,
                notes=(*notes, str(error)),
            )
        found = audit.survey(listed, kind, labels, excluded=card.broken, notes=notes)
        remarks = []
        if card.items and dict(found.expected) != dict(card.items):
            remarks.append(_another(found.expected, card.items))
        elif whole and sum(found.expected.values()) != whole:
            remarks.append(fewer(sum(found.expected.values()), whole))
        elif split_sha256 and found.split_sha256 != split_sha256:
            remarks.append(
                f'ids, splits or labels are not the published ones, whose sha256 is {split_sha256}'
            )
        return dataclasses.replace(found, notes=(*found.notes, *remarks))

    return prepare


def fewer(here: int, whole: int, what: str = 'items') -> str:
    """Says that a copy is not the whole data set."""
    return (
        f'the copy here has {here} {what}, the data set {whole}: scores cannot be compared with '
        f'published ones'
    )


def _another(listed: Mapping[str, int], whole: Mapping[str, int]) -> str:
    here, there = (' / '.join(str(counts[s]) for s in SPLITS) for counts in (listed, whole))
    return (
        f'the metadata here list {here} items, the data set has {there}: scores cannot be compared '
        f'with published ones'
    )
