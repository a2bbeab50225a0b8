"""Files that are either whole or absent: atomic writes, hashes, temporary litter, free disk."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TEMPORARY = '.tmp-'  # Every unfinished file of ours carries this in its name.


def temporary_name(path: Path) -> Path:
    """Names the unfinished twin of `path`, unique to this process, in the same folder."""
    return path.with_name(f'{path.name}{TEMPORARY}{os.getpid()}')


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path; when the block succeeds it is fsynced and renamed to `path`.

    A process killed inside the block leaves the old file, or none, and litter that
    `sweep` removes; readers never see half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        yield temporary
        commit(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def commit(temporary: Path, path: Path) -> None:
    """Makes a finished temporary file durable and visible under its final name."""
    with open(temporary, 'rb') as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file atomically and durably."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON with sorted keys, so that equal values are equal bytes."""
    write_bytes(path, (json.dumps(value, indent=1, sort_keys=True) + '\n').encode())


def read_json(path: Path) -> Any:
    """Reads JSON.

    Raises:
        FileNotFoundError: there is no such file.
        json.JSONDecodeError: the file is not JSON.
    """
    return json.loads(path.read_text())


def sweep(folder: Path, *, keep: Callable[[Path], bool] = lambda path: False) -> list[Path]:
    """Removes temporary litter left by killed processes; returns what was removed.

    Files of processes that are still alive on this machine are left alone.
    """
    removed = []
    for path in sorted(folder.glob(f'*{TEMPORARY}*')):
        owner = path.name.rsplit(TEMPORARY, 1)[1].split('.')[0]
        if keep(path) or (owner.isdigit() and int(owner) != os.getpid() and _alive(int(owner))):
            continue
        path.unlink(missing_ok=True)
        removed.append(path)
    return removed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sha256(path: Path) -> str:
    """Hashes a file's bytes (hex)."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def digest(value: Any, length: int = 16) -> str:
    """Hashes any JSON value, keys sorted; `length` hex digits of its sha256."""
    text = json.dumps(value, sort_keys=True, separators=(',', ':'))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def free_bytes(path: Path) -> int:
    """Free disk at `path`, or at the nearest folder above it that exists."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
