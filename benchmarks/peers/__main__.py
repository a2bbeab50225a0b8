r"""A sweep end to end by peers' own code and by ours, in one run on the same data.

    python -m benchmarks.peers --marble_v1=DIR --marble_v1_python=PY \
        --marble_v2=DIR --marble_v2_python=PY --mir_ref=DIR --mir_ref_python=PY \
        [--rows=v1,v1_shape,v2,mir_ref] [--cells=3] [--encoder=small]

DIR is a checkout of the peer, PY a python that has what it requires. One JSON line per row:

- `v1`: MARBLE v1 on real recordings: its extractor once, then a process per (layer, rate). 84.
- `v1_shape`: the same processes on synthetic features of MERT-95M's shape, 13 x 768, no extraction
  on either side; ours reads its store.
- `v2`: MARBLE v2 on the same recordings, the encoder in its loop. 78 cells, it has no mix. Only
  `--epochs` of a cell are run; a cell is taken to train as many as ours did on average.
- `mir_ref`: one vector per clip (MusiCNN's, published weights, by our port for both sides), its
  three example probes x 6 rates; extraction on neither side. Of a cell `--epochs` are run, as of
  `v2`: it starts and ends eight processes in every epoch.

A cell of theirs is timed from the start of its process to its end. `ours_s` is the wall time of
whole processes too, imports and compilation (nothing cached) included, and for `v1` and `v2` audio
decoding, extraction, every cell, intervals and the report. Take no ratio from a busy machine:
`load` and CPU seconds are printed with each.
"""

import argparse
import collections
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import arithmetic, data, marble_v1, marble_v2, mir_ref, ours, process
from jaxprobe.core.config import LEARNING_RATES

PEERS = {'marble_v1': marble_v1, 'marble_v2': marble_v2, 'mir_ref': mir_ref}
ROWS = {'v1': 'marble_v1', 'v1_shape': 'marble_v1', 'v2': 'marble_v2', 'mir_ref': 'mir_ref'}
CHECKPOINT = Path(__file__).with_name('checkpoint.py')
WIDTHS = {'small': 96, 'base': 768}
ENCODER, SECONDS = 'mert_v1_95m', 1.0


class Bench:
    """The shared data, and what several rows need once."""

    def __init__(self, given: argparse.Namespace, scratch: Path):
        """Makes the data set; nothing is timed."""
        self.given, self.scratch = given, scratch
        self.data = scratch / 'data' / 'gtzan_genre'
        self.chosen = data.make(self.data, given.recordings)
        self.weights = scratch / 'weights'
        self._whole: list[process.Ran] = []

    def checkpoint(self, python: str) -> None:
        """The encoder of rows v1 and v2, if it is not there yet."""
        if not self.weights.exists():
            command = [python, str(CHECKPOINT), str(self.weights), self.given.encoder]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def whole(self) -> float:
        """Seconds of our whole program on the recordings, the mean of `--ours` runs."""
        while len(self._whole) < self.given.ours:
            folder = self.scratch / f'ours_{len(self._whole)}'
            self._whole.append(
                ours.pipeline(
                    self.data.parent, folder, ENCODER, str(self.weights), SECONDS, self.given.most
                )
            )
        return statistics.fmean(ran.seconds for ran in self._whole)

    def cells(self) -> dict[tuple[str, float], tuple[int, float]]:
        """(layer, rate) -> epochs and test accuracy of our own cells of `whole`."""
        from jaxprobe.stages import results

        record = results.read_bank(
            self.scratch / 'ours_0' / 'run' / 'results' / ENCODER, 'gtzan_genre'
        )
        names = ['all' if name == 'mix' else str(_depth(name)) for name in record.source]
        labels = [clip.label for clip in self.chosen if clip.split == 'test']
        right = (record.test_logits.argmax(-1) == np.asarray(labels)).mean(-1)
        rates = [round(float(rate), 9) for rate in record.learning_rate]
        return {
            key: (int(epochs), round(float(score), 4))
            for key, epochs, score in zip(zip(names, rates), record.epochs_run, right, strict=True)
        }

    def parts(self) -> dict[str, Any]:
        """What `whole` is made of: stages of its first run, and its CPU seconds."""
        cost = json.loads((self.scratch / 'ours_0' / 'run' / 'cost.json').read_text())
        cpu = [round(ran.cpu, 1) for ran in self._whole]
        return {'our_runs_s': [round(ran.seconds, 1) for ran in self._whole]} | {
            'our_stages_s': cost['stages'],
            'our_cpu_s': cpu,
        }

    def features(self) -> np.ndarray:
        """What our extractor stored, [N, L, D]."""
        return stored(self.scratch / 'ours_0' / 'stores', self.data, self.chosen)

    def bank(self, name: str, rows: np.ndarray, banks: list[dict[str, Any]]) -> dict[str, Any]:
        """Our bank from a store, `--ours` times in processes of its own."""
        folder = self.scratch / name
        ours.keep(folder / 'store', rows, self.chosen, banks)
        ran = [ours.bank(folder / 'store', folder) for _ in range(self.given.ours)]
        return {'ran': ran, 'seconds': statistics.fmean(r.seconds for r in ran)} | {
            'told': ours.told(folder / 'result')
        }


