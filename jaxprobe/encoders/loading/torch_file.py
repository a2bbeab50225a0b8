"""Reads torch's zip and legacy files with numpy alone, running nothing they bring along.

Tensors come back as read-only views of the memory-mapped file, so a file of any size costs no
memory until its tensors are used. How they are described is `torch_pickle`'s matter.

Source: `torch/serialization.py` of torch 2 (the formats are documented there only).
"""

import math
import mmap
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading.torch_pickle import MemoryFile, Tensor, storages, unpickle

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
VIEWED = 16  # Bytes of tensors per byte of a file: an expanded view costs nothing until copied.
NESTS = ('state_dict', 'model_state_dict', 'model', 'module', 'params')

# What damaged pickles, zips and headers raise in the standard library.
_DAMAGE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
    OSError,
)


def read(path: Path) -> dict[str, np.ndarray]:
    """Reads the state dict of a torch file.

    Returns:
        Name -> read-only array (bfloat16 as `ml_dtypes.bfloat16`), strides as saved. A state
        dict nested under one of `NESTS`, as training frameworks write it, is found.

    Raises:
        WeightsError: not a torch file, damaged, or it names what is not plain tensors.
    """
    try:
        with open(path, 'rb') as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        found, bytes_of = _read_zip(view) if bytes(view[:2]) == b'PK' else _read_legacy(view)
        described = _state_dict(found)
        tensors = {name: _materialise(t, bytes_of, len(view)) for name, t in described.items()}
        total = sum(tensor.nbytes for tensor in tensors.values())
        if total > VIEWED * len(view):
            raise ValueError(f'tensors of {total} bytes in a file of {len(view)}')
        return tensors
    except WeightsError as error:
        raise WeightsError(f'{path} {error}') from None
    except _DAMAGE as error:
        raise WeightsError(
            f'{path} is not a whole torch checkpoint ({type(error).__name__}: '
            f'{str(error)[:200]}). It may have been cut short or damaged on the way: compare its '
            f'size and sha256 with the repository, and fetch it again.'
        ) from error


def _read_zip(view: memoryview) -> tuple[Any, Callable[[str], memoryview]]:
    """Torch 1.6 and later: `<root>/data.pkl` and one stored entry per storage."""
    archive = zipfile.ZipFile(cast('IO[bytes]', MemoryFile(view)))
    names = archive.namelist()
    if len(set(names)) < len(names):
        raise ValueError('the zip holds a name twice')
    if sum(info.file_size for info in archive.infolist()) > len(view):
        raise ValueError('the entries of the zip lie over one another, or beyond its end')
    described = [name for name in names if name.split('/', 1)[-1] == 'data.pkl']
    if len(described) != 1:
        raise ValueError(f'the zip holds {len(described)} data.pkl, a checkpoint has one')
    root = described[0].removesuffix('data.pkl')
    if f'{root}byteorder' in names:
        order = bytes(_entry(archive, view, f'{root}byteorder')[:20])
        if order != b'little':
            raise ValueError(f'byte order {order!r}; only little endian is supported')
    found, _ = unpickle(_entry(archive, view, described[0]))
    cache: dict[str, memoryview] = {}

    def bytes_of(key: str) -> memoryview:
        if key not in cache:
            cache[key] = _entry(archive, view, f'{root}data/{key}')
        return cache[key]

    return found, bytes_of


def _entry(archive: zipfile.ZipFile, view: memoryview, name: str) -> memoryview:
    """The bytes of a stored entry, in place, checked against their sum."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f'{name} is compressed; torch stores its entries plainly')
    head = info.header_offset
    signature, name_length, extra_length = struct.unpack('<4s22xHH', view[head : head + 30])
    start = head + 30 + name_length + extra_length
    data = view[start : start + info.file_size]
    if signature != b'PK\x03\x04' or len(data) != info.file_size:
        raise ValueError(f'{name} lies beyond the end of the file')
    if zlib.crc32(data) != info.CRC:
        raise ValueError(f'the check sum of {name} is wrong')
    return data


def _read_legacy(view: memoryview) -> tuple[Any, Callable[[str], memoryview]]:
    """Before torch 1.6: five pickles in a row, then the storages in the order of the last."""
    magic, position = unpickle(view)
    if magic != LEGACY_MAGIC:
        raise ValueError('its first bytes are those of no torch file')
    parts = []
    for _ in range(4):  # Protocol, system, the object itself, the storages' keys.
        part, used = unpickle(view[position:])
        parts.append(part)
        position += used
    _, system, found, keys = parts
    if not system.get('little_endian', True):
        raise ValueError('big endian; only little endian is supported')
    sizes = {storage.key: storage.dtype.itemsize for storage in storages(found)}
    spans: dict[str, memoryview] = {}
    if not isinstance(keys, list) or not all(type(key) is str for key in keys):
        raise ValueError('its list of storages is none')
    for key in keys:
        if key in spans:
            raise ValueError(f'storage {key!r} lies there twice')
        (elements,) = struct.unpack('<q', view[position : position + 8])
        position += 8
        end = position + elements * sizes[key]
        if elements < 0 or end > len(view):
            raise ValueError(f'storage {key!r} lies beyond the end of the file')
        spans[key] = view[position:end]
        position = end
    return found, spans.__getitem__


def _state_dict(found: Any) -> dict[str, Tensor]:
    """Finds the mapping of names to tensors."""
    if isinstance(found, Mapping):
        tensors = {
            name: value
            for name, value in found.items()
            if isinstance(name, str) and isinstance(value, Tensor)
        }
        if tensors:
            return tensors
        for nest in NESTS:
            if isinstance(found.get(nest), Mapping):
                return _state_dict(found[nest])
    holds = type(found).__name__
    if isinstance(found, Mapping):
        names = sorted(k for k in found if isinstance(k, str))[:20]
        holds = ', '.join(name[:100] for name in names) or 'nothing named'
    raise WeightsError(
        f'holds no state dict (name -> tensor), also not under {", ".join(NESTS)}; '
        f'what it holds: {holds}.'
    )


def _materialise(t: Tensor, bytes_of: Callable[[str], memoryview], file_size: int) -> np.ndarray:
    """A read-only view of the tensor's bytes; nothing is copied."""
    storage, dtype = t.storage, t.storage.dtype
    data = bytes_of(storage.key)
    flat = np.frombuffer(data[: len(data) // dtype.itemsize * dtype.itemsize], dtype)
    first = storage.offset + t.offset
    numbers = (*t.shape, *t.strides, first)
    if not all(type(n) is int and n >= 0 for n in numbers) or len(t.shape) != len(t.strides):
        raise ValueError(f'a tensor of shape {t.shape} and strides {t.strides}')
    last = first + sum((n - 1) * s for n, s in zip(t.shape, t.strides, strict=True))
    if 0 not in t.shape and last >= flat.size:
        raise ValueError(f'a tensor reaches element {last} of {flat.size} in its storage')
    if math.prod(t.shape) > file_size:  # An expanded view, harmless until somebody copies it.
        raise ValueError(f'a tensor of shape {t.shape} in a file of {file_size} bytes')
    if 0 in t.shape:
        return np.zeros(t.shape, dtype)
    strides = [s * dtype.itemsize for s in t.strides]
    return np.lib.stride_tricks.as_strided(flat[first:], t.shape, strides, writeable=False)
