"""Shards of a store: one record per window, and the two files that make it a TFDS data set."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from jaxprobe.core import fs, records
from jaxprobe.features import manifest
from jaxprobe.features.manifest import Entry
from jaxprobe.features.spec import StoreSpec, embedding_name

_FEATURES = 'tensorflow_datasets.core.features.'


def record(
    key: str,
    window: int,
    start: float,
    padded: bool,
    groups: Mapping[int, Shaped[np.ndarray, '...']],
) -> bytes:
    """Serialises one window.

    Args:
        key: of the clip.
        window: its index within the clip.
        start: where it begins within the clip, in seconds.
        padded: whether the clip was repeated to fill it.
        groups: width D -> [Lg, D], or [F, Lg, D], in the store's dtype.
    """
    features: dict[str, Any] = {
        'key': key,
        'window': window,
        'start': float(start),
        'padded': int(padded),
    }
    for width, values in groups.items():
        features[embedding_name(width)] = values.tobytes()
    return records.encode(features)


class Shard:
    """A shard being written: records in order, then an entry per clip."""

    def __init__(self, write: Callable[[bytes], None]):
        """Starts an empty shard; use `shard` below."""
        self.write = write
        self.entries: list[Entry] = []


@contextlib.contextmanager
def shard(store: Path, index: int) -> Iterator[Shard]:
    """Yields a shard to fill; when the block ends well it is renamed and its sidecar written.

    Raises:
        StoreError: it could not be written.
    """
    with records.shard_writer(manifest.shard_path(store, index)) as write:
        filling = Shard(write)
        yield filling
    manifest.write_sidecar(store, index, filling.entries)


def write_tfds(store: Path, spec: StoreSpec, lengths: list[int], size: int) -> None:
    """Writes features.json and dataset_info.json.

    Args:
        store: the directory.
        spec: what it holds.
        lengths: records per shard, 0 for one that is not there yet (TFDS skips those).
        size: bytes of all shards.
    """
    fs.write_json(store / 'features.json', _features_json(spec))
    fs.write_json(store / 'dataset_info.json', _info_json(spec, lengths, size))


def _features_json(spec: StoreSpec) -> dict[str, Any]:
    features: dict[str, Any] = {
        'key': {'pythonClassName': _FEATURES + 'text_feature.Text', 'text': {}}
    }
    for name, dtype in (('window', 'int64'), ('start', 'float32'), ('padded', 'int64')):
        tensor = {'shape': {}, 'dtype': dtype, 'encoding': 'none'}
        features[name] = {'pythonClassName': _FEATURES + 'scalar.Scalar', 'tensor': tensor}
    for width in spec.groups:
        shape = {'dimensions': [str(axis) for axis in spec.shape(width)]}
        tensor = {'shape': shape, 'dtype': spec.store_dtype, 'encoding': 'bytes'}
        features[embedding_name(width)] = {
            'pythonClassName': _FEATURES + 'tensor_feature.Tensor',
            'tensor': tensor,
        }
    return {
        'type': _FEATURES + 'features_dict.FeaturesDict',
        'content': {'features': features},
        'proto_cls': 'tensorflow_datasets.FeaturesDict',
    }


def _info_json(spec: StoreSpec, lengths: list[int], size: int) -> dict[str, Any]:
    split = {
        'name': 'train',
        'filepathTemplate': '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_INDEX}',
        'numBytes': str(size),
        'shardLengths': [str(length) for length in lengths],
    }
    layers = ', '.join(f'{name} ({width})' for name, width in spec.layers)
    what = f'{spec.frames} frames' if spec.frames else 'Time-mean embeddings'
    return {
        'name': 'windows',
        'version': '1.0.0',
        'fileFormat': 'array_record',
        'description': (
            f'{what} of all layers of {spec.encoder}, one record per window of '
            f'{spec.window_samples / spec.sample_rate:g} s. Layers: {layers}.'
        ),
        'splits': [split],
    }