def row_v1(bench: Bench) -> dict[str, Any]:
    """MARBLE v1 from audio."""
    given = bench.given
    peer = marble_v1.Marble(given.marble_v1, given.marble_v1_python, bench.scratch, given.most)
    bench.checkpoint(peer.python)
    mine = bench.whole()
    own = bench.cells()
    out = bench.scratch / 'v1_features'
    extraction = peer.extract(bench.data, bench.weights, out)
    width = WIDTHS[given.encoder]
    grid = arithmetic.spread(marble_v1.LAYERS, sorted(LEARNING_RATES), given.cells)
    cells = [peer.probe(bench.data, out, width, layer, rate) for layer, rate in grid]
    theirs = np.stack([np.load(out / f'{clip.name}.npy')[:, 0] for clip in bench.chosen])
    n = len(marble_v1.LAYERS) * len(LEARNING_RATES)
    epochs = statistics.fmean(count for count, _ in own.values())
    apart = float(np.abs(theirs - bench.features()).max())
    return {
        'extraction_s': round(extraction.seconds, 2),
        'read_once_s': round(peer.read_seconds(bench.data, out), 3),
        'cells': [list(cell) for cell in grid],
        'test_accuracy': [scored(cell.log, 'test_acc') for cell in cells],
        'our_test_accuracy': [own[layer, rate][1] for layer, rate in grid],
        'our_epochs': [own[layer, rate][0] for layer, rate in grid],
        'features_apart': apart,
        'features_rms': round(float(np.sqrt((theirs**2).mean())), 4),
        'our_cells': len(own),
        **bench.parts(),
        **arithmetic.at_epochs(cells, epochs, n, extraction.seconds),
        **arithmetic.extrapolated(cells, n, extraction.seconds, mine),
    }


def row_v1_shape(bench: Bench) -> dict[str, Any]:
    """MARBLE v1's probes alone, at the true shape."""
    given = bench.given
    peer = marble_v1.Marble(given.marble_v1, given.marble_v1_python, bench.scratch, given.most)
    labels = [clip.label for clip in bench.chosen]
    rows = data.synthetic(len(labels), 13, 768, labels)
    out = bench.scratch / 'shape_features'
    data.features(out, bench.chosen, rows)
    fields = {
        'learning_rates': LEARNING_RATES,
        'seeds': given.seeds,
        'monitor': 'accuracy',
        'plateau_patience': 6,
        'epochs': given.most,
    }
    mine = bench.bank('shape', rows, [fields])
    grid = arithmetic.spread(marble_v1.LAYERS, sorted(LEARNING_RATES), given.cells)
    cells = [peer.probe(bench.data, out, 768, layer, rate) for layer, rate in grid]
    own = {(c['layer'], round(c['rate'], 9)): c for c in mine['told']['cells']}
    n = len(marble_v1.LAYERS) * len(LEARNING_RATES) * given.seeds
    return {
        'read_once_s': round(peer.read_seconds(bench.data, out), 3),
        'cells': [list(cell) for cell in grid],
        'test_accuracy': [scored(cell.log, 'test_acc') for cell in cells],
        'our_test_accuracy': [own[cell]['test'] for cell in grid],
        'our_epochs': [own[cell]['epochs'] for cell in grid],
        'our_parts_s': mine['told']['seconds'],
        'our_cells': len(mine['told']['cells']),
        'our_cpu_s': [round(ran.cpu, 1) for ran in mine['ran']],
        'our_runs_s': [round(ran.seconds, 1) for ran in mine['ran']],
        **arithmetic.at_epochs(cells, _mean_epochs(mine), n, 0.0),
        **arithmetic.extrapolated(cells, n, 0.0, mine['seconds']),
    }


