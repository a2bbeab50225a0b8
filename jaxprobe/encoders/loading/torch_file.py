"""Reads torch's zip and legacy files with numpy alone, running nothing they bring along.

A torch file is a pickle that describes tensors, beside the raw bytes of their storages. A pickle
is a program, so it is first read as data: every name it would import must be on the short list
below, and every operation's argument must fit the file. Only then is it run, with stand-ins that
record shapes and strides; tensors become read-only views of the memory-mapped storages.

Source: `torch/serialization.py` and `torch/_utils.py` of torch 2 (the formats are documented
there only); `pickletools` of the standard library for the operations.
"""

import collections
import io
import math
import mmap
import pickle
import pickletools
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import ml_dtypes
import numpy as np

from jaxprobe.core.errors import WeightsError

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
PICKLE_LIMIT = 16 << 20  # Bytes of the describing pickle; a large model's has under 1 MB.
LINE_LIMIT = 4096  # Bytes of the longest name it may hold.
NESTS = ('state_dict', 'model_state_dict', 'model', 'module', 'params')

_DTYPES: dict[str, Any] = {
    'Double': np.float64,
    'Float': np.float32,
    'Half': np.float16,
    'BFloat16': ml_dtypes.bfloat16,
    'Long': np.int64,
    'Int': np.int32,
    'Short': np.int16,
    'Char': np.int8,
    'Byte': np.uint8,
    'Bool': np.bool_,
    'ComplexFloat': np.complex64,
    'ComplexDouble': np.complex128,
}


class _StorageType(NamedTuple):
    dtype: np.dtype


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype
    elements: int
    offset: int = 0  # In elements; a legacy file may share a larger storage.


