"""Files that are either whole or absent: atomic writes, hashes, temporary litter, free disk."""

import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TEMPORARY = '.tmp-'  # Every unfinished file of ours carries this in its name.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_FORGOTTEN = 24 * 3600  # Seconds after which litter of another machine counts as left behind.


def temporary_name(path: Path) -> Path:
    """Names the unfinished twin of `path`, unique to this process, in the same folder."""
    return path.with_name(f'{path.name}{TEMPORARY}{os.getpid()}.{_machine()}')


@functools.cache
def _machine() -> str:
    """Tells machines that share a disk apart: process numbers do not."""
    return digest(platform.node(), 8)


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yields a temporary path; when the block succeeds it is fsynced and renamed to `path`.

    A process killed inside the block leaves the old file, or none, and litter that
    `sweep` removes; readers never see half a file. What is not `durable` is not fsynced: it can be
    made again, should a power cut take it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        yield temporary
        if durable:
            commit(temporary, path)
        else:
            os.replace(temporary, path)
    except OSError as error:
        raise named(error, path) from None
    finally:
        temporary.unlink(missing_ok=True)


def named(error: OSError, path: Path) -> OSError:
    """The error with the file it is about: a full disk does not say which disk."""
    if error.errno is None:  # numpy's words for a write that was cut short.
        return OSError(errno.EIO, f'{error}; is the disk full?', str(path))
    if error.filename is None:
        error.filename = str(path)
    return error


def reserve(path: Path, size: int) -> None:
    """Takes the disk that a file needs, before it is mapped to memory.

    A page of a mapped file for which there is no disk ends the process without a word.

    Raises:
        OSError: there is not so much.
    """
    with open(path, 'r+b') as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise named(error, path) from None


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


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Writes a file atomically and, unless told otherwise, durably."""
    with replacing(path, durable=durable) as temporary:
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


def sweep(
    folder: Path, *, keep: Callable[[Path], bool] = lambda path: False, below: bool = False
) -> list[Path]:
    """Removes temporary litter left by killed processes; returns what was removed.

    Files of processes that are still alive on this machine are left alone, and so are those of
    other machines for a day.

    Args:
        folder: that is swept.
        keep: says which litter stays.
        below: whether its folders are swept as well.
    """
    removed = []
    found = folder.rglob if below else folder.glob
    for path in sorted(found(f'*{TEMPORARY}*')):
        if not keep(path) and not _in_use(path):
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def _in_use(path: Path) -> bool:
    owner, _, machine = path.name.rsplit(TEMPORARY, 1)[1].partition('.')
    if machine and machine != _machine():
        with contextlib.suppress(FileNotFoundError):
            return time.time() - path.stat().st_mtime < _FORGOTTEN
    return owner.isdigit() and int(owner) != os.getpid() and _alive(int(owner))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Held(Exception):
    """Another process holds a lock; the message says which."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file; the kernel lets go of it however the process ends.

    A disk that knows no locks is used without, and a line says so.

    Raises:
        Held: another process holds it.
        OSError: it cannot be written.
    """
    with open(path, 'a+') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Held(file.read().strip() or 'unknown') from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            print(f'{path.parent} lies on a disk without locks: see that no other run writes there')
        file.truncate(0)
        file.write(f'pid {os.getpid()} on {platform.node()}')
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


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
