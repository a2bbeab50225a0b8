"""Bytes out of zips, gzip streams and folders, in proportion to what lies there.

Weights hardly compress: a kilobyte that unpacks to a gigabyte is no checkpoint, and is refused
before the gigabyte exists. So are what reads without end (a device, a pipe) and a zip in which a
name stands twice, where two readers would see two files.
"""

import os
import stat
import zipfile
import zlib
from pathlib import Path

FLOOR, RATIO = 16 << 20, 16  # Bytes that may come of any file, and more per byte of it.
STREAMS = 1000  # Of which a gzip file may consist.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# What a damaged zip raises in the standard library.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, LookupError)


def limit(size: int) -> int:
    """The most bytes that may come of a file of `size` bytes.

    >>> limit(0) == FLOOR
    True
    """
    return FLOOR + RATIO * size


def checked(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """A member that is safe to unpack.

    Raises:
        KeyError: there is none of this name.
        ValueError: it is there twice, claims too much, or is packed in an uncommon way.
    """
    info = archive.getinfo(name)
    if archive.namelist().count(name) > 1:
        raise ValueError(f'it holds {name!r} twice')
    size = os.fstat(archive.fp.fileno()).st_size if archive.fp else 0
    if info.file_size > limit(size):
        raise ValueError(f'{name!r} would unpack to {info.file_size} bytes, of a file of {size}')
    if info.compress_type not in METHODS or info.flag_bits & 1:
        raise ValueError(f'{name!r} is encrypted, or packed by an uncommon method')
    return info


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Unpacks a member, checked against its sum; see `checked`."""
    return archive.read(checked(archive, name))


def gunzip(data: bytes) -> bytes:
    """Unpacks a gzip file, checked against its sums.

    Raises:
        ValueError, EOFError, zlib.error: it is damaged, cut short, or unpacks to too much.
    """
    rest, found, most = memoryview(data), b'', limit(len(data))
    for _ in range(STREAMS):
        stream = zlib.decompressobj(31)
        found += stream.decompress(rest, most + 1 - len(found))
        if len(found) > most:
            raise ValueError(f'it would unpack to more than {most} bytes')
        if not stream.eof:
            raise EOFError('the gzip stream has no end')
        rest = memoryview(stream.unused_data)
        if not bytes(rest).strip(b'\x00'):  # Padding is common.
            return found
    raise ValueError(f'it consists of more than {STREAMS} gzip streams')


def read_file(path: Path) -> bytes:
    """The bytes of a file, which may be a link to one.

    Raises:
        OSError: it is not there, or is a folder, a pipe or a device, whose bytes have no end.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f'{path} is no regular file')
    return path.read_bytes()