def row_v2(bench: Bench) -> dict[str, Any]:
    """MARBLE v2 from audio, at every step."""
    given = bench.given
    peer = marble_v2.Marble(given.marble_v2, given.marble_v2_python, bench.scratch, given.workers)
    bench.checkpoint(peer.python)
    mine = bench.whole()
    own = bench.cells()
    width = WIDTHS[given.encoder]
    grid = arithmetic.spread(marble_v2.LAYERS, sorted(LEARNING_RATES), min(2, given.cells))
    cells = [
        peer.cell(bench.data, bench.weights, width, layer, rate, given.epochs)
        for layer, rate in grid
    ]
    epochs = statistics.fmean(count for (layer, _), (count, _) in own.items() if layer != 'all')
    grid_size = len(marble_v2.LAYERS) * len(LEARNING_RATES)
    parts = collections.Counter(clip.split for clip in bench.chosen)
    return {
        'cells': [list(cell) for cell in grid],
        # Where the encoder is all the cost, their ratio is the ratio to ours.
        'clips_encoded': round(
            grid_size * (epochs * (parts['train'] + parts['valid']) + parts['test'])
        ),
        'our_clips_encoded': len(bench.chosen),
        'cells_measured': len(cells),
        'epochs_measured': [cell.fit.epochs for cell in cells],
        'cells_of_grid': grid_size,
        'test_accuracy': [scored(cell.test.log, 'test/file_acc') for cell in cells],
        'fit_s': [round(cell.fit.seconds, 2) for cell in cells],
        'test_s': [round(cell.test.seconds, 2) for cell in cells],
        'cell_cpu_s': [round(cell.fit.cpu + cell.test.cpu, 2) for cell in cells],
        'start_up_s': [round(cell.fit.first, 2) for cell in cells],
        'epoch_s': [round(cell.fit.per_epoch, 3) for cell in cells],
        'our_cells': len(own),
        **bench.parts(),
        **arithmetic.by_epochs(
            statistics.fmean(cell.beside_epochs for cell in cells),
            statistics.fmean(cell.fit.per_epoch for cell in cells),
            epochs,
            grid_size,
            0.0,
            mine,
        ),
    }


def row_mir_ref(bench: Bench) -> dict[str, Any]:
    """mir_ref's probes of one vector per clip."""
    given = bench.given
    peer = mir_ref.MirRef(given.mir_ref, given.mir_ref_python, bench.scratch)
    folder = bench.scratch / 'musicnn'
    ours.pipeline(bench.data.parent, folder, 'musicnn_msd', '', 0.0, given.most, 'prepare,extract')
    vectors = stored(folder / 'stores', bench.data, bench.chosen, 200)[:, -1]
    peer.write(bench.chosen, vectors)
    shared = {
        'learning_rates': LEARNING_RATES,
        'seeds': 1,
        'monitor': 'loss',
        'plateau_patience': 1000,  # It has no schedule.
        'stop_patience': mir_ref.PATIENCE,
        'epochs': given.most,
        'dropout': 0.0,
        'l2': mir_ref.DECAY,
    }
    heads = {name: mir_ref.hidden(name, vectors.shape[1]) for name in mir_ref.HEADS}
    banks = [shared | {'hidden': hidden} for hidden in heads.values()]
    mine = bench.bank('vectors', vectors[:, None], banks)
    names, n = list(heads)[: given.cells], len(heads) * len(LEARNING_RATES)
    # Measured in processes of their own, but it trains all of a YAML in one: it starts once.
    cells, once = arithmetic.in_one_process([peer.train(name, given.epochs) for name in names])
    return {
        'cells': [[name, mir_ref.RATE] for name in names],
        'vector': vectors.shape[1],
        'cells_measured': len(cells),
        'epochs_measured': [cell.epochs for cell in cells],
        'cells_of_grid': n,
        'cell_s': [round(cell.seconds, 2) for cell in cells],
        'cell_cpu_s': [round(cell.cpu, 2) for cell in cells],
        'start_up_s': round(once, 2),
        'epoch_s': [round(cell.per_epoch, 3) for cell in cells],
        'our_parts_s': mine['told']['seconds'],
        'our_cells': len(mine['told']['cells']),
        'our_cpu_s': [round(ran.cpu, 1) for ran in mine['ran']],
        'our_runs_s': [round(ran.seconds, 1) for ran in mine['ran']],
        **arithmetic.by_epochs(
            statistics.fmean(cell.seconds - cell.epochs * cell.per_epoch for cell in cells),
            statistics.fmean(cell.per_epoch for cell in cells),
            _mean_epochs(mine),
            n,
            once,
            mine['seconds'],
        ),
    }


