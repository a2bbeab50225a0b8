"""Stores with planted embeddings: layers that share a little, on clips of some windows each."""

import functools
from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxprobe.core import fs, rng
from jaxprobe.features import manifest, writer
from jaxprobe.features.manifest import Entry, Planned
from jaxprobe.features.spec import StoreSpec

RATE = 1000


def key(clip: int) -> str:
    """The key of a clip."""
    return fs.digest(['clip', clip], 32)


def value(name: str, layer: int, width: int, clip: int, window: int, frame: int = 0) -> np.ndarray:
    """What a store holds of a window: a mixture of four sources that all stores hear."""
    mixture = _drawn(4 * width, 'mixture', name, layer).reshape(4, width)
    own = _drawn(64, name, clip, window, frame)[8 * layer : 8 * layer + width]
    return (_drawn(4, clip, window, frame) @ mixture + (1 + layer) * own).astype(np.float32)


@functools.cache
def _drawn(count: int, *names: object) -> np.ndarray:
    return rng.random_state(1, *names).standard_normal(count)


def write(
    folder: Path,
    name: str,
    counts: Sequence[int],
    *,
    layers: tuple[tuple[str, int], ...] = (('x', 4), ('y', 3)),
    window: int = RATE,
    frames: int = 0,
    failed: Sequence[int] = (),
    dtype: str = 'float32',
) -> str:
    """Writes a store; returns the name of its directory.

    Args:
        folder: of all stores.
        name: of the encoder.
        counts: windows of every clip.
        layers: names and widths; one called 'still' does not vary.
        window: samples.
        frames: per window; 0: means.
        failed: clips that could not be encoded.
        dtype: of the stored embeddings.
    """
    spec = StoreSpec(
        encoder=name,
        weights_sha256='none',
        port_version=1,
        layers=layers,
        sample_rate=RATE,
        window_samples=window,
        hop_samples=window,
        frames=frames,
        store_dtype=dtype,
        batch_windows=4,
    )
    store = spec.path(folder)
    store.mkdir()
    manifest.pin(store, spec)
    manifest.write_manifest(store, [[Planned(key(i), float(n)) for i, n in enumerate(counts)]])
    with writer.shard(store, 0) as shard:
        for clip, count in enumerate(counts):
            if clip in failed:
                shard.entries.append(Entry(key(clip), 0, 0, 0, 'truncated'))
                continue
            for w in range(count):
                shard.write(writer.record(key(clip), w, float(w), False, _groups(spec, clip, w)))
            shard.entries.append(Entry(key(clip), count, 0, 0))
    return store.name


def _groups(spec: StoreSpec, clip: int, window: int) -> dict[int, np.ndarray]:
    def one(layer: int, frame: int) -> np.ndarray:
        title, width = spec.layers[layer]
        if title == 'still':
            return np.ones(width, np.float32)
        return value(spec.encoder, layer, width, clip, window, frame)

    groups = {}
    for width, own in spec.groups.items():
        rows = [np.stack([one(k, f) for k in own]) for f in range(max(spec.frames, 1))]
        groups[width] = (np.stack(rows) if spec.frames else rows[0]).astype(
            jnp.dtype(spec.store_dtype)
        )
    return groups
