"""Reads a safetensors file with numpy alone: a checked header over a memory map.

The format is eight bytes of header length (little endian), a JSON header, and the tensors'
bytes without gaps. Tensors come back as read-only views of the map, so a file of any size costs
no memory until its tensors are used.

Source: the format section of the safetensors README (github.com/huggingface/safetensors).
"""

import json
import math
import mmap
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from jaxprobe.core.errors import WeightsError

_LENGTH = struct.Struct('<Q')
HEADER_LIMIT = 100 << 20  # The reference reader's own.
AXES = 64  # As many as numpy has.

DTYPES: dict[str, Any] = {
    'F64': np.float64,
    'F32': np.float32,
    'F16': np.float16,
    'BF16': ml_dtypes.bfloat16,
    'F8_E4M3': ml_dtypes.float8_e4m3fn,
    'F8_E5M2': ml_dtypes.float8_e5m2,
    'I64': np.int64,
    'I32': np.int32,
    'I16': np.int16,
    'I8': np.int8,
    'U64': np.uint64,
    'U32': np.uint32,
    'U16': np.uint16,
    'U8': np.uint8,
    'BOOL': np.bool_,
}


def is_safetensors(path: Path) -> bool:
    """True where the file begins like one: a plausible length, then a JSON object."""
    with open(path, 'rb') as file:
        start = file.read(_LENGTH.size + 1)
    if len(start) <= _LENGTH.size:
        return False
    return start[-1:] == b'{' and 2 <= _LENGTH.unpack(start[:-1])[0] <= HEADER_LIMIT


def read(path: Path) -> dict[str, np.ndarray]:
    """Reads every tensor.

    Returns:
        Name -> read-only array, bfloat16 as `ml_dtypes.bfloat16`, in the file's order.

    Raises:
        WeightsError: the file is cut short, or its header contradicts it.
    """
    with open(path, 'rb') as file:
        size = path.stat().st_size
        if size < _LENGTH.size:
            raise _damaged(path, f'it has {size} bytes')
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    header, start = _header(path, view)
    tensors, spans = {}, []
    for name, entry in header.items():
        if name == '__metadata__':
            continue
        tensors[name], span = _tensor(path, view[start:], name, entry)
        spans.append((*span, name))
    end = 0
    for begin, stop, name in sorted(spans):  # The format has them side by side.
        if begin != end:
            what = 'overlaps the tensor before it' if begin < end else 'begins after a gap'
            raise _damaged(path, f'tensor {name[:200]!r} {what}')
        end = stop
    if start + end != size:
        raise _damaged(path, f'its header describes {start + end} bytes, the file has {size}')
    return tensors


def _header(path: Path, view: memoryview) -> tuple[dict[str, Any], int]:
    (length,) = _LENGTH.unpack(view[: _LENGTH.size])
    start = _LENGTH.size + length
    if length > HEADER_LIMIT or start > len(view):
        raise _damaged(path, f'its header claims {length} bytes, the file has {len(view)}')
    try:
        header = json.loads(bytes(view[_LENGTH.size : start]), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f'its header is not JSON ({error})') from None
    if not isinstance(header, dict):
        raise _damaged(path, 'its header is not a JSON object')
    return header, start


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, which may not say a name twice: readers would differ in which counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError('it says a name twice')
    for name in found:
        name.encode()  # Half a surrogate is no text, and could not even be printed.
    return found


def _tensor(
    path: Path, data: memoryview, name: str, entry: Any
) -> tuple[np.ndarray, tuple[int, int]]:
    name = name if len(name) < 200 else f'{name[:200]}...'
    try:
        dtype, shape = str(entry['dtype']), tuple(entry['shape'])
        begin, end = entry['data_offsets']
        numbers = (*shape, begin, end)
        if len(shape) > AXES or not all(type(n) is int and 0 <= n < 1 << 63 for n in numbers):
            raise ValueError
    except (TypeError, KeyError, ValueError):
        raise _damaged(path, f'tensor {name!r} is described by {str(entry)[:200]}') from None
    if dtype not in DTYPES:
        raise WeightsError(f'{path}: tensor {name!r} has the unsupported dtype {dtype[:40]!r}.')
    kind = np.dtype(DTYPES[dtype])
    if end > len(data) or end - begin != math.prod(shape) * kind.itemsize:
        raise _damaged(
            path,
            f'tensor {name!r} {dtype} {shape} is said to lie in bytes {begin} to {end} of '
            f'{len(data)}',
        )
    try:
        return np.frombuffer(data[begin:end], kind).reshape(shape), (begin, end)
    except ValueError as error:  # Axes of nothing may be of any size, for numpy they may not.
        raise _damaged(path, f'tensor {name!r} has the shape {shape}: {error}') from None


def _damaged(path: Path, what: str) -> WeightsError:
    return WeightsError(
        f'{path} is not a whole safetensors file: {what}. The download may have been cut short: '
        f'compare its size and sha256 with the repository, and fetch it again.'
    )
