"""What a store costs beside a plain numpy memory map, one JSON line per case.

    python -m benchmarks.store
    python -m benchmarks.store --rows 4000 --layers 13 --width 1024 --dtype bfloat16

`store` goes through the program's own writer and reader: tf.Example records, shards that are
fsynced, verified, hashed and renamed; rows come back as float32. `memmap` is one .npy file of
the same numbers: no keys, no checksums, nothing that survives a kill. Rates are rows per second
and MB/s of embeddings, medians over interleaved rounds; reads are from the page cache; `load`
reads all rows in order, `random` `--batch` rows at a time in random order.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np

from jaxprobe.features import manifest, reader, writer
from jaxprobe.features.keys import keys_of
from jaxprobe.features.manifest import Entry, Planned
from jaxprobe.features.spec import Clip, StoreSpec

DTYPES = {'float32': np.dtype(np.float32), 'bfloat16': np.dtype(ml_dtypes.bfloat16)}


class Store:
    """The program's own store, of one clip per `per_clip` rows."""

    def __init__(self, folder: Path, rows: np.ndarray, per_clip: int, shards: int):
        """Prepares clips (small files that stand for audio) and the plan."""
        n, layers, width = rows.shape
        dtype = next(name for name, kind in DTYPES.items() if kind == rows.dtype)
        self.rows, self.per_clip = rows, per_clip
        self.spec = StoreSpec(
            encoder='bench',
            weights_sha256='none',
            port_version=1,
            layers=tuple((f'layer{i}', width) for i in range(layers)),
            store_dtype=dtype,
            sample_rate=1,
            window_samples=1,
            hop_samples=1,
            batch_windows=1,
        )
        self.path = self.spec.path(folder / 'stores')
        self.path.mkdir(parents=True)
        self.clips = [Clip(folder / f'{i}.clip') for i in range(n // per_clip)]
        for clip in self.clips:
            clip.path.write_text(clip.path.name)
        self.keys = [key for key in keys_of(self.clips, folder / 'stores').keys if key]
        planned = [Planned(key, 1.0) for key in self.keys]
        self.plan = [
            [planned[i] for i in part] for part in np.array_split(range(len(planned)), shards)
        ]
        manifest.pin(self.path, self.spec)
        manifest.write_manifest(self.path, self.plan)

    def write(self) -> None:
        """Writes all shards with their sidecars."""
        row = 0
        for index, clips in enumerate(self.plan):
            with writer.shard(self.path, index) as shard:
                for clip in clips:
                    for window in range(self.per_clip):
                        groups = {self.rows.shape[2]: self.rows[row]}
                        shard.write(writer.record(clip.key, window, 0.0, False, groups))
                        row += 1
                    shard.entries.append(Entry(clip.key, self.per_clip, 0, 0))

    def load(self) -> None:
        """Reads everything."""
        reader.load(self.path, self.clips)

    def random(self, batches: list[np.ndarray]) -> None:
        """Reads batches of rows."""
        with reader.RowReader(self.path, self.clips) as rows:
            for batch in batches:
                rows.read(batch)

    def size(self) -> int:
        """Bytes on disk, everything counted."""
        return sum(path.stat().st_size for path in self.path.iterdir())


class Memmap:
    """One .npy file."""

    def __init__(self, folder: Path, rows: np.ndarray):
        """bfloat16 goes as uint16: .npy has no name for it."""
        self.path, self.dtype = folder / 'rows.npy', rows.dtype
        self.rows = rows.view(np.uint16) if rows.dtype.itemsize == 2 else rows

    def write(self) -> None:
        """Writes row by row, as results come, and flushes."""
        file = np.lib.format.open_memmap(self.path, 'w+', self.rows.dtype, self.rows.shape)
        for i, row in enumerate(self.rows):
            file[i] = row
        file.flush()

    def load(self) -> None:
        """Reads everything."""
        self._open().astype(np.float32)

    def random(self, batches: list[np.ndarray]) -> None:
        """Reads batches of rows."""
        file = self._open()
        for batch in batches:
            file[batch].astype(np.float32)

    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    def _open(self) -> np.ndarray:
        return np.load(self.path, mmap_mode='r').view(self.dtype)


def timed(run: Callable[[], None]) -> float:
    """Wall seconds of one run."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def bench(args: argparse.Namespace, dtype: str) -> None:
    """Times both on the same numbers and prints their lines."""
    rng = np.random.default_rng(0)
    shape = (args.rows, args.layers, args.width)
    rows = rng.standard_normal(shape, np.float32).astype(DTYPES[dtype])
    order = rng.permutation(args.rows)
    batches = [order[i : i + args.batch] for i in range(0, args.rows, args.batch)]
    with tempfile.TemporaryDirectory() as folder:
        both = {
            'store': Store(Path(folder), rows, args.per_clip, args.shards),
            'memmap': Memmap(Path(folder), rows),
        }
        spent: dict[str, list[dict[str, float]]] = {name: [] for name in both}
        for _ in range(args.rounds):
            for name, kind in both.items():
                runs = {
                    'write': kind.write,
                    'load': kind.load,
                    'random': lambda k=kind: k.random(batches),
                }
                spent[name].append({case: timed(run) for case, run in runs.items()})
        for name, kind in both.items():
            line = {
                'benchmark': 'store',
                'kind': name,
                'shape': list(shape),
                'dtype': dtype,
                'bytes': kind.size(),
                'bytes_over_raw': round(kind.size() / rows.nbytes, 4),
            }
            for case in ('write', 'load', 'random'):
                seconds = statistics.median(round_[case] for round_ in spent[name])
                line[f'{case}_rows_per_s'] = round(args.rows / seconds)
                line[f'{case}_mb_per_s'] = round(rows.nbytes / seconds / 1e6, 1)
            print(json.dumps(line))


def main() -> None:
    """Runs the benchmark for the dtypes asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--rows', type=int, default=2000)
    parser.add_argument('--layers', type=int, default=13)
    parser.add_argument('--width', type=int, default=1024)
    parser.add_argument('--dtype', choices=list(DTYPES), nargs='*', default=list(DTYPES))
    parser.add_argument('--per-clip', type=int, default=5)
    parser.add_argument('--shards', type=int, default=2)
    parser.add_argument('--batch', type=int, default=256)
    parser.add_argument('--rounds', type=int, default=5)
    args = parser.parse_args()
    for dtype in args.dtype:
        bench(args, dtype)


if __name__ == '__main__':
    main()
