"""Embeddings out of a store: whole into memory, or rows as they are asked for.

Conventions
-----------
Rows are windows, sorted by item then window: item i owns rows first[i] .. first[i] + count[i] - 1
of what was asked for, whatever shards they lie in. An item that could not be encoded has no rows
and a reason in `failed`. Embeddings come out as float32 `[R, Lg, D]` per width D, whatever the
store's dtype; with a frame axis, `[R, F, Lg, D]`, where the store holds frames.
"""

import resource
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxprobe.core import fs, records
from jaxprobe.core.errors import StoreError
from jaxprobe.features import manifest
from jaxprobe.features.keys import Keys, keys_of
from jaxprobe.features.spec import Clip, StoreSpec, embedding_name

_READ = 256  # Records read at once.
_READERS = 8  # Readers that may be open at once, and more than there are.

Groups = dict[int, Float[np.ndarray, 'R ...']]  # Every width has its own number of layers.


class Windows(NamedTuple):
    """The embeddings of a list of clips.

    Attributes:
        groups: width D -> [R, Lg, D] or [R, F, Lg, D].
        first, count: rows of every clip.
        padded, silent: how many of its windows are repeat-padded, and silent.
        failed: index of clip -> reason.
    """

    groups: Groups
    first: Int[np.ndarray, 'N']
    count: Int[np.ndarray, 'N']
    padded: Int[np.ndarray, 'N']
    silent: Int[np.ndarray, 'N']
    failed: dict[int, str]


class _Place(NamedTuple):
    """Where a clip's records lie, and how long it is by its file's header (0: unknown)."""

    shard: int
    first: int
    entry: manifest.Entry
    seconds: float


class _Index(NamedTuple):
    """Where every clip of a store lies, and how many records each finished shard has."""

    places: dict[str, _Place]
    lengths: dict[int, int]


def load(store: Path, clips: Sequence[Clip]) -> Windows:
    """Reads the embeddings of clips into memory.

    Args:
        store: a store's directory, `StoreSpec.path(store_dir)`.
        clips: those wanted; each must have been extracted.

    Raises:
        StoreError: the store is damaged, or has never seen some of the clips.
    """
    with RowReader(store, clips) as reader:
        groups = reader.read(np.arange(reader.rows))
        return Windows(
            groups, reader.first, reader.count, reader.padded, reader.silent, reader.failed
        )


def failures(store: Path, clips: Sequence[Clip]) -> dict[int, str]:
    """Index of clip -> reason, for the clips that could not be encoded.

    Raises:
        StoreError: the store is damaged, or has never seen some of the clips.
    """
    return counted(store, clips)[1]


def counted(store: Path, clips: Sequence[Clip]) -> tuple[Int[np.ndarray, 'N'], dict[int, str]]:
    """How many windows of every clip there are, and `failures`; as those raises."""
    places, failed, _ = _locate(store, clips)
    return np.array([place.entry.windows if place else 0 for place in places], int), failed


def verify(store: Path) -> dict[str, int]:
    """Compares every finished shard with the checksum of its sidecar.

    Returns:
        Counts: shards, records, bytes, planned (shards that are not finished).

    Raises:
        StoreError: a shard differs; the message names it.
    """
    manifest.read_spec(store)
    counts = {'shards': 0, 'records': 0, 'bytes': 0, 'planned': 0}
    for index, clips in enumerate(manifest.read_manifest(store)):
        sidecar = manifest.read_sidecar(store, index)
        if sidecar is None:
            counts['planned'] += bool(clips)
            continue
        path = manifest.shard_path(store, index)
        if fs.sha256(path) != sidecar.sha256:
            raise records.damaged(path, 'its checksum is not that of its sidecar')
        records.ShardReader(path, sidecar.records).close()
        counts['shards'] += 1
        counts['records'] += sidecar.records
        counts['bytes'] += sidecar.bytes
    return counts