class _Tensor(NamedTuple):
    """A tensor as the pickle describes it, before its bytes are looked up."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(storage: _Storage, offset: int, size: Any, stride: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(size), tuple(stride))


def _parameter(data: Any, *_: Any) -> Any:
    return data


# All that a pickle may name. Functions of ours stand in; nothing of theirs is imported.
_ALLOWED: dict[tuple[str, str], Any] = {
    ('collections', 'OrderedDict'): collections.OrderedDict,
    ('torch', 'Size'): tuple,
    ('torch', 'device'): lambda *parts: ':'.join(map(str, parts)),
    ('torch._utils', '_rebuild_tensor'): _tensor,
    ('torch._utils', '_rebuild_tensor_v2'): _tensor,
    ('torch._utils', '_rebuild_parameter'): _parameter,
    ('torch._utils', '_rebuild_parameter_with_state'): _parameter,
    **{
        (module, f'{name}Storage'): _StorageType(np.dtype(dtype))
        for module in ('torch', 'torch.cuda')
        for name, dtype in _DTYPES.items()
    },
    **{('torch', name): name for name in ('float64', 'float32', 'float16', 'bfloat16', 'int64')},
}

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
        return {name: _materialise(t, bytes_of, len(view)) for name, t in described.items()}
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
    archive = zipfile.ZipFile(_MemoryFile(view))
    described = [name for name in archive.namelist() if name.split('/', 1)[-1] == 'data.pkl']
    if len(described) != 1:
        raise ValueError(f'the zip holds {len(described)} data.pkl, a checkpoint has one')
    root = described[0].removesuffix('data.pkl')
    if f'{root}byteorder' in archive.namelist():
        order = archive.read(f'{root}byteorder')
        if order != b'little':
            raise ValueError(f'byte order {order[:20]!r}; only little endian is supported')
    found, _ = _unpickle(_entry(archive, view, described[0]))
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
    magic, position = _unpickle(view)
    if magic != LEGACY_MAGIC:
        raise ValueError('its first bytes are those of no torch file')
    parts = []
    for _ in range(4):  # Protocol, system, the object itself, the storages' keys.
        part, used = _unpickle(view[position:])
        parts.append(part)
        position += used
    _, system, found, keys = parts
    if not system.get('little_endian', True):
        raise ValueError('big endian; only little endian is supported')
    sizes = {storage.key: storage.dtype.itemsize for storage in _storages(found)}
    spans: dict[str, memoryview] = {}
    for key in keys:
        (elements,) = struct.unpack('<q', view[position : position + 8])
        position += 8
        end = position + elements * sizes[key]
        if elements < 0 or end > len(view):
            raise ValueError(f'storage {key!r} lies beyond the end of the file')
        spans[key] = view[position:end]
        position = end
    return found, spans.__getitem__


def _storages(found: Any) -> list[_Storage]:
    """Every storage below an unpickled object, without recursion."""
    todo, storages, seen = [found], [], set()
    while todo:
        node = todo.pop()
        if isinstance(node, _Storage | _Tensor):
            storages.append(node if isinstance(node, _Storage) else node.storage)
        elif isinstance(node, Mapping | list | tuple) and id(node) not in seen:
            seen.add(id(node))
            todo.extend(node.values() if isinstance(node, Mapping) else node)
    return storages


class _MemoryFile:
    """A mapped file as a stream. Reads never allocate more than is there, unlike `io`'s own."""

    def __init__(self, view: memoryview):
        self._view, self._position = view, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._view)}
        self._position = max(0, base[whence] + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        end = len(self._view) if size is None or size < 0 else self._position + size
        data = bytes(self._view[self._position : end])
        self._position += len(data)
        return data

    def readline(self) -> bytes:
        ahead = bytes(self._view[self._position : self._position + LINE_LIMIT])
        return self.read(ahead.find(b'\n') + 1 or len(ahead))


class _Unpickler(pickle.Unpickler):
    """Runs a checked pickle; only `_ALLOWED` names resolve, and only to our stand-ins."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _refused([f'{module}.{name}'])
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage_type, key, _, elements, *rest = pid
        if kind != 'storage' or not isinstance(storage_type, _StorageType):
            raise ValueError('a persistent object that is no storage')
        offset = rest[0][1] if rest and rest[0] is not None else 0
        return _Storage(str(key), storage_type.dtype, elements, offset)


def _unpickle(view: memoryview) -> tuple[Any, int]:
    """Checks the pickle at the start of `view`, then runs it.

    Returns:
        The object, and how many bytes its pickle took.
    """
    end = _checked(view[:PICKLE_LIMIT])
    return _Unpickler(_MemoryFile(view[:end]), encoding='utf-8').load(), end


def _checked(view: memoryview) -> int:
    """Reads a pickle as data.

    Returns:
        Its length in bytes.

    Raises:
        WeightsError: it names something outside `_ALLOWED`; all such names at once.
        ValueError: an operation is unknown, cut short, or asks for memory out of proportion.
    """
    refused, end = [], 0
    stream = cast('IO[bytes]', _MemoryFile(view))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # Of damaged escapes; the damage itself is an error.
        for operation, argument, position in pickletools.genops(stream):
            end = (position or 0) + 1  # Right for STOP, the last, which takes one byte.
            if operation.name in ('GLOBAL', 'INST'):
                module, _, name = str(argument).partition(' ')
                refused += [] if (module, name) in _ALLOWED else [f'{module}.{name}']
            if operation.name.endswith('PUT') and int(str(argument)) > len(view):
                raise ValueError(f'memo index {argument}')  # As many would be allocated.
    if refused:
        raise _refused(refused)
    return end


def _refused(names: list[str]) -> WeightsError:
    listed = ', '.join(sorted(set(names))[:10])
    return WeightsError(
        f'asks to import {listed}, which plain tensors do not need; a pickle that does can run '
        f'any code, so it is not opened. If you trust the file, save its tensors alone: '
        f'`torch.save(model.state_dict(), PATH)` or safetensors.'
    )


def _state_dict(found: Any) -> dict[str, _Tensor]:
    """Finds the mapping of names to tensors."""
    if isinstance(found, Mapping):
        tensors = {
            name: value
            for name, value in found.items()
            if isinstance(name, str) and isinstance(value, _Tensor)
        }
        if tensors:
            return tensors
        for nest in NESTS:
            if isinstance(found.get(nest), Mapping):
                return _state_dict(found[nest])
    holds = type(found).__name__
    if isinstance(found, Mapping):
        holds = ', '.join(sorted(k for k in found if isinstance(k, str))[:20]) or 'nothing named'
    raise WeightsError(
        f'holds no state dict (name -> tensor), also not under {", ".join(NESTS)}; '
        f'what it holds: {holds}.'
    )


def _materialise(t: _Tensor, bytes_of: Callable[[str], memoryview], file_size: int) -> np.ndarray:
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
