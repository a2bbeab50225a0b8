"""The similarity maps of one pair of sides, from their stores alone.

Nothing here asks for audio or a config: what is compared is named by stores, keys of clips and a
seed, so that `jaxprobe verify` can compute every map again.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.analysis import cca, pairs, principal
from jaxprobe.core import fs, rng
from jaxprobe.features import manifest
from jaxprobe.features.reader import RowReader
from jaxprobe.stages import common_rows
from jaxprobe.stages.score import tidied

VERSION = 1  # Raised whenever a number changes; part of every fingerprint.
ROWS = 20_000
SHUFFLES = 3
DIGITS = 6  # Decimals kept: float32 products hold no more.
AGREES = 2e-5  # How far a number may be from the stored one when it is computed again elsewhere.
SPILL = 4 << 30  # Bytes of rows beyond which they are kept in a file, not in memory.
SAY = 10.0  # Seconds between lines of progress.

INPUT = 'input'
FEATURES = {'fbank': 'log mel', 'chroma': 'chroma'}  # Layers of `fbank_chroma` and their names.
Map = dict[str, Any]  # Of one measure, as it stands in the file.
_NUMBERS = ('values', 'floor', 'floor_max')


class Audio(NamedTuple):
    """The audio that is compared on: keys of the clips of a task, and the item of each."""

    keys: list[str]
    items: list[int]


class Part(NamedTuple):
    """One pair of sides: a map per measure."""

    kind: str
    task: str
    a: str
    b: str
    stores: tuple[str, str]  # Names of directories.


def compute(
    part: Part, audio: Audio, store_dir: Path, seed: int, scratch: Path | None = None
) -> list[Map]:
    """All maps of one part, from the stores.

    Args:
        part: which sides.
        audio: the clips.
        store_dir: holds the stores.
        seed: the run's; the sample of rows and the shuffles are drawn from it.
        scratch: where rows go that are too many for the memory; None: the system's folder.

    Raises:
        StoreError: a store is absent, damaged, or lacks audio.
    """
    readers = [RowReader(store_dir / name, audio.keys) for name in dict.fromkeys(part.stores)]
    first, second = readers[0], readers[-1]
    try:
        drawn = rng.derive(seed, 'similarity', part.task)
        common = common_rows.common(first, second, np.array(audio.items), ROWS, drawn)
        array = _place(4 * len(common.owner) * sum(map(_width, readers)), scratch)
        right = pairs.side(_layers(second, common.second, common.unit, array, part.b), array)
        left = right
        if part.kind != 'layers':
            left = pairs.side(_layers(first, common.first, common.unit, array, part.a), array)
    finally:
        for reader in readers:
            reader.close()
    random = rng.random_state(seed, 'similarity', part.task, 'shuffle')
    orders = pairs.orders(common.owner, SHUFFLES, random)
    shown = _Told(title(part))
    maps = pairs.compare(left, right, orders, shown)
    about = {
        'a': part.a,
        'b': part.b,
        'kind': part.kind,
        'task': part.task,
        'stores': list(part.stores),
        'rows': list(left.names),
        'columns': list(right.names),
        'widths': [list(left.widths), list(right.widths)],
        'ranks': [[own.rank for own in one.axes] for one in (left, right)],
        'unit': common.unit,
        'n_rows': left.rows,
        'n_clips': common.clips,
        'sampled_from': common.of,
        'clips_left_out': common.left_out,
        'shuffles': len(orders),
        'seed': seed,
        'notes': _notes(part, common, left, right, len(orders)),
    }
    return [
        about | {'measure': name} | {k: _rounded(v) for k, v in found._asdict().items()}
        for name, found in maps.items()
    ]


def check(maps: list[Map], known: dict[str, Any], store_dir: Path) -> tuple[str, int, list[str]]:
    """Computes the stored maps of one part again.

    Args:
        maps: one per measure.
        known: task -> what `Audio` holds.
        store_dir: holds the stores.

    Returns:
        The part's name, how many values were compared, and every difference.
    """
    one = maps[0]
    a_store, b_store = one['stores']
    part = Part(one['kind'], one['task'], one['a'], one['b'], (a_store, b_store))
    name = f'similarity, {title(part)}'
    try:
        audio = Audio(**known[part.task])
        print_now = fingerprint(part, audio, store_dir, one['seed'])
        again = {m['measure']: m for m in compute(part, audio, store_dir, one['seed'])}
        counts, found = 0, []
        for stored in maps:
            count, differences = _compared(stored, again[stored['measure']])
            counts, found = counts + count, found + differences
    except Exception as error:  # Whatever a changed file leads to is a finding, not a crash.
        return name, 0, [f'{type(error).__name__}: {error}']
    if print_now != one['fingerprint']:
        found.append('its fingerprint is not that of its stores, clips and settings')
    return name, counts, found


def _compared(stored: Map, again: Map) -> tuple[int, list[str]]:
    """Numbers within `AGREES`, everything else exactly."""
    count, found, what = 0, [], stored['measure']
    for field in _NUMBERS:
        before, now = (np.array(one[field], np.float64) for one in (stored, again))
        count += now.size
        if before.shape != now.shape:
            found.append(f'{what}.{field}: stored {before.shape}, recomputed {now.shape}')
            continue
        for i, j in np.argwhere(~np.isclose(before, now, rtol=0, atol=AGREES, equal_nan=True)):
            found.append(
                f'{what}.{field} of ({again["rows"][i]}, {again["columns"][j]}): stored '
                f'{before[i, j]}, recomputed {now[i, j]}'
            )
    for field in sorted(again.keys() - {*_NUMBERS}):
        count += 1
        if stored.get(field) != again[field]:
            found.append(
                f'{what}.{field}: stored {stored.get(field)!r}, recomputed {again[field]!r}'
            )
    return count, found


def fingerprint(part: Part, audio: Audio, store_dir: Path, seed: int) -> str:
    """Hash of all that decides a part's numbers.

    Raises:
        StoreError: a store is absent or damaged.
    """
    specs = [manifest.read_spec(store_dir / name) for name in part.stores]
    return fs.digest(
        {
            'version': VERSION,
            'part': list(part[:4]),
            'stores': [spec.fingerprint for spec in specs],
            'audio': [audio.keys, audio.items],
            'seed': seed,
            'settings': settings(),
        },
        64,
    )


def settings() -> dict[str, Any]:
    """What decides the numbers beside the embeddings."""
    return {
        'rows_at_most': ROWS,
        'shuffles': SHUFFLES,
        'floor_layers': pairs.FLOOR_LAYERS,
        'tolerance': principal.TOLERANCE,
        'svcca_share': principal.SHARE,
    }


def _layers(
    reader: RowReader, rows: np.ndarray, unit: str, array: common_rows.Array, label: str
) -> Iterator[tuple[str, np.ndarray]]:
    """The layers of a side; of input features those that are features, by their names."""
    for name, values in common_rows.layers(reader, rows, unit, array):
        if label != INPUT:
            yield name, values
        elif name in FEATURES:
            yield FEATURES[name], values


def _notes(
    part: Part, common: common_rows.Common, left: pairs.Side, right: pairs.Side, shuffles: int
) -> list[str]:
    """What a reader of the maps has to know."""
    about, found = title(part), []
    cells = [(i, j) for i in range(len(left.names)) for j in range(len(right.names))]
    i, j = max(cells, key=lambda cell: cca.forced(left.axes[cell[0]], right.axes[cell[1]]))
    if few := cca.few_rows(left.axes[i], right.axes[j]):
        found.append(f'{about}: {left.names[i]} and {right.names[j]} have {few}')
    for label, store_dtype in zip((part.a, part.b), common.dtypes, strict=True):
        if store_dtype == 'bfloat16':
            found.append(
                f'{about}: {label} is stored as bfloat16, whose rounding adds some 1e-6 of the '
                f'variance to every direction: weak ones are noise, and count as varying.'
            )
    if common.unit == 'clips':
        found.append(
            f'{about}: the two cut audio differently, so rows are {common.clips} clips (means over '
            f'their windows), not windows.'
        )
    if common.left_out:
        found.append(
            f'{about}: {common.left_out} clips are left out, which one of the stores lacks or cut '
            f'into another number of windows.'
        )
    for label, one in ((part.a, left), (part.b, right)):
        still = [name for name, own in zip(one.names, one.axes) if not own.rank]
        if still:
            found.append(f'{about}: {label}: {", ".join(still)} does not vary: no similarity.')
    if not shuffles:
        found.append(f'{about}: all rows are of one item: there is no noise floor.')
    return list(dict.fromkeys(found))


def title(part: Part) -> str:
    """Names a part in messages."""
    if part.kind == 'layers':
        return f'layers of {part.a} on {part.task}'
    return f'{part.a} and {part.b} on {part.task}'


def _width(reader: RowReader) -> int:
    return sum(width for _, width in reader.spec.layers)


def _place(size: int, scratch: Path | None) -> common_rows.Array:
    """Where so many bytes of rows are kept: in memory, or in files that end with their last use."""

    def memory(shape: tuple[int, int]) -> np.ndarray:
        return np.empty(shape, np.float32)

    def file(shape: tuple[int, int]) -> np.ndarray:
        with tempfile.TemporaryFile(dir=scratch) as unnamed:
            return np.memmap(unnamed, np.float32, 'w+', shape=shape) if shape[1] else memory(shape)

    return file if size > SPILL else memory


def _rounded(values: np.ndarray) -> list[list[float | None]]:
    return tidied(np.round(values, DIGITS).tolist())


class _Told:
    """Says how far the pairs are, every ten seconds."""

    def __init__(self, title: str):
        """Says nothing yet."""
        self._title, self._began = title, time.monotonic()
        self._next = self._began + SAY

    def __call__(self, done: int, of: int) -> None:
        """Takes how many pairs are done."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + SAY
            left = (of - done) * (now - self._began) / done
            print(f'   {self._title}: {done} of {of} pairs, {left:.0f} s left', flush=True)