class RowReader:
    """Rows of a list of clips, read from the shards when asked for. Safe to share by threads."""

    def __init__(self, store: Path, clips: Sequence[Clip] | Sequence[str]):
        """Finds the clips in the store; opens shards when they are first needed.

        Args:
            store: a store's directory.
            clips: those wanted, or their keys, as `keys_of` gives them.

        Raises:
            StoreError: the store is damaged, or has never seen some of the clips.
        """
        self.spec: StoreSpec = manifest.read_spec(store)
        self._store = store
        places, self.failed, self._lengths = _locate(store, clips)
        entries = [place.entry if place else None for place in places]
        self.count = np.array([e.windows if e else 0 for e in entries], np.int64)
        self.padded = np.array([e.padded if e else 0 for e in entries], np.int64)
        self.silent = np.array([e.silent if e else 0 for e in entries], np.int64)
        self.first = np.cumsum(self.count) - self.count
        self.rows = int(self.count.sum())
        self._last = np.array([e.last if e else 0.0 for e in entries])
        self.seconds = np.array([place.seconds if place else 0.0 for place in places])
        self.sounds = [e.sound if e else '' for e in entries]  # Hashes of samples, '' if unknown.
        # Per row: its shard, and its record there.
        self._shard = np.repeat([p.shard if p else 0 for p in places], self.count)
        at = np.repeat([p.first if p else 0 for p in places], self.count)
        self._record = at + np.arange(self.rows) - np.repeat(self.first, self.count)
        self._open: dict[int, records.ShardReader] = {}  # The last one used stands last.
        self._most_open = _most_open()

    def __enter__(self) -> 'RowReader':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, rows: Int[np.ndarray, 'R']) -> Groups:
        """Reads rows, in the order asked for.

        Args:
            rows: row ids, 0 .. `self.rows` - 1; may repeat.

        Returns:
            Width D -> float32 [R, Lg, D] or [R, F, Lg, D].

        Raises:
            IndexError: no such row.
            StoreError: a shard is damaged.
        """
        if len(rows) and not 0 <= rows.min() <= rows.max() < self.rows:
            raise IndexError(f'rows {rows.min()} to {rows.max()} of {self.rows}')
        out = {d: np.empty((len(rows), *self.spec.shape(d)), np.float32) for d in self.spec.groups}
        shards, wanted = self._shard[rows], self._record[rows]
        for index in np.unique(shards):
            at = np.flatnonzero(shards == index)
            at = at[np.argsort(wanted[at], kind='stable')]
            shard = self._shard_reader(int(index))
            for begin in range(0, len(at), _READ):
                part = at[begin : begin + _READ]
                for row, data in zip(part, shard.read(wanted[part].tolist())):
                    self._fill(out, int(row), data)
        return out

    def starts(self) -> Float[np.ndarray, 'R']:
        """Where every window of a store of frames begins within its clip, in seconds."""
        hop = self.spec.hop_samples / self.spec.sample_rate
        begin = (np.arange(self.rows) - np.repeat(self.first, self.count)) * hop
        some = np.flatnonzero(self.count)
        begin[self.first[some] + self.count[some] - 1] = self._last[some]
        return begin

    def prefetched(self, chunks: Sequence[np.ndarray], *, ahead: int = 2) -> Iterator[Groups]:
        """Reads one chunk of rows after another, in order, `ahead` of the consumer.

        Args:
            chunks: row ids of each chunk.
            ahead: chunks held in memory beside the one in use.
        """
        import grain

        options = grain.ReadOptions(num_threads=max(ahead, 1), prefetch_buffer_size=max(ahead, 1))
        source = grain.MapDataset.range(len(chunks)).map(lambda i: self.read(chunks[i]))
        return iter(source.to_iter_dataset(options))

    def close(self) -> None:
        """Closes the shards."""
        while self._open:
            self._open.popitem()[1].close()

    def _shard_reader(self, index: int) -> records.ShardReader:
        found = self._open.pop(index, None)
        if found is None:
            path = manifest.shard_path(self._store, index)
            found = records.ShardReader(path, self._lengths[index])
        self._open[index] = found
        if len(self._open) > self._most_open:
            # Not closed here, as other threads may be reading them: a file is closed with the
            # last reference to its shard.
            for old in list(self._open)[: -self._most_open]:
                self._open.pop(old, None)
        return found

    def _fill(self, out: Groups, row: int, data: bytes) -> None:
        example = records.decode(data)
        for width, target in out.items():
            (value,) = example[embedding_name(width)]
            target[row] = np.frombuffer(value, self._dtype).reshape(target.shape[1:])

    @property
    def _dtype(self) -> np.dtype:
        if self.spec.store_dtype == 'bfloat16':
            import ml_dtypes

            return np.dtype(ml_dtypes.bfloat16)
        return np.dtype(np.float32)


def _most_open() -> int:
    """Shards that a reader keeps open: a share of the files that the system allows.

    A run has a handful of readers, and MTG-Jamendo's store has 7 000 shards; 1024 files are what
    most systems allow.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(16, (2**16 if limit == resource.RLIM_INFINITY else limit) // _READERS)


def _locate(
    store: Path, clips: Sequence[Clip] | Sequence[str]
) -> tuple[list[_Place | None], dict[int, str], dict[int, int]]:
    """A place per clip (None: failed), index -> reason, and shard -> records."""
    places, lengths = _index(store)
    keys, failed = _keys(clips, store)
    found: list[_Place | None] = []
    absent = []
    for i, key in enumerate(keys):
        place = places.get(key) if key else None
        if key and place is None:
            absent.append(i)
        elif place and place.entry.failed:
            failed[i], place = place.entry.failed, None
        found.append(place)
    if absent:
        names = '\n'.join(f'  {clips[i]}' for i in absent[:20])
        raise StoreError(
            f'{store} has no embeddings of {len(absent)} of {len(clips)} clips, first of them:\n'
            f'{names}\nRun the extract stage (--stages=extract) with the same settings; audio that '
            f'is stored is not encoded again.'
        )
    return found, failed, lengths


def _keys(clips: Sequence[Clip] | Sequence[str], store: Path) -> Keys:
    """Keys of clips, or of those given by their keys, whose audio need not be here."""
    given = [clip for clip in clips if isinstance(clip, str)]
    files = [clip for clip in clips if not isinstance(clip, str)]
    return keys_of(files, store.parent) if files else Keys([*given], {})


def _index(store: Path) -> _Index:
    manifest.read_spec(store)
    index = _Index({}, {})
    for number, planned in enumerate(manifest.read_manifest(store)):
        sidecar = manifest.read_sidecar(store, number)
        if sidecar is None:
            continue
        index.lengths[number] = sidecar.records
        seconds = {clip.key: clip.seconds for clip in planned}
        first = 0
        for entry in sidecar.clips:
            before = index.places.get(entry.key)
            if before is None or before.entry.failed:  # A second look at a failure counts.
                index.places[entry.key] = _Place(number, first, entry, seconds.get(entry.key, 0.0))
            first += entry.windows
    return index
