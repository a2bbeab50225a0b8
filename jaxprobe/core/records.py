"""Records on disk: tf.Example bytes without TensorFlow, in ArrayRecord shards that are whole.

Conventions
-----------
A record is a serialised `tf.Example`: names mapped to lists of bytes, int64 or float32. Equal
values give equal bytes. A shard is one ArrayRecord file, group size 1 (every record is read on
its own) and uncompressed: embeddings hardly compress, and compression holds the GIL.

ArrayRecord's own reader takes a truncated or missing file for an empty one and says nothing;
its writer leaves an unreadable file unless it is closed. Everything here therefore goes through
`shard_writer` and `ShardReader`, which check.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError

OPTIONS = 'group_size:1,uncompressed'

Value = bytes | str | int | float | Sequence[bytes] | Sequence[int] | Sequence[float]


def encode(features: Mapping[str, Value]) -> bytes:
    """Serialises named values as a `tf.Example`; equal values give equal bytes.

    Args:
        features: bytes and str become a bytes list (str as UTF-8), int and bool an int64 list,
            float a float32 list; a sequence of one kind becomes a list of that kind.

    Raises:
        TypeError: a value of another type, or an empty sequence (its kind is unknown).
    """
    example = _example_class()()
    table = example.features.feature
    for name, value in features.items():
        values = [value] if isinstance(value, (bytes, str, int, float)) else list(value)
        field, plain = _field_of(name, values)
        getattr(table[name], field).value.extend(plain)
    return example.SerializeToString(deterministic=True)


def decode(record: bytes) -> dict[str, list[Any]]:
    """Reads a `tf.Example` back: name -> list of bytes, int or float.

    >>> decode(encode({'key': 'a', 'window': 3}))
    {'key': [b'a'], 'window': [3]}
    """
    example = _example_class().FromString(record)
    return {
        name: list(getattr(feature, feature.WhichOneof('kind') or 'bytes_list').value)
        for name, feature in sorted(example.features.feature.items())
    }


@contextlib.contextmanager
def shard_writer(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Yields a function that appends a record to a shard that does not exist until it is whole.

    Records go to a temporary file. When the block ends well the file is closed, opened again
    and counted, fsynced and renamed to `path`; otherwise it is removed.

    Raises:
        StoreError: the disk is full or unwritable, or what was written cannot be read back.
    """
    with fs.replacing(path) as temporary:
        writer, count = _open_writer(temporary, path), 0

        def write(record: bytes) -> None:
            nonlocal count
            try:
                writer.write(record)
            except Exception as error:
                raise _unwritable(path, error) from error
            count += 1

        try:
            yield write
        except BaseException:
            with contextlib.suppress(Exception):
                writer.close()
            raise
        try:
            writer.close()
        except Exception as error:
            raise _unwritable(path, error) from error
        with ShardReader(temporary, count):
            pass


class ShardReader:
    """An open shard whose length has been checked; safe to share between threads."""

    def __init__(self, path: Path, records: int):
        """Opens a shard.

        Args:
            path: the file.
            records: how many records it must hold.

        Raises:
            StoreError: the file is missing, truncated, damaged or of another length.
        """
        from array_record.python.array_record_module import ArrayRecordReader

        self.path = path
        self._records = records
        if not path.is_file():
            raise damaged(path, 'it is missing')
        self._reader = ArrayRecordReader(str(path))
        if not self._reader.ok():
            _check_opens(path)
            raise damaged(path, f'it cannot be opened ({path.stat().st_size} bytes; truncated?)')
        found = self._reader.num_records()
        if found != records:
            raise damaged(path, f'it holds {found} records, {records} were written')

    def __enter__(self) -> 'ShardReader':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._records

    def read(self, indices: Sequence[int]) -> list[bytes]:
        """Reads records by index, in the order asked for.

        Raises:
            StoreError: a record does not match its checksum.
        """
        if not len(indices):
            return []
        try:
            return self._reader.read([int(index) for index in indices])
        except Exception as error:
            raise damaged(self.path, f'a record cannot be read ({_first_line(error)})') from error

    def close(self) -> None:
        """Releases the file."""
        with contextlib.suppress(Exception):  # Raises only to report what __init__ has checked.
            self._reader.close()


