"""Which version a file's layout has, whether this program reads it, and whether it was changed.

Every JSON file of ours that is read back says the number of its layout. Files from before that
number was written are layout 1. Files that nothing else vouches for carry a seal, the hash of all
the rest, so that a changed byte is told from a value. `docs/formats.md` has the table.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError
from jaxprobe.core.version import VERSION

KEYS = ('schema', 'version')  # Results say `schema`, stores say `version`.
SEAL = 'seal'

# Layouts of files that several rooms read; others stand where the file is written.
RESULT, COMPARISONS, REPORT = 1, 1, 1


def check(path: Path, value: Any, what: str, reads: Sequence[int], remedy: str) -> None:
    """Refuses a file whose layout this program does not read.

    Args:
        path: of the file.
        value: what it holds.
        what: the file, in words.
        reads: layouts that are read.
        remedy: what can be done about another one, beside using the program that wrote it.

    Raises:
        StoreError: it has another layout, or is no JSON object.
    """
    if not isinstance(value, Mapping):
        raise StoreError(f'{path} is damaged (no JSON object): {what}. {_start(remedy)}')
    found = next((value[key] for key in KEYS if key in value), 1)
    if found in reads and not isinstance(found, bool):
        return
    newer = isinstance(found, int) and found > max(reads)
    who = 'a newer jaxprobe wrote it' if newer else 'this program never wrote that'
    raise StoreError(
        f'{path} ({what}) has layout {found!r}, and jaxprobe {VERSION} reads '
        f'{" and ".join(map(str, reads))}: {who}. Use the version that wrote it, or {remedy}'
    )


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """The value with its seal."""
    return {**value, SEAL: _seal(value)}


def read(
    path: Path, what: str, reads: Sequence[int], remedy: str, *, changed: bool = False
) -> dict[str, Any]:
    """Reads a JSON object of a known layout; its seal, where it has one, is checked and left out.

    Args:
        path, what, reads, remedy: as `check`.
        changed: whether one that was changed is read all the same.

    Raises:
        FileNotFoundError: there is no such file.
        StoreError: it is damaged, was changed, or has another layout; see `check`.
    """
    try:
        value = fs.read_json(path)
    except ValueError as error:
        raise StoreError(f'{path} is damaged ({error}): {what}. {_start(remedy)}') from error
    check(path, value, what, reads, remedy)
    seal = value.pop(SEAL, None)
    if not changed and seal is not None and seal != _seal(value):
        raise StoreError(f'{path} ({what}) was changed after it was written. {_start(remedy)}')
    return value


def _seal(value: Mapping[str, Any]) -> str:
    return fs.digest({key: item for key, item in value.items() if key != SEAL}, 32)


def _start(remedy: str) -> str:
    return remedy[:1].upper() + remedy[1:]
