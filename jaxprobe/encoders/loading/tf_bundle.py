"""TensorFlow V2 checkpoints (`PREFIX.index`, `PREFIX.data-0000k-of-0000n`) without TensorFlow.

The index is a sorted table: the empty key holds a header, every other key is a tensor's name
and its value says dtype, shape, shard, offset, size and masked CRC-32C. Messages and fields:
tensorflow/core/protobuf/tensor_bundle.proto.
"""

import fnmatch
import math
import zipfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.core.errors import WeightsError, suggest
from jaxprobe.encoders.loading import unpacked
from jaxprobe.encoders.loading.crc32c import crc32c, masked
from jaxprobe.encoders.loading.tf_table import read_table, varint

# DataType of tensorflow/core/framework/types.proto, those a checkpoint of ours may hold.
DTYPES = {1: '<f4', 2: '<f8', 3: '<i4', 4: 'u1', 6: 'i1', 9: '<i8', 10: '?', 19: '<f2'}

AXES = 64  # As many as numpy has.

ReadFile = Callable[[str], bytes]  # Suffix ('.index', '.data-...') -> the file's bytes.


class Entry(NamedTuple):
    """Where a tensor lies."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    sliced: bool


class Index(NamedTuple):
    """A checkpoint's index."""

    shards: int
    entries: dict[str, Entry]


def read_bundle(path: Path, inside: str = '', skip: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Reads the tensors of a checkpoint in a folder, beside a prefix, or inside a zip.

    Args:
        path: a folder that holds one `*.index` file, the prefix common to the checkpoint's
            files, one of those files, or a zip file (a wheel is one).
        inside: for a zip, the prefix within it (`musicnn/MSD_musicnn/`).
        skip: glob patterns of names that are not read (an optimiser's slots are two thirds of
            a training checkpoint).

    Returns:
        Name -> tensor; every byte of it went through the stored checksum.

    Raises:
        WeightsError: there is no checkpoint, there are several, or it is damaged.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        source = f'{path}:{inside}'
        return _read(lambda suffix: _zip_member(path, inside + suffix), source, skip)
    prefix = _prefix(path)
    return _read(lambda suffix: unpacked.read_file(Path(f'{prefix}{suffix}')), prefix, skip)


def _read(read: ReadFile, source: str, skip: Collection[str]) -> dict[str, np.ndarray]:
    index = _index(_required(read, '.index', source), f'{source}.index')
    wanted = {
        name: entry
        for name, entry in index.entries.items()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in skip)
    }
    shards = {
        shard: _required(read, f'.data-{shard:05d}-of-{index.shards:05d}', source)
        for shard in sorted({entry.shard for entry in wanted.values()})
    }
    for shard, data in shards.items():
        claimed = sum(entry.size for entry in wanted.values() if entry.shard == shard)
        if claimed > len(data):
            raise WeightsError(
                f'{source}: its index describes {claimed} bytes of shard {shard}, which has '
                f'{len(data)}: it was cut short, or belongs to another index. Fetch both again.'
            )
    return {
        name: _tensor(entry, shards[entry.shard], f'{source}: tensor {name[:200]!r}')
        for name, entry in wanted.items()
    }


def _index(data: bytes, source: str) -> Index:
    table = read_table(data, source)
    if b'' not in table:
        raise WeightsError(f'{source} has no header entry; it is no checkpoint index.')
    try:
        header = dict(_fields(table.pop(b'')))
        entries = {key.decode(): _entry(value) for key, value in table.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f'{source} is damaged: {error}. Fetch it again.') from error
    if type(header.get(1, 1)) is not int:
        raise WeightsError(f'{source} is damaged: its number of shards is none. Fetch it again.')
    if header.get(2, 0) != 0:
        raise WeightsError(f'{source} was written on a big-endian machine; not supported.')
    return Index(header.get(1, 1), entries)