RUN: dict[str, Callable[[Bench], dict[str, Any]]] = {
    'v1': row_v1,
    'v1_shape': row_v1_shape,
    'v2': row_v2,
    'mir_ref': row_mir_ref,
}


def stored(stores: Path, root: Path, chosen: list[data.Clip], width: int = 0) -> np.ndarray:
    """Reads the one store below `stores`: [N, L, D], of layers of that width."""
    from jaxprobe.features import manifest, reader
    from jaxprobe.features.spec import Clip

    (store,) = (path.parent for path in stores.rglob(manifest.FINGERPRINT))
    clips = [Clip(root / 'genres' / clip.name) for clip in chosen]
    groups = reader.load(store, clips).groups
    return groups[width or max(groups)]


def scored(log: Path, name: str) -> float | None:
    """The last number that a log has after a metric's name."""
    said = log.read_text(errors='replace').split(name)
    digits = ''.join(c if c in '0123456789.' else ' ' for c in said[-1][:80]).split()
    return round(float(digits[0]), 4) if len(said) > 1 and digits else None


def refused(given: argparse.Namespace, rows: list[str]) -> str:
    """What is missing for these rows and how to get it; '' if nothing is."""
    said = []
    for name in dict.fromkeys(ROWS[row] for row in rows):
        checkout, python = getattr(given, name), getattr(given, f'{name}_python')
        module = PEERS[name]
        if checkout is None or not (checkout / module.MARK).is_file():
            said.append(f'--{name}=DIR: a checkout, {module.MARK} in it. {module.HOW}.')
        elif not python or shutil.which(python) is None:
            said.append(f'--{name}_python=PY: a python with what it requires. {module.HOW}.')
    return '\n'.join(said)


def _mean_epochs(mine: dict[str, Any]) -> float:
    return statistics.fmean(cell['epochs'] for cell in mine['told']['cells'])


def _depth(name: str) -> int:
    return 0 if name == 'input' else int(name.removeprefix('block'))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        'python -m benchmarks.peers',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in PEERS:
        parser.add_argument(f'--{name}', type=lambda path: Path(path).resolve(), metavar='DIR')
        parser.add_argument(f'--{name}_python', default='', metavar='PY')
    parser.add_argument('--rows', default=','.join(ROWS))
    parser.add_argument('--cells', type=int, default=3, help='of theirs, measured in each row')
    parser.add_argument('--epochs', type=int, default=3, help='of a cell of rows v2 and mir_ref')
    parser.add_argument('--seeds', type=int, default=1, help='of row v1_shape')
    parser.add_argument('--workers', type=int, default=8, help="v2's loaders; 8 in its configs")
    parser.add_argument('--ours', type=int, default=1, help='runs of ours whose mean is quoted')
    parser.add_argument('--encoder', choices=list(WIDTHS), default='small')
    parser.add_argument('--most', type=int, default=100, help='epochs of any cell; fewer: a trial')
    parser.add_argument('--scratch', type=Path, help='kept; else a temporary folder')
    shared = Path(__file__).resolve().parents[3] / 'shared/data/fsdd/recordings'
    parser.add_argument('--recordings', type=Path, default=shared, help='of FSDD')
    return parser


def main(argv: list[str] | None = None) -> int:
    """Prints one JSON line per row; 2 if a peer is missing."""
    given = _parser().parse_args(argv)
    rows = given.rows.split(',')
    if unknown := set(rows) - set(ROWS):
        print(f'--rows: {sorted(unknown)} unknown; there are {", ".join(ROWS)}', file=sys.stderr)
        return 2
    if said := refused(given, rows):
        print(f'Peers are not part of this repository. Needed:\n{said}', file=sys.stderr)
        return 2
    if given.scratch and given.scratch.exists() and any(given.scratch.iterdir()):
        print(f'--scratch={given.scratch} is not empty: a run that continues is no measurement.',
              file=sys.stderr)  # fmt: skip
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        scratch = (given.scratch or Path(temporary)).resolve()
        bench = Bench(given, scratch)
        for row in rows:
            before = os.getloadavg()[0]
            found = RUN[row](bench)
            load = {'load': [round(before, 2), round(os.getloadavg()[0], 2)]}
            print(json.dumps({'row': row, 'encoder': given.encoder} | found | load), flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
