"""What the bookkeeping of a store costs by clip: manifest, sidecars, index, hashes, open files.

    python -m benchmarks.metadata [--clips=100000] [--per-shard=60]

Makes a store without embeddings (shards of no bytes, 60 clips of 30 s each, sidecars as the program
writes them) and times what every run does with it. Prints one JSON line per step: seconds, those
of the processor, bytes on disk and memory grown, in all and per clip. Then whether rows of
more shards can be read than files may be open at once, and what the host draws for an epoch.
"""

import argparse
import gc
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError
from jaxprobe.features import manifest, reader, writer
from jaxprobe.features.keys import CACHE
from jaxprobe.features.manifest import Entry, Planned
from jaxprobe.features.spec import StoreSpec
from jaxprobe.probes import bank, data, draws

_PAGE = os.sysconf('SC_PAGE_SIZE')


def spec_of() -> StoreSpec:
    """A store's settings; what they are does not matter here."""
    return StoreSpec(
        encoder='bench',
        weights_sha256='none',
        port_version=1,
        layers=(('layer0', 4),),
        sample_rate=1,
        window_samples=30,
        hop_samples=30,
        batch_windows=1,
    )


def keys(clips: int) -> list[str]:
    """Keys as clips have them: 32 hex digits."""
    return [f'{(n * 0x9E3779B97F4A7C15F39CC0605CEDC834) % 2**128:032x}' for n in range(clips)]


def measure(store: Path, clips: int, per_shard: int) -> list[dict[str, Any]]:
    """Goes through what a run does with a store of so many clips."""
    names = keys(clips)
    plan = [
        [Planned(key, 30.0) for key in names[i : i + per_shard]] for i in range(0, clips, per_shard)
    ]
    found: list[dict[str, Any]] = []

    def step(what: str, work: Callable[[], Any], path: Path | None = None) -> Any:
        gc.collect()
        before, began = _resident(), time.perf_counter()
        processor = time.process_time()
        made = work()
        seconds, processor = time.perf_counter() - began, time.process_time() - processor
        gc.collect()
        grown = max(0, _resident() - before)
        size = path.stat().st_size if path else 0
        found.append(
            {
                'step': what,
                'clips': clips,
                'shards': len(plan),
                'seconds': round(seconds, 3),
                'microseconds_per_clip': round(1e6 * seconds / clips, 2),
                'core_microseconds_per_clip': round(1e6 * processor / clips, 2),
                'memory_bytes_per_clip': round(grown / clips),
                'disk_bytes_per_clip': round(size / clips, 1),
            }
        )
        return made

    manifest.pin(store, spec_of())
    path = store / manifest.MANIFEST
    step('write manifest', lambda: manifest.write_manifest(store, plan), path)
    step('write sidecars', lambda: _sidecars(store, plan))
    held = step('read manifest', lambda: manifest.read_manifest(store), path)
    del held
    numbers = range(len(plan))
    held = step('read sidecars', lambda: [manifest.read_sidecar(store, i) for i in numbers])
    del held
    held = step('open reader', lambda: reader.RowReader(store, names))
    held.close()
    del held
    hashes = {f'/data/audio/{n // 1000:05d}/{key}.mp3': [480000, 1763750000000000000, key * 2]
              for n, key in enumerate(names)}  # fmt: skip
    step('write hashes', lambda: fs.write_json(store / CACHE, hashes), store / CACHE)
    del hashes
    held = step('read hashes', lambda: fs.read_json(store / CACHE), store / CACHE)
    del held
    return found


def _sidecars(store: Path, plan: manifest.Manifest) -> None:
    for index, clips in enumerate(plan):
        manifest.shard_path(store, index).touch()
        entries = [Entry(clip.key, 1, 0, 0, sound=clip.key) for clip in clips]
        manifest.write_sidecar(store, index, entries)


def _resident() -> int:
    return int(Path('/proc/self/statm').read_text().split()[1]) * _PAGE


def open_files(store: Path, shards: int, limit: int) -> dict[str, Any]:
    """Reads rows of more shards than files may be open."""
    spec = spec_of()
    manifest.pin(store, spec)
    names = keys(shards)
    manifest.write_manifest(store, [[Planned(key, 30.0)] for key in names])
    for index, key in enumerate(names):
        with writer.shard(store, index) as shard:
            shard.write(writer.record(key, 0, 0.0, False, {4: np.zeros((1, 4), np.float32)}))
            shard.entries.append(Entry(key, 1, 0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        with reader.RowReader(store, names) as rows:
            rows.read(np.arange(shards))
            here = len(list(Path('/proc/self/fd').iterdir()))
        why = ''
    except (StoreError, OSError) as error:
        here, why = limit, str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return {'step': 'open files', 'shards': shards, 'limit': limit, 'open': here, 'error': why}


def draws_of(items: int, steps: int = 2000) -> list[dict[str, Any]]:
    """Processor time of what the host draws for a seed and epoch: an order, the rows of steps."""
    origin = draws.origins(0, 'bench', [0])[0]
    began = time.process_time()
    draws.order(origin, 0, items)
    middle = time.process_time()
    few = 64 * steps
    split = bank.Split({}, np.arange(few), np.ones(few, int), np.zeros(few, int))
    order = draws.order(origin, 0, few)
    start = time.process_time()
    data.batch_rows(order, split, range(steps), data.Layout(steps, 64, 64, steps))
    done = time.process_time()
    return [
        {
            'step': 'order',
            'items': items,
            'core_ns_per_item': round(1e9 * (middle - began) / items),
        },
        {
            'step': 'rows',
            'steps': steps,
            'core_us_per_step': round(1e6 * (done - start) / steps, 1),
        },
    ]


def main() -> None:
    """Prints one JSON line per step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--clips', type=int, default=100_000)
    parser.add_argument('--per-shard', type=int, default=60)
    parser.add_argument('--items', type=int, default=8_000_000, help='of an order')
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for line in measure(Path(folder), given.clips, given.per_shard):
            print(json.dumps(line), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(open_files(Path(folder), 200, 100)), flush=True)
    for line in draws_of(given.items):
        print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
