"""The promise itself: MARBLE's tasks at their true sizes, every layer x rate x seed of each.

    python -m benchmarks.marble_size                                   # on a GPU all of it, in full
    python -m benchmarks.marble_size --tasks=scripted --epochs=2       # 2 epochs, the rest scaled
    python -m benchmarks.marble_size --tasks=frames,decoder --peer

Synthetic embeddings of 13 layers of width 1024 (MuQ's), 84 sources x rates (13 layers and the
learned sum of 12, six rates) x 5 seeds = 420 cells, head 1024-512-C, protocol numbers and items of
`jaxprobe.tasks`, windows as in `benchmarks/marble_tasks.py`. One JSON line per task, one for the
beat decoder, and totals. Rows repeat a block of random ones: time does not depend on their values.

A line says how its `total_s` was come by. `arithmetic` is `compile + setup + epochs x epoch +
finish`, where `epochs` is the protocol's maximum: what early stopping saves depends on data, and is
not assumed (cells are kept from stopping). What was run, `measured`, may be less than the task:

- `--epochs=N` measures N epochs after the first. 0: all of the protocol's. Default: all on an
  accelerator, 2 on a CPU. Compilation is not counted as epochs; an accelerator that reports several
  at once has its first ones measured too.
- on a CPU also fewer items, rates and seeds, in `--work` TFLOP per epoch; blocks of a CPU hold few
  cells and run one after the other, so time is proportional to cells and steps. `scale` is the
  ratio of the multiply-adds of the whole task's epoch, padding rows included, to those that ran.

`core_s` is the same sum of processor time, all threads together: on a machine with other work trust
it, and divide by the cores. `plan` is what `jaxprobe.probes.memory` decides for the whole task on
this device: whether rows are resident or streamed, and how many cells train at once. Where they
are streamed a generator of rows stands for the store here, and the reading of a disk is not in
these times. Every task runs in a process of its own, so that `peak_gb` is its own (device memory;
on a CPU the process's) and nothing is compiled beforehand. `compile` is jax's own count of seconds
in tracing, lowering and XLA. `floor_s` is what no layout can avoid: the multiply-adds of all epochs
at the matrix rate measured here (float32, highest precision), and on an accelerator nine passes
over the parameters of every step at its measured bandwidth.

`--peer` adds the sequential torch loop: steps and evaluations of one cell at the task's mean batch
on the same device, times cells, steps and epochs. Imports jax, optax, numpy (torch for the peer).
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from benchmarks import bare

bare.without_jaxtyping()

import jax  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks import gauges, marble_tasks  # noqa: E402
from benchmarks.marble_tasks import Size  # noqa: E402
from jaxprobe.core.errors import ConfigError  # noqa: E402
from jaxprobe.decoding import beats, state_space  # noqa: E402
from jaxprobe.probes import bank, cells, data, memory  # noqa: E402

RATES = (5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2)
SPLITS = ('train', 'valid', 'test')
GROUPS = {'scripted': marble_tasks.SCRIPTED, 'frames': marble_tasks.FRAMED}
_CPU_FRAME_ITEMS = 16  # Windows a step of frame tasks where only a part is measured: for memory.
_BLOCK = 1024  # Different rows.


class Scope(NamedTuple):
    """How much of the world is there: MARBLE and MuQ, or the seconds of a smoke run."""

    layers: int = 13
    width: int = 1024
    hidden: int = 512
    seeds: int = 5


class Rows:
    """A reader of rows without end: a block of random ones again and again."""

    def __init__(self, rows: int, scope: Scope):
        shape = (min(rows, _BLOCK), scope.layers, scope.width)
        self.width = scope.width
        self.block = np.random.default_rng(0).standard_normal(shape, np.float32)

    def read(self, rows: np.ndarray) -> dict[int, np.ndarray]:
        """Rows by width, in the order asked for."""
        return {self.width: self.block[rows % len(self.block)]}

    def prefetched(self, chunks: Sequence[np.ndarray]) -> Iterator[dict[int, np.ndarray]]:
        """One chunk of rows after another."""
        return (self.read(rows) for rows in chunks)


class Part(NamedTuple):
    """What is run of a task: the spec, its splits, and which share of an epoch's work that is."""

    spec: bank.BankSpec
    splits: dict[str, bank.Split]


