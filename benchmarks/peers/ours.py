"""Our side: the whole program from audio to report, and a bank from a store.

    python -m benchmarks.peers.ours STORE RESULT

The second is what this module does when run: it is a process as a user starts it, and reads
`STORE/task.json` (what to train), the store beside it, trains, and writes the logits.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import process
from benchmarks.peers.data import Clip
from benchmarks.store import Store

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
from jaxprobe.core import config


def get_config(mode='full'):
    config.check_mode(mode)
    c = config.base()
    c.encoder = config.encoder({encoder!r})
    c.encoder.weights = c.encoder.arch = {weights!r}
    c.encoder.window_seconds = {seconds!r}
    c.probe.epochs = {epochs!r}
    c.tasks = dict(gtzan_genre={{}})
    return c
"""


def pipeline(
    data: Path,
    scratch: Path,
    encoder: str,
    weights: str,
    seconds: float,
    epochs: int,
    stages: str = '',
) -> process.Ran:
    """`python -m jaxprobe.launch` on the data, nothing compiled beforehand."""
    scratch.mkdir(parents=True, exist_ok=True)
    config = scratch / 'config.py'
    config.write_text(
        CONFIG.format(encoder=encoder, weights=weights, seconds=seconds, epochs=epochs)
    )
    command = [
        sys.executable,
        '-m',
        'jaxprobe.launch',
        f'--config={config}',
        f'--workdir={scratch / "run"}',
        f'--config.data_dir={data}',
        f'--config.store_dir={scratch / "stores"}',
        *([f'--stages={stages}'] if stages else []),
    ]
    # A cold cache: a user's first run compiles. Published weights come from the shared one.
    cache = {} if stages else {'JAXPROBE_CACHE': str(scratch / 'cache')}
    return process.run(command, ROOT, scratch / 'log', cache)


def keep(folder: Path, rows: np.ndarray, chosen: list[Clip], banks: list[dict[str, Any]]) -> None:
    """Writes rows [N, L, D] to a store, and what to train on it.

    Args:
        folder: where the store goes.
        rows: of the clips, in their order.
        chosen: the clips.
        banks: fields of `BankSpec` beside the grid's shape, one bank after another.
    """
    folder.mkdir(parents=True)
    store = Store(folder, rows, 1, 2)
    store.write()
    task = {
        'store': str(store.path),
        'clips': [str(clip.path) for clip in store.clips],
        'split': [clip.split for clip in chosen],
        'label': [clip.label for clip in chosen],
        'width': rows.shape[2],
        'layers': rows.shape[1],
        'banks': banks,
    }
    (folder / 'task.json').write_text(json.dumps(task))


def bank(folder: Path, scratch: Path) -> process.Ran:
    """One process that reads a store and trains its banks; cold compilation included."""
    command = [sys.executable, '-m', 'benchmarks.peers.ours', str(folder), str(scratch / 'result')]
    return process.run(command, ROOT, scratch / 'log')


def told(result: Path) -> dict[str, Any]:
    """What the process of `bank` found: seconds of its parts, epochs, scores."""
    return json.loads(result.with_suffix('.json').read_text())


def main(folder: Path, result: Path) -> None:
    """Reads, trains, writes."""
    began = time.perf_counter()
    from jaxprobe.features import reader
    from jaxprobe.features.spec import Clip as StoredClip
    from jaxprobe.probes import bank as banks

    task = json.loads((folder / 'task.json').read_text())
    imported = time.perf_counter()
    clips = [StoredClip(Path(path)) for path in task['clips']]
    rows = reader.load(Path(task['store']), clips).groups
    width, layers = task['width'], task['layers']
    label, part = np.asarray(task['label']), np.asarray(task['split'])
    splits = {}
    for name in ('train', 'valid', 'test'):
        at = np.flatnonzero(part == name)
        n = np.arange(len(at))
        splits[name] = banks.Split({width: rows[width][at]}, n, np.ones(len(at), int), label[at])
    read = time.perf_counter()
    sources = [banks.Source(str(layer), (layer,)) for layer in range(layers)]
    if layers > 1:  # As MARBLE v1: without what enters the first block.
        sources.append(banks.Source('all', tuple(range(1, layers)), learned=True))
    scores: list[dict[str, Any]] = []
    for fields in task['banks']:
        asked: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()
        }
        spec = banks.BankSpec(
            task='gtzan_genre',
            kind='multiclass',
            outputs=10,
            sources=tuple(sources),
            root_seed=0,
            **asked,
        )
        found = banks.train(spec, (width,) * layers, *splits.values())
        right = found.test_logits.argmax(-1) == splits['test'].targets
        scores += [
            {'layer': a, 'rate': float(b), 'epochs': int(c), 'test': round(float(d), 4)}
            for a, b, c, d in zip(
                found.source, found.learning_rate, found.epochs_run, right.mean(-1), strict=True
            )
        ]
        np.savez(result.with_suffix(f'.{len(scores)}.npz'), test=found.test_logits)
    done = time.perf_counter()
    parts = {'import': imported - began, 'read': read - imported, 'train': done - read}
    seconds = {name: round(value, 2) for name, value in parts.items()}
    result.with_suffix('.json').write_text(json.dumps({'seconds': seconds, 'cells': scores}))


if __name__ == '__main__':
    main(*map(Path, sys.argv[1:]))
