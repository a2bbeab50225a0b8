"""The rows that two stores have in common, a seeded sample of them, and their layers.

Two stores of the same audio have rows in common where their windows cover the same stretches:
window k of a clip is then window k in both, and with stores of frames so is frame f. Where windows
differ in length or step, rows are clips: the means over all windows of a clip. Clips that either
store could not encode, or that it cut into another number of windows, are left out on both sides.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxprobe.core import rng
from jaxprobe.core.errors import StoreError
from jaxprobe.features.frames import FrameReader
from jaxprobe.features.reader import RowReader
from jaxprobe.features.spec import StoreSpec

CHUNK = 256  # Windows that are read at once.
_SAME = 1e-3  # Seconds that windows may differ by: half a sample of rounding and more.

Array = Callable[[tuple[int, int]], np.ndarray]  # Makes a float32 array of a shape.


class Common(NamedTuple):
    """Rows of two stores that belong together.

    Attributes:
        unit: what a row is: 'windows', 'frames' or 'clips'.
        first, second: the rows in either store, ascending; of 'clips' their indices.
        owner: the item of every row.
        clips: how many are represented.
        left_out: clips that one store lacks or cut differently.
        of: rows that the sample was drawn from.
        dtypes: in which either store keeps them.
    """

    unit: str
    first: Int[np.ndarray, 'R']
    second: Int[np.ndarray, 'R']
    owner: Int[np.ndarray, 'R']
    clips: int
    left_out: int
    of: int
    dtypes: tuple[str, str]


def common(
    first: RowReader, second: RowReader, owner: Int[np.ndarray, 'N'], limit: int, seed: int
) -> Common:
    """Chooses the rows.

    Args:
        first: of a list of clips.
        second: of the same clips in another store, or the same reader.
        owner: item of every clip.
        limit: rows at most; more are sampled, evenly over all of them.
        seed: of the sample. It does not depend on the stores.

    Raises:
        StoreError: nothing is in common.
    """
    there = (first.count > 0) & (second.count > 0)
    same = there & (first.count == second.count)
    aligned = _same_windows(first.spec, second.spec) and 2 * same.sum() > there.sum()
    chosen = np.flatnonzero(same if aligned else there)
    if not len(chosen):
        raise StoreError(
            f'{first.spec.name} and {second.spec.name} have no clip in common: nothing to compare.'
        )
    dtypes = (first.spec.store_dtype, second.spec.store_dtype)
    if not aligned:
        kept = _sample(len(chosen), limit, seed)
        clips = chosen[kept]
        owners = owner[clips]
        return Common(
            'clips', clips, clips, owners, len(clips), int((~there).sum()), len(chosen), dtypes
        )
    frames = max(first.spec.frames, 1)
    ends = np.cumsum(first.count[chosen]) * frames
    kept = _sample(int(ends[-1]), limit, seed)
    place = np.searchsorted(ends, kept, side='right')
    within = kept - (ends - first.count[chosen] * frames)[place]
    clips = chosen[place]
    return Common(
        'frames' if first.spec.frames else 'windows',
        first.first[clips] * frames + within,
        second.first[clips] * frames + within,
        owner[clips],
        len(np.unique(clips)),
        int((~same).sum()),
        int(ends[-1]),
        dtypes,
    )


def layers(
    reader: RowReader, rows: Int[np.ndarray, 'R'], unit: str, array: Array
) -> Iterator[tuple[str, Float[np.ndarray, 'R _']]]:
    """Reads rows of a store; yields name and rows of every layer, and forgets them.

    Args:
        reader: of the store.
        rows: ascending.
        unit: what they are, see `Common`.
        array: makes the arrays that they are read into.
    """
    spec = reader.spec
    held: list[np.ndarray | None] = [array((len(rows), width)) for _, width in spec.layers]
    for begin, groups in _read(reader, rows, unit):
        for width, values in groups.items():
            for place, layer in enumerate(spec.groups[width]):
                target = held[layer]
                assert target is not None
                target[begin : begin + len(values)] = values[:, place]
    for layer, (name, _) in enumerate(spec.layers):
        whole, held[layer] = held[layer], None
        assert whole is not None
        yield name, whole


def _read(
    reader: RowReader, rows: Int[np.ndarray, 'R'], unit: str
) -> Iterator[tuple[int, dict[int, Float[np.ndarray, 'r Lg D']]]]:
    """Chunks of rows: where the chunk begins, and width -> [r, Lg, D]."""
    if unit == 'clips':
        yield from _means(reader, rows)
        return
    source: RowReader | FrameReader = FrameReader(reader) if unit == 'frames' else reader
    # Neighbouring frames share a record, so chunks of frames are longer.
    size = CHUNK * (min(reader.spec.frames, 16) if unit == 'frames' else 1)
    chunks = [rows[i : i + size] for i in range(0, len(rows), size)]
    begin = 0
    for chunk, groups in zip(chunks, source.prefetched(chunks), strict=True):
        yield begin, groups
        begin += len(chunk)


def _means(
    reader: RowReader, clips: Int[np.ndarray, 'R']
) -> Iterator[tuple[int, dict[int, Float[np.ndarray, 'r Lg D']]]]:
    """Means over all windows (and frames) of clips, a chunk of whole clips at a time."""
    lots = _lots(reader.count[clips])
    chunks = [
        np.concatenate([_rows_of(reader, clip) for clip in clips[a:b].tolist()]) for a, b in lots
    ]
    for (a, b), groups in zip(lots, reader.prefetched(chunks), strict=True):
        counts = reader.count[clips[a:b]]
        at = np.cumsum(counts) - counts
        found = {}
        for width, values in groups.items():
            flat = values.astype(np.float64)
            if reader.spec.frames:
                flat = flat.mean(axis=1)
            sums = np.add.reduceat(flat, at, axis=0)
            found[width] = sums / counts[:, None, None]
        yield a, found


def _rows_of(reader: RowReader, clip: int) -> Int[np.ndarray, 'w']:
    """The windows of one clip."""
    return int(reader.first[clip]) + np.arange(int(reader.count[clip]))


def _lots(counts: Int[np.ndarray, 'R']) -> list[tuple[int, int]]:
    """Ranges of clips of about `CHUNK` windows together, each at least one clip."""
    found, begin, held = [], 0, 0
    for i, count in enumerate(counts.tolist()):
        if held and held + count > CHUNK:
            found.append((begin, i))
            begin, held = i, 0
        held += count
    return [*found, (begin, len(counts))]


def _same_windows(first: StoreSpec, second: StoreSpec) -> bool:
    """Whether windows of both cover the same stretches of a clip."""

    def seconds(spec: StoreSpec) -> Sequence[float]:
        return spec.window_samples / spec.sample_rate, spec.hop_samples / spec.sample_rate

    near = all(abs(a - b) <= _SAME for a, b in zip(seconds(first), seconds(second), strict=True))
    return near and first.tail == second.tail and first.frames == second.frames


def _sample(count: int, limit: int, seed: int) -> Int[np.ndarray, 'R']:
    """At most `limit` of `count` numbers, ascending."""
    if count <= limit:
        return np.arange(count)
    # A permutation would need all of them in memory; frames may be hundreds of millions.
    random, found = rng.random_state(seed, 'sample'), np.empty(0, np.int64)
    while len(found) < limit:
        more = random.randint(0, count, 2 * limit, dtype=np.int64)
        found = np.unique(np.concatenate([found, more]))
    return np.sort(random.permutation(found)[:limit])
