"""TensorFlow V1 checkpoints: one file, a sorted table that holds tensors themselves.

The empty key says every tensor's name, shape, type and slices; every other key is one slice, and
its value repeats the name and brings the values, one number field per type. A tensor that is not
partitioned is one slice over everything. Messages and fields: saved_tensor_slice.proto (in
tensorflow/core/util) and tensor.proto, tensor_slice.proto (in tensorflow/core/framework).
"""

import fnmatch
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading.frozen_graph import fields
from jaxprobe.encoders.loading.tf_bundle import AXES, DTYPES
from jaxprobe.encoders.loading.tf_table import MAGIC, read_table, varint

# DataType -> the field of a TensorProto that holds its values.
_FIELDS = {1: 5, 2: 6, 3: 7, 4: 7, 6: 7, 9: 10, 10: 11}
_FLOATS = (1, 2)  # Stored as they are; the others as variable-length integers.


class Meta(NamedTuple):
    """What the file says of a tensor."""

    dtype: int
    shape: tuple[int, ...]
    whole: bool  # One slice, over everything.


def is_table(path: Path) -> bool:
    """Whether a file ends as a V1 checkpoint does (so does the .index of a V2 one)."""
    with open(path, 'rb') as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(0, size - 8))
        return file.read() == MAGIC.to_bytes(8, 'little')


def read(path: Path, skip: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Reads the tensors of a V1 checkpoint.

    Args:
        path: the file.
        skip: glob patterns of names that are not read.

    Returns:
        Name -> tensor; every block went through its stored checksum.

    Raises:
        WeightsError: the file is something else, cut short or damaged, or a wanted tensor is of
            a type or partitioned in a way that is not supported.
    """
    table = read_table(path.read_bytes(), str(path))
    try:
        metas = _metas(table.pop(b'', b''), path)
        wanted = {
            name: meta
            for name, meta in metas.items()
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in skip)
        }
        _refuse_unsupported(wanted, path)
        slices: dict[str, memoryview] = {}
        for value in table.values():
            name, proto = _slice(value)
            if name in slices and name in wanted:
                raise ValueError(f'the values of {name[:200]} stand twice')
            slices[name] = proto
        missing = sorted(set(wanted) - set(slices))
        if missing:
            raise ValueError(f'its list names {", ".join(missing[:5])}, whose values are not there')
        return {name: _tensor(name, meta, slices[name]) for name, meta in wanted.items()}
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise WeightsError(f'{path} is damaged: {error}. Fetch it again.') from error


def _metas(header: bytes, path: Path) -> dict[str, Meta]:
    """Parses the SavedTensorSliceMeta behind the empty key."""
    first = dict(fields(memoryview(header))).get(1)
    if not isinstance(first, memoryview):
        seen = 'the .index of a V2 checkpoint' if isinstance(first, int) else 'another table'
        raise WeightsError(
            f'{path} is {seen}, not a V1 checkpoint, which is one file with the values in it.'
        )
    found = {}
    for number, value in fields(first):
        if number == 1:
            entry = list(fields(value))
            known = dict(entry)
            slices = [v for n, v in entry if n == 4]
            whole = len(slices) == 1 and not any(dict(fields(e)) for _, e in fields(slices[0]))
            shape = _shape(known.get(2, memoryview(b'')))
            found[known[1].tobytes().decode()] = Meta(known.get(3, 0), shape, whole)
    return found


def _shape(data: memoryview) -> tuple[int, ...]:
    sizes = tuple(dict(fields(value)).get(1, 0) for number, value in fields(data) if number == 2)
    if len(sizes) > AXES:
        raise ValueError(f'a tensor of {len(sizes)} axes')
    if any(size > 1 << 40 for size in sizes):
        raise ValueError(f'a shape of {sizes}')
    return sizes


def _refuse_unsupported(wanted: dict[str, Meta], path: Path) -> None:
    faults = [
        f'{name} (stored in slices)' if not meta.whole else f'{name} (type {meta.dtype})'
        for name, meta in wanted.items()
        if not meta.whole or meta.dtype not in _FIELDS
    ]
    if faults:
        raise WeightsError(
            f'{path} holds tensors in a form that is not supported: {", ".join(faults[:10])}.'
        )


def _slice(value: bytes) -> tuple[str, memoryview]:
    """The name and the TensorProto of a SavedTensorSlices message."""
    saved = dict(fields(dict(fields(memoryview(value)))[2]))
    return saved[1].tobytes().decode(), saved.get(3, memoryview(b''))


def _tensor(name: str, meta: Meta, proto: memoryview) -> np.ndarray:
    dtype = np.dtype(DTYPES[meta.dtype])
    stored = [value for number, value in fields(proto) if number == _FIELDS[meta.dtype]]
    if meta.dtype in _FLOATS:
        values = _floats(stored, dtype)
    else:
        values = np.array([_signed(n) for v in stored for n in _integers(v)], np.int64)
    if values.size != math.prod(meta.shape):
        raise ValueError(f'{name} has shape {meta.shape} and {values.size} values')
    return values.astype(dtype, copy=False).reshape(meta.shape)


def _floats(stored: list[Any], dtype: np.dtype) -> np.ndarray:
    parts = [
        v if isinstance(v, memoryview) else v.to_bytes(dtype.itemsize, 'little') for v in stored
    ]
    return np.frombuffer(parts[0] if len(parts) == 1 else b''.join(parts), dtype)


def _integers(value: Any) -> list[int]:
    """Numbers that are packed into one field, or stand alone."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(number)
    return found


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
