"""TensorFlow V2 checkpoints (`PREFIX.index`, `PREFIX.data-0000k-of-0000n`) without TensorFlow.

The index is a sorted table: the empty key holds a header, every other key is a tensor's name
and its value says dtype, shape, shard, offset, size and masked CRC-32C. Messages and fields:
tensorflow/core/protobuf/tensor_bundle.proto.
"""

import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.core.errors import WeightsError, suggest
from jaxprobe.encoders.loading.crc32c import crc32c, masked
from jaxprobe.encoders.loading.tf_table import read_table, varint

# DataType of tensorflow/core/framework/types.proto, those a checkpoint of ours may hold.
DTYPES = {1: '<f4', 2: '<f8', 3: '<i4', 4: 'u1', 6: 'i1', 9: '<i8', 10: '?', 19: '<f2'}

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


class Bundle(Mapping[str, np.ndarray]):
    """A checkpoint as a mapping from tensor name to array.

    Names and shapes are known at once; a tensor is read and checked when it is asked for, so
    optimiser slots cost nothing.
    """

    def __init__(self, read: ReadFile, source: str):
        """Reads the index.

        Args:
            read: returns the bytes of the file with a given suffix; FileNotFoundError if absent.
            source: what the user knows the checkpoint by.

        Raises:
            WeightsError: the index is absent, damaged, or of a kind that is not supported.
        """
        self._read = read
        self._source = source
        table = read_table(_required(read, '.index', source), f'{source}.index')
        if b'' not in table:
            raise WeightsError(f'{source}.index has no header entry; it is no checkpoint index.')
        try:
            header = dict(_fields(table.pop(b'')))
            self._shards = header.get(1, 1)
            self.entries = {key.decode(): _entry(value) for key, value in table.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f'{source}.index is damaged: {error}. Fetch it again.') from error
        if header.get(2, 0) != 0:
            raise WeightsError(f'{source} was written on a big-endian machine; not supported.')
        self._data: dict[int, bytes] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __getitem__(self, name: str) -> np.ndarray:
        """Reads a tensor and checks its bytes.

        Raises:
            KeyError: there is no such tensor.
            WeightsError: its bytes are missing, fail the checksum, or have an unknown type.
        """
        entry = self.entries[name]
        where = f'{self._source}: tensor {name!r}'
        if entry.dtype not in DTYPES or entry.sliced:
            kind = 'stored in slices' if entry.sliced else f'of TensorFlow type {entry.dtype}'
            raise WeightsError(f'{where} is {kind}, which is not supported.')
        dtype = np.dtype(DTYPES[entry.dtype])
        if math.prod(entry.shape) * dtype.itemsize != entry.size:
            raise WeightsError(
                f'{where} has {entry.size} bytes, but shape {entry.shape} of {dtype} needs '
                f'{math.prod(entry.shape) * dtype.itemsize}; the index is damaged.'
            )
        data = self._shard(entry.shard)
        raw = data[entry.offset : entry.offset + entry.size]
        if len(raw) < entry.size:
            raise WeightsError(
                f'{where} should lie at bytes {entry.offset} to {entry.offset + entry.size}, but '
                f'the data file ends at {len(data)}: it was cut short. Fetch it again.'
            )
        if masked(crc32c(raw)) != entry.crc:
            raise WeightsError(
                f'{where} fails its checksum: the data file is damaged, or belongs to another '
                f'index. Fetch both files again.'
            )
        return np.frombuffer(raw, dtype).reshape(entry.shape)

    def _shard(self, index: int) -> bytes:
        if index not in self._data:
            suffix = f'.data-{index:05d}-of-{self._shards:05d}'
            self._data[index] = _required(self._read, suffix, self._source)
        return self._data[index]


def open_bundle(path: Path, inside: str = '') -> Bundle:
    """Opens a checkpoint in a folder, beside a prefix, or inside a zip (a wheel is one).

    Args:
        path: a folder that holds one `*.index` file, the prefix common to the checkpoint's
            files, one of those files, or a zip file.
        inside: for a zip, the prefix within it (`musicnn/MSD_musicnn/`).

    Raises:
        WeightsError: there is no checkpoint, there are several, or it is damaged.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        return Bundle(lambda suffix: _zip_member(path, inside + suffix), f'{path}:{inside}')
    prefix = _prefix(path)
    return Bundle(lambda suffix: Path(f'{prefix}{suffix}').read_bytes(), prefix)


def _prefix(path: Path) -> str:
    """Finds the prefix a user means by a folder, a file or the prefix itself."""
    if path.is_dir():
        found = sorted(path.glob('*.index')) + sorted(path.glob('.index'))
        names = sorted({str(index)[: -len('.index')] for index in found})
        if len(names) != 1:
            listed = ', '.join(repr(Path(n + '.index').name) for n in names) or 'no .index file'
            raise WeightsError(
                f'{path} holds {listed}; a checkpoint folder has exactly one .index file with '
                f'its .data file beside it. Give the prefix of the one you mean.'
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
            return archive.read(name)
    except KeyError as error:
        with zipfile.ZipFile(path) as archive:
            known = [n for n in archive.namelist() if n.endswith('.index')]
        raise WeightsError(f'{path} has no member {name!r}. {suggest(name, known)}') from error
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise WeightsError(f'{path} is damaged: {error}. Fetch it again.') from error


def _required(read: ReadFile, suffix: str, source: str) -> bytes:
    try:
        return read(suffix)
    except FileNotFoundError as error:
        raise WeightsError(
            f'{source}{suffix} is missing. A checkpoint is an .index and a .data file of one '
            f'prefix; was one of them renamed or left behind?'
        ) from error


def _entry(data: bytes) -> Entry:
    """Parses a BundleEntryProto."""
    fields = dict(_fields(data))
    shape = []
    for number, dimension in _fields(fields.get(2, b'')):
        if number == 2:
            size = dict(_fields(dimension)).get(1, 0)
            if size < 0 or size > 1 << 40:
                raise ValueError(f'a dimension of {size}')
            shape.append(size)
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
