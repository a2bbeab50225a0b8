"""A directory that TensorFlow Datasets has prepared, in array_record format, without TensorFlow.

`tfds.builder_from_directory` cannot open a data set with `tfds.features.Audio` where TensorFlow is
not installed (tensorflow/datasets #11233), and gtzan, nsynth and every other audio data set has
one. The directory itself is plain: `dataset_info.json` says which shards there are,
`features.json` what is in a record, `<feature>.labels.txt` the names of classes, and a record is a
tf.Example. This module reads these; `tests/tasks/tfds_directory_test.py` holds it to what TFDS
itself writes and reads.
"""

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped

from jaxprobe.core import fs, records
from jaxprobe.core.errors import DataError, StoreError

INFO, FEATURES = 'dataset_info.json', 'features.json'

_TEMPLATE = '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}'
_CHUNK = 16  # Records read at once.


class Feature(NamedTuple):
    """A leaf of a record: `class` is the last word of its python class, `of` its own settings."""

    type: str
    of: Mapping[str, Any]
    labels: tuple[str, ...] = ()


class Directory:
    """An opened directory."""

    def __init__(self, path: Path):
        """Reads the two JSON files.

        Raises:
            DataError: one is missing or damaged, or shards are of another format.
        """
        self.path = path
        self.info = _json(path / INFO)
        self.features = dict(_leaves(path, _json(path / FEATURES)))
        format_ = str(self.info.get('fileFormat', 'tfrecord')).lower()
        if format_ != 'array_record':
            raise DataError(
                f'{path} is in {format_} format; what can be read is array_record: prepare it with '
                f"`tfds.builder(NAME, file_format='array_record').download_and_prepare()`, or "
                f'convert it with `python -m tensorflow_datasets.scripts.convert_format`.'
            )

    @property
    def fingerprint(self) -> str:
        """Identifies what was prepared: the two files, and names and sizes of the shards."""
        shards = [[p.name, p.stat().st_size] for s in self.splits for p, _ in self._shards(s)]
        return fs.digest([self.info, fs.sha256(self.path / FEATURES), shards])

    @property
    def splits(self) -> dict[str, int]:
        """Records of every split, as the directory names them."""
        return {
            str(split['name']): sum(int(n) for n in split.get('shardLengths', ()))
            for split in self.info.get('splits', ())
        }

    def records(self, split: str) -> Iterator[dict[str, list[Any]]]:
        """Yields the records of a split: flat name -> list of bytes, int or float.

        Raises:
            DataError: a shard is missing or damaged.
        """
        for path, length in self._shards(split):
            try:
                with records.ShardReader(path, length) as shard:
                    for first in range(0, length, _CHUNK):
                        chunk = range(first, min(first + _CHUNK, length))
                        yield from map(records.decode, shard.read(chunk))
            except StoreError as error:
                what = str(error).partition('. ')[0]
                raise DataError(f'{what}. Prepare the data set again with TFDS.') from None

    def _shards(self, split: str) -> list[tuple[Path, int]]:
        entry = next(e for e in self.info['splits'] if e['name'] == split)
        lengths = [int(length) for length in entry.get('shardLengths', ())]
        template = entry.get('filepathTemplate') or _TEMPLATE
        total = f'{len(lengths):05d}'
        return [
            (
                self.path
                / template.format(
                    DATASET=self.info['name'],
                    SPLIT=split,
                    FILEFORMAT='array_record',
                    SHARD_X_OF_Y=f'{k:05d}-of-{total}',
                    SHARD_INDEX=f'{k:05d}',
                    NUM_SHARDS=total,
                ),
                length,
            )
            for k, length in enumerate(lengths)
            if length
        ]


def value(feature: Feature, raw: list[Any]) -> Any:
    """A leaf as plain Python: the name of a class, text, a number, or a list of numbers."""
    if feature.type == 'ClassLabel':
        return feature.labels[raw[0]] if 0 <= raw[0] < len(feature.labels) else None
    plain = [v.decode('utf-8', 'replace') if isinstance(v, bytes) else v for v in raw]
    return plain[0] if not _shape(feature) and len(plain) == 1 else plain


def samples(feature: Feature, raw: list[Any]) -> Shaped[np.ndarray, 'S *channels']:
    """The samples of an `Audio` (not a lazy one) or a tensor, in the type they are stored in."""
    dtype = np.dtype(str(feature.of.get('dtype', 'int64')))
    encoding = str(feature.of.get('encoding', 'none')).lower()
    if encoding == 'none':
        flat = np.asarray(raw, dtype)
    else:
        data = zlib.decompress(raw[0]) if encoding == 'zlib' else raw[0]
        flat = np.frombuffer(data, dtype)
    shape = _shape(feature)
    return flat.reshape(-1, shape[1]) if len(shape) == 2 else flat


def _shape(feature: Feature) -> tuple[int, ...]:
    return tuple(int(n) for n in feature.of.get('shape', {}).get('dimensions', ()))


def _json(path: Path) -> dict[str, Any]:
    try:
        return fs.read_json(path)
    except FileNotFoundError:
        raise DataError(f'{path} is not there: no directory that TFDS has prepared.') from None
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read ({error}).') from None


def _leaves(folder: Path, node: Mapping[str, Any], *names: str) -> Iterator[tuple[str, Feature]]:
    """Yields (flat name, feature); features.json nests them as the data set does."""
    inner = node.get('featuresDict') or node.get('content', {})
    if 'features' in inner:
        for name, child in inner['features'].items():
            yield from _leaves(folder, child, *names, name)
        return
    type_ = str(node.get('pythonClassName') or node.get('type', '')).rpartition('.')[2]
    of = next((v for v in node.values() if isinstance(v, Mapping)), {})
    yield '/'.join(names), Feature(type_, of, _labels(folder, type_, of, names))


def _labels(
    folder: Path, type_: str, of: Mapping[str, Any], names: tuple[str, ...]
) -> tuple[str, ...]:
    """Names of classes; TFDS writes them beside the shards, or numbers them."""
    if type_ != 'ClassLabel':
        return ()
    path = folder / ('-'.join(name.replace('/', '.') for name in names) + '.labels.txt')
    if path.is_file():
        return tuple(path.read_text(encoding='utf-8').splitlines())
    return tuple(str(k) for k in range(int(of.get('numClasses', 0))))