def _tensor(entry: Entry, data: bytes, where: str) -> np.ndarray:
    """Cuts a tensor out of its data file and checks it."""
    if entry.dtype not in DTYPES or entry.sliced:
        kind = 'stored in slices' if entry.sliced else f'of TensorFlow type {entry.dtype}'
        raise WeightsError(f'{where} is {kind}, which is not supported.')
    dtype = np.dtype(DTYPES[entry.dtype])
    needed = math.prod(entry.shape) * dtype.itemsize
    if needed != entry.size:
        raise WeightsError(
            f'{where} has {entry.size} bytes, but shape {entry.shape} of {dtype} needs {needed}; '
            f'the index is damaged.'
        )
    raw = memoryview(data)[entry.offset : entry.offset + entry.size]  # No copy: these are all.
    if len(raw) < entry.size:
        raise WeightsError(
            f'{where} should lie at bytes {entry.offset} to {entry.offset + entry.size}, but the '
            f'data file ends at {len(data)}: it was cut short. Fetch it again.'
        )
    if masked(crc32c(raw)) != entry.crc:
        raise WeightsError(
            f'{where} fails its checksum: the data file is damaged, or belongs to another index. '
            f'Fetch both files again.'
        )
    return np.frombuffer(raw, dtype).reshape(entry.shape)


def _prefix(path: Path) -> str:
    """Finds the prefix a user means by a folder, a file or the prefix itself."""
    if path.is_dir():
        found = sorted(path.glob('*.index')) + sorted(path.glob('.index'))
        names = sorted({str(index)[: -len('.index')] for index in found})
        if len(names) != 1:
            listed = ', '.join(repr(Path(n + '.index').name) for n in names)
            step = 'Give the prefix of the one you mean.' if names else 'Is it another folder?'
            raise WeightsError(
                f'{path} holds {listed or "no .index file"}; a checkpoint folder has exactly one '
                f'.index file with its .data file beside it. {step}'
            )
        return names[0]
    text = str(path)
    if text.endswith('.index'):
        return text[: -len('.index')]
    head, _, tail = text.rpartition('.data-')
    if head and '-of-' in tail:
        return head
    if not Path(text + '.index').is_file():
        raise WeightsError(
            f'{path} is neither a folder, a wheel, nor the prefix of a checkpoint: there is no '
            f'{path.name}.index in {path.parent}. Copy the .index and the .data file together.'
        )
    return text


def _zip_member(path: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            if name not in archive.namelist():
                known = [n for n in archive.namelist() if n.endswith('.index')]
                raise WeightsError(f'{path} has no member {name!r}. {suggest(name, known)}')
            return unpacked.member(archive, name)
    except unpacked.DAMAGE as error:
        raise WeightsError(f'{path} is damaged: {error}. Fetch it again.') from error


def _required(read: ReadFile, suffix: str, source: str) -> bytes:
    try:
        return read(suffix)
    except FileNotFoundError as error:
        raise WeightsError(
            f'{source}{suffix} is missing. A checkpoint is an .index and a .data file of one '
            f'prefix; was one of them renamed or left behind?'
        ) from error
    except OSError as error:
        raise WeightsError(f'{source}{suffix} cannot be read: {error}.') from error


def _entry(data: bytes) -> Entry:
    """Parses a BundleEntryProto."""
    fields = dict(_fields(data))
    if any(type(fields.get(number, 0)) is not int for number in (1, 3, 4, 5, 6)):
        raise ValueError('an entry whose numbers are none')
    shape = []
    for number, dimension in _fields(fields.get(2, b'')):
        if number == 2:
            size = dict(_fields(dimension)).get(1, 0)
            if size < 0 or size > 1 << 40:
                raise ValueError(f'a dimension of {size}')
            shape.append(size)
    if len(shape) > AXES:
        raise ValueError(f'a tensor of {len(shape)} axes')
    return Entry(
        dtype=fields.get(1, 0),
        shape=tuple(shape),
        shard=fields.get(3, 0),
        offset=fields.get(4, 0),
        size=fields.get(5, 0),
        crc=fields.get(6, 0),
        sliced=7 in fields,
    )


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yields (number, value) of a protocol buffer message; bytes where it is a submessage."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = int.from_bytes(data[at : at + size], 'little'), at + size
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f'wire type {kind} in a message')
        if at > len(data):
            raise ValueError('a message runs past its end')
        yield tag >> 3, value