def whole(size: Size, scope: Scope) -> Part:
    """The task as it is."""
    protocol = size.protocol
    names = [*map(str, range(scope.layers)), 'mix']
    layers = [*((k,) for k in range(scope.layers)), tuple(range(1, scope.layers))]
    spec = bank.BankSpec(
        task=size.name,
        kind=size.kind,
        outputs=size.outputs,
        sources=tuple(bank.Source(n, k, n == 'mix') for n, k in zip(names, layers, strict=True)),
        learning_rates=RATES,
        seeds=scope.seeds,
        root_seed=0,
        monitor=protocol.monitor,
        hidden=(scope.hidden,) * len(protocol.hidden),
        dropout=protocol.dropout,
        batch_items=protocol.batch_items,
        epochs=protocol.epochs,
        plateau_patience=protocol.plateau_patience,
        plateau_factor=protocol.plateau_factor,
        stop_patience=protocol.epochs,  # None stops early.
        aggregation=protocol.aggregation,
        frames=bool(size.frames),
    )
    return Part(spec, {split: _split(size, split, size.count[split], scope) for split in SPLITS})


def part(size: Size, scope: Scope, work: float) -> Part:
    """A part of the task of about `work` TFLOP an epoch: one seed, fewer rates, items, windows."""
    spec = whole(size, scope).spec
    if size.frames:
        spec = dataclasses.replace(spec, batch_items=_CPU_FRAME_ITEMS)
    rows = data.step_rows(spec, _split(size, 'train', size.count['train'], scope))
    step = 1e-12 * rows * _flop(spec, scope)[0]
    rates = next((n for n in (6, 3, 2) if 2 * step * n * len(spec.sources) <= work), 1)
    spec = dataclasses.replace(spec, seeds=1, learning_rates=RATES[:rates])
    steps = max(2, int(work / (step * rates * len(spec.sources))))
    share = min(1.0, steps * spec.batch_items / len(size.count['train']))
    few = {}
    for split in SPLITS:
        count = size.count[split]
        few[split] = count[
            np.linspace(0, len(count) - 1, max(2, round(share * len(count)))).astype(int)
        ]
    return Part(spec, {split: _split(size, split, few[split], scope) for split in SPLITS})


def _split(size: Size, split: str, count: np.ndarray, scope: Scope) -> bank.Split:
    """Items with random targets, and a reader of their rows."""
    count = count * max(size.frames, 1)
    rows, random = int(count.sum()), np.random.RandomState(SPLITS.index(split))
    n = rows if size.frames else len(count)
    if size.kind == 'multilabel':
        targets = (random.random_sample((n, size.outputs)) < 0.2).astype(np.float32)
        targets[0], targets[-1] = 1.0, 0.0  # Every tag has both kinds of items.
    elif size.kind == 'regression':
        targets = random.standard_normal((n, size.outputs)).astype(np.float32)
    else:
        targets = random.randint(0, size.outputs, n)
    return bank.Split(Rows(rows, scope), np.cumsum(count) - count, count, targets)


def _flop(spec: bank.BankSpec, scope: Scope) -> tuple[float, float]:
    """Multiply-adds (times 2) of one cell for a row of a training step, and for a scored row."""
    first, last = scope.width * spec.hidden[0], spec.hidden[0] * spec.outputs
    return 2 * (2 * first + 3 * last), 2 * (first + last)