def damaged(path: Path, what: str) -> StoreError:
    """Phrases the one error of a shard that cannot be used."""
    return StoreError(
        f'shard {path} is damaged: {what}. Delete that file and run the same command again: this '
        f'shard alone is encoded again, all others are kept.'
    )


def _check_opens(path: Path) -> None:
    """Tells a file that the system does not open from one with other bytes than it should have."""
    try:
        with open(path, 'rb'):
            pass
    except OSError as error:
        raise StoreError(
            f'shard {path} cannot be opened: {error}. It may well be whole: mend what the system '
            f'says (permissions, the disk, `ulimit -n` for too many open files), and run the same '
            f'command again.'
        ) from error


def _open_writer(temporary: Path, path: Path) -> Any:
    from array_record.python.array_record_module import ArrayRecordWriter

    writer = ArrayRecordWriter(str(temporary), OPTIONS)
    if not writer.ok():  # A bad path is reported only here and by the first write.
        raise _unwritable(path, OSError('the file cannot be created'))
    return writer


def _unwritable(path: Path, error: Exception) -> StoreError:
    free = fs.free_bytes(path.parent) / 2**30
    return StoreError(
        f'shard {path} cannot be written: {_first_line(error)}. {free:.2f} GiB are free there; '
        f'make room or choose another --config.store_dir, and run the same command again: '
        f'finished shards are kept.'
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _field_of(name: str, values: list[Any]) -> tuple[str, list[Any]]:
    if values and all(isinstance(v, (bytes, str)) for v in values):
        return 'bytes_list', [v.encode() if isinstance(v, str) else v for v in values]
    if values and all(isinstance(v, int) for v in values):
        return 'int64_list', [int(v) for v in values]
    if values and all(isinstance(v, (int, float)) for v in values):
        return 'float_list', values
    raise TypeError(
        f'feature {name!r} is {values!r:.100}; a tf.Example holds bytes, str, int or float, or a '
        f'non-empty sequence of one of these.'
    )


@functools.cache
def _example_class() -> Any:
    """Builds the message class of `tf.Example` in a private pool.

    The wire format of tensorflow/core/example/{example,feature}.proto is kept; the package name
    is ours, so that nothing clashes when TensorFlow or TFDS is loaded in the same process.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name='jaxprobe/example.proto', package='jaxprobe', syntax='proto3'
    )

    def message(name: str) -> Any:
        return file.message_type.add(name=name)

    def field(parent: Any, name: str, number: int, type_: int, **more: Any) -> Any:
        more.setdefault('label', kind.LABEL_OPTIONAL)
        return parent.field.add(name=name, number=number, type=type_, **more)

    lists = {'Bytes': kind.TYPE_BYTES, 'Float': kind.TYPE_FLOAT, 'Int64': kind.TYPE_INT64}
    for name, type_ in lists.items():
        field(message(f'{name}List'), 'value', 1, type_, label=kind.LABEL_REPEATED)
    feature = message('Feature')
    feature.oneof_decl.add(name='kind')
    for number, name in enumerate(lists, start=1):
        of = {'type_name': f'.jaxprobe.{name}List', 'oneof_index': 0}
        field(feature, f'{name.lower()}_list', number, kind.TYPE_MESSAGE, **of)
    features = message('Features')
    entry = features.nested_type.add(name='FeatureEntry')
    entry.options.map_entry = True
    field(entry, 'key', 1, kind.TYPE_STRING)
    field(entry, 'value', 2, kind.TYPE_MESSAGE, type_name='.jaxprobe.Feature')
    of = {'type_name': '.jaxprobe.Features.FeatureEntry', 'label': kind.LABEL_REPEATED}
    field(features, 'feature', 1, kind.TYPE_MESSAGE, **of)
    example = message('Example')
    field(example, 'features', 1, kind.TYPE_MESSAGE, type_name='.jaxprobe.Features')

    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName('jaxprobe.Example'))