def tflop(chosen: Part, scope: Scope) -> float:
    """Of an epoch: steps with their padding, and validation."""
    spec, train = chosen.spec, chosen.splits['train']
    n_cells = len(spec.sources) * len(spec.learning_rates) * spec.seeds
    steps = -(-len(train.first) // spec.batch_items)
    trained, scored = _flop(spec, scope)
    rows = steps * data.step_rows(spec, train)
    return 1e-12 * n_cells * (rows * trained + data.n_rows(chosen.splits['valid']) * scored)


def adam_tb(chosen: Part, scope: Scope) -> float:
    """TB that the steps of an epoch move if each passes nine times over all parameters.

    Read forward; the gradient written; Adam reads it, weights and two moments, and writes three.
    """
    spec = chosen.spec
    first, last = (scope.width + 1) * spec.hidden[0], (spec.hidden[0] + 1) * spec.outputs
    n_cells = len(spec.sources) * len(spec.learning_rates) * spec.seeds
    steps = -(-len(chosen.splits['train'].first) // spec.batch_items)
    return 9 * 4e-12 * (first + last) * n_cells * steps


def on_cpu() -> bool:
    """Whether the default device is the host."""
    return jax.default_backend() == 'cpu'


class _Mark(NamedTuple):
    """Epochs done; seconds of the clock, of the processor (all threads) and of compilation."""

    epochs: int
    wall: float
    processor: float
    compiled: float


def _taken(begin: _Mark, end: _Mark) -> float:
    """Seconds between two marks without those of compilation."""
    return end.wall - begin.wall - (end.compiled - begin.compiled)


def scored_tflop(chosen: Part, scope: Scope) -> float:
    """Of scoring validation and test once."""
    rows = sum(data.n_rows(chosen.splits[split]) for split in ('valid', 'test'))
    spec = chosen.spec
    n_cells = len(spec.sources) * len(spec.learning_rates) * spec.seeds
    return 1e-12 * n_cells * rows * _flop(spec, scope)[1]


def run(name: str, scope: Scope, wanted: int, work: float, peer: bool) -> dict[str, Any]:
    """Trains a task, or a part of it, and says what all of it costs.

    Args:
        name: of the task.
        scope: of layers, widths and seeds.
        wanted: epochs measured after the first; 0 for all of the protocol's.
        work: TFLOP of a measured epoch; 0 for the whole task.
        peer: whether to time the torch loop as well.
    """
    compiling = gauges.Compiling()
    size = marble_tasks.size(name)
    full = whole(size, scope)
    chosen = part(size, scope, work) if work else full
    wanted = min(wanted + 1, full.spec.epochs) if wanted else full.spec.epochs
    # Fewer epochs meet a smaller largest step, which counts as less work; none stops early.
    chosen = Part(
        dataclasses.replace(chosen.spec, epochs=wanted, stop_patience=wanted), chosen.splits
    )
    marks: list[_Mark] = []

    def after_epoch(now: bank.Progress | None = None) -> None:
        done = marks[-1].epochs if marks else 0
        if now:  # Waves of cells count their epochs one wave after the other.
            done = done - done % wanted + now.epoch + 1
        marks.append(_Mark(done, time.perf_counter(), time.process_time(), compiling.total()))

    after_epoch()
    bank.train(
        chosen.spec,
        (scope.width,) * scope.layers,
        *(chosen.splits[split] for split in SPLITS),
        progress=after_epoch,
        take=lambda *_: None,  # Scores of all items of all cells are the caller's matter.
    )
    after_epoch()
    began, first, last, done = marks[0], marks[1], marks[-2], marks[-1]
    # An accelerator says nothing for several epochs; all may be in the first of its words.
    since = first if last.epochs > first.epochs else began
    waves = last.epochs / wanted
    n, epochs = (last.epochs - since.epochs) / waves, full.spec.epochs
    epoch, core = _taken(since, last) / n, (last.processor - since.processor) / n
    setup = max(0.0, _taken(began, first) - first.epochs / waves * epoch)
    works = {'whole': tflop(full, scope), 'measured': tflop(chosen, scope)}
    scale = works['whole'] / works['measured']
    finish = _taken(last, done)
    if work:  # Too few rows are scored at the end to scale that: at the rate of epochs instead.
        finish = epoch * scored_tflop(full, scope) / works['whole']
    total = done.compiled + setup + scale * (epochs * epoch + finish)
    peak, rate, adam = gauges.peak_bytes(), gauges.matrix_rate(), adam_tb(full, scope)
    floor = {'products': works['whole'] * epochs / rate}
    if not on_cpu():  # There parameters and moments of a block stay in its cache.
        floor['adam'] = adam * epochs / gauges.byte_rate()
    found = {
        'task': name,
        'total_s': round(total, 1),
        'core_s': round(
            first.processor - began.processor + scale * core * (epochs - 1 + finish / epoch), 1
        ),
        'arithmetic': {
            'compile': round(done.compiled, 2),
            'setup': round(setup, 2),
            'epochs': epochs,
            'epoch': round(scale * epoch, 3),
            'finish': round(scale * finish, 2),
        },
        'measured': {
            'epochs': round(n, 2),
            'epoch_s': round(epoch, 3),
            'epoch_core_s': round(core, 3),
            'items': {s: len(chosen.splits[s].first) for s in SPLITS},
            'batch_items': chosen.spec.batch_items,
            'cells': len(full.spec.sources) * len(chosen.spec.learning_rates) * chosen.spec.seeds,
            'tflop': float(f'{works["measured"]:.3g}'),
            'scale': float(f'{scale:.4g}'),
        },
        'size': _described(size, full, scope),
        'plan': _planned(full, scope),
        'compile_s': round(done.compiled, 2),
        'first_core_s': round(first.processor - began.processor, 2),  # Compilation and an epoch.
        'programs': compiling.programs,
        'peak_gb': round(peak / 1e9, 2),
        'floor_s': round(sum(floor.values()), 1),
        'floor': {name: round(seconds, 1) for name, seconds in floor.items()}
        | {
            'tflop': round(works['whole'] * full.spec.epochs),
            'adam_tb': round(adam * full.spec.epochs, 1),
        },
        'tflop_per_s': {
            'product': float(f'{rate:.3g}'),
            'bank': float(f'{works["measured"] / epoch:.3g}'),
        },
        'device': gauges.device(),
        'load': round(os.getloadavg()[0], 2),
    }
    if peer:
        from benchmarks import marble_torch

        n_cells = found['size']['cells']
        found['torch'] = marble_torch.loop(size, full.spec, scope.width, n_cells)
        found['torch_over_ours'] = round(found['torch']['total_s'] / total, 1)
    return found


def _described(size: Size, full: Part, scope: Scope) -> dict[str, Any]:
    train = full.splits['train']
    return {
        'items': {split: len(count) for split, count in size.count.items()},
        'rows': size.rows,
        'estimated_rows': size.estimated,
        'step_rows': data.step_rows(full.spec, train),
        'mean_step_rows': round(
            data.n_rows(train) / -(-len(train.first) // full.spec.batch_items), 1
        ),
        'head': [scope.width, *full.spec.hidden, size.outputs],
        'cells': len(full.spec.sources) * len(RATES) * scope.seeds,
        'embeddings_gb': round(4e-9 * sum(size.rows.values()) * scope.layers * scope.width, 2),
    }


def _planned(full: Part, scope: Scope) -> dict[str, Any]:
    """What memory allows for the whole task on this device."""
    rows = [data.n_rows(full.splits[split]) for split in SPLITS]
    layout = cells.plan(full.spec, (scope.width,) * scope.layers, rows[0])
    n_cells, step_rows = len(layout.cells.source), data.step_rows(full.spec, full.splits['train'])
    try:
        found = memory.budget(full.spec, layout, rows, 'auto', 0, step_rows=step_rows)
    except ConfigError as error:
        return {'fits': False, 'why': str(error)}
    return {
        'data': 'resident' if found.resident else 'streamed',
        'cells_at_once': found.cells,
        'waves': found.waves(n_cells, full.spec.seeds),
    }


def decoder(scope: Scope, songs: int, fps: float = 25.0) -> dict[str, Any]:
    """Decodes beats and downbeats of some songs of 30 s, and says what all cells' would cost."""
    size = marble_tasks.size('gtzan_rhythm')
    clips = (size.windows['valid'] + size.windows['test']) // 3
    frames = round(30 * fps)
    activations = np.random.default_rng(0).random((songs, frames), np.float32) ** 4
    lengths = np.full(songs, frames)
    tempo, compiling = state_space.Tempo(fps), gauges.Compiling()
    seconds = 0.0
    for one in (tempo, tempo.downbeats()):
        beats.decode(activations, lengths, one)
        began = time.perf_counter()
        beats.decode(activations, lengths, one)
        seconds += time.perf_counter() - began
    n_cells = (scope.layers + 1) * scope.seeds
    each = seconds / songs
    return {
        'task': 'decoder',
        'total_s': round(each * clips * n_cells, 1),
        'arithmetic': {'songs': clips, 'cells': n_cells, 'song_s': round(each, 5)},
        'all_rates_s': round(each * clips * n_cells * len(RATES), 1),
        'measured': {'songs': songs, 'frames_per_second': fps, 'seconds': round(seconds, 3)},
        'compile_s': round(compiling.total(), 2),
        'peak_gb': round(gauges.peak_bytes() / 1e9, 2),
        'device': gauges.device(),
        'load': round(os.getloadavg()[0], 2),
    }


def chosen_tasks(text: str) -> list[str]:
    """Names of tasks, groups opened."""
    found: list[str] = []
    for name in text.split(','):
        found += GROUPS.get(name, (name,))
    known = (*marble_tasks.SCRIPTED, *marble_tasks.FRAMED, 'decoder')
    unknown = [name for name in found if name not in known]
    if unknown:
        raise SystemExit(f'unknown tasks {unknown}; known: {", ".join((*GROUPS, *known))}')
    return found


def totals(lines: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One line for each group that was run as a whole, and one for all."""
    by_name = {line['task']: line for line in lines}
    groups = {**GROUPS, 'all': tuple(by_name)}
    for group, names in groups.items():
        if not all(name in by_name for name in names):
            continue
        own = [by_name[name] for name in names]
        total = sum(line['total_s'] for line in own)
        found = {
            'total': group,
            'tasks': len(own),
            'total_s': round(total, 1),
            'hours': round(total / 3600, 2),
            'core_hours': round(sum(line.get('core_s', 0.0) for line in own) / 3600, 2),
            'compile_s': round(sum(line['compile_s'] for line in own), 1),
            'peak_gb': max(line['peak_gb'] for line in own),
            'floor_s': round(sum(line.get('floor_s', 0.0) for line in own), 1),
        }
        if all('torch' in line for line in own):
            found['torch_s'] = round(sum(line['torch']['total_s'] for line in own), 1)
            found['torch_over_ours'] = round(found['torch_s'] / total, 1)
        yield found


def one(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Runs a task in this process."""
    scope = Scope(3, 32, 16, 1) if given.smoke else Scope(seeds=given.seeds)
    epochs = given.epochs if given.epochs >= 0 else 2 if on_cpu() else 0
    if name == 'decoder':
        return decoder(scope, 2 if given.smoke else 32 if on_cpu() else 2048, given.fps)
    work = 2e-6 if given.smoke else given.work if on_cpu() else 0.0
    return run(name, scope, epochs, work, given.peer)


def main() -> None:
    """Prints one JSON line per task, then totals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--tasks', default='scripted,frames,decoder')
    parser.add_argument('--epochs', type=int, default=-1, help='measured after the first; 0: all')
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument('--work', type=float, default=0.4, help='TFLOP per measured epoch on a CPU')
    parser.add_argument('--fps', type=float, default=25.0, help='of the decoder')
    parser.add_argument('--peer', action='store_true', help='also the sequential torch loop')
    parser.add_argument('--smoke', action='store_true', help='tiny layers and a few items')
    parser.add_argument('--here', action='store_true', help='all tasks in this process')
    given = parser.parse_args()
    names, lines = chosen_tasks(given.tasks), []
    for name in names:
        if given.here:
            lines.append(one(name, given))
        else:
            again = [a for a in sys.argv[1:] if not a.startswith('--tasks')]
            command = [sys.executable, '-m', 'benchmarks.marble_size', f'--tasks={name}', '--here']
            out = subprocess.run([*command, *again], stdout=subprocess.PIPE, check=True, text=True)
            lines.append(json.loads(out.stdout.splitlines()[0]))
        print(json.dumps(lines[-1]), flush=True)
    for line in totals(lines):
        print(json.dumps(line), flush=True)


if __name__ == '__main__':
    main()
