"""The paper exercise of docs/scale.md: hours and bytes of large jobs, from constants with sources.

    python -m benchmarks.scale [--table=constants|work|goal|marble|clips|books]

Prints Markdown tables. Nothing is timed here: every constant below says which command measured it,
or that nobody here did (a vendor's data sheet, a target of ours). Work is counted, not guessed:
multiply-adds and optimiser traffic of every task from `benchmarks/marble_size.py`.
"""

import argparse
import functools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks import marble_size, marble_tasks


class Constant(NamedTuple):
    """A number, its unit, whether it was measured, and by what or whom."""

    value: float
    unit: str
    kind: str  # 'measured', 'data sheet', 'target' or 'counted'.
    source: str


CONSTANTS = {
    'cpu_bank': Constant(
        0.0763,
        'TFLOP/s',
        'measured',
        '`benchmarks.sweep`: 63.7 GFLOP in 0.835 s, 2 cores (docs/performance.md)',
    ),
    'cpu_encode': Constant(
        5.8,
        'x real time',
        'measured',
        '`benchmarks.encode muq`, random weights, 2 cores (BUILD.md)',
    ),
    'decode_core': Constant(
        570, 'x real time per core', 'measured', '`benchmarks.extract`: 1141 on 2 cores (BUILD.md)'
    ),
    'store_overhead': Constant(
        1.013, 'bytes over raw, bfloat16', 'measured', '`benchmarks.store` (BUILD.md)'
    ),
    'store_read': Constant(
        0.67, 'GB/s, random rows', 'measured', '`benchmarks.store`, 2 cores, page cache (BUILD.md)'
    ),
    'muq': Constant(42.7, 'GFLOP per second of audio', 'counted', '`muq.architecture`'),
    'h200_float32': Constant(67, 'TFLOP/s', 'data sheet', 'NVIDIA H200 SXM, not measured'),
    'h200_bytes': Constant(4.8, 'TB/s', 'data sheet', 'NVIDIA H200 SXM, not measured'),
    'h200_tf32': Constant(494.5, 'TFLOP/s', 'data sheet', 'NVIDIA H200 SXM, dense, not measured'),
    'h200_bfloat16': Constant(989, 'TFLOP/s', 'data sheet', 'NVIDIA H200 SXM, dense, not measured'),
    'v5e_bfloat16': Constant(197, 'TFLOP/s', 'data sheet', 'Cloud TPU v5e, a chip, not measured'),
    'v5e_bytes': Constant(0.819, 'TB/s', 'data sheet', 'Cloud TPU v5e, a chip, not measured'),
    'v5e_float32': Constant(
        197 / 6, 'TFLOP/s', 'data sheet', 'six bfloat16 passes per float32 product, not measured'
    ),
    'bank_share': Constant(0.6, 'of the floor', 'target', 'issue 6, item 1, not measured'),
    'encode_share': Constant(0.5, 'of the matrix rate', 'target', 'issue 6, item 2, not measured'),
    'manifest_disk': Constant(60.1, 'bytes per clip', 'measured', '`benchmarks.metadata`'),
    'manifest_memory': Constant(251, 'bytes per clip', 'measured', '`benchmarks.metadata`'),
    'sidecar_memory': Constant(323, 'bytes per clip', 'measured', '`benchmarks.metadata`'),
    'reader_memory': Constant(620, 'bytes per clip', 'measured', '`benchmarks.metadata`'),
    'hashes_disk': Constant(167, 'bytes per file', 'measured', '`benchmarks.metadata`'),
    'hashes_memory': Constant(392, 'bytes per file', 'measured', '`benchmarks.metadata`'),
    'sidecar_time': Constant(
        14e-6, 's per clip', 'measured', '`benchmarks.metadata`, 6 000 clips, warm local disk'
    ),
    'order': Constant(76, 'core ns per item', 'measured', '`benchmarks.metadata`'),
    'step_rows': Constant(18, 'core microseconds per step', 'measured', '`benchmarks.metadata`'),
    'analyse': Constant(
        1.8 / (7 * 10 * 11_000 * 500),
        'core s per cell, tag, item and draw',
        'measured',
        '`benchmarks.analyse --layers=6 --tags=10 --resamples=500`: 1.8 s (BUILD.md)',
    ),
}
# Times that all sidecars are read: by a process in the extract stage (stages/extract.py), and for
# every task that is probed (stages/opened.py: failures, and a reader for each of three splits).
EXTRACT_SCANS, TASK_SCANS = 6, 4
_CALLS = 4  # Of the file system per sidecar: two look-ups, a size, a read (features/manifest.py).
ENCODERS, SEEDS, CELLS = 20, 5, 420
LAYERS, WIDTH = 13, 1024
_ROW = 2 * LAYERS * WIDTH  # Bytes of a row in bfloat16.

# Hours of audio that are encoded once. MTG-Jamendo's four tasks share tracks: the largest set
# stands for their union; the two NSynth tasks and the two of VocalSet share all of theirs.
_ALSO = {'mtg_top50', 'mtg_instrument', 'mtg_moodtheme', 'nsynth_pitch', 'vocalset_technique'}


class Machine(NamedTuple):
    """What jobs run on: rates of one device, devices, and cores that decode."""

    name: str
    bank_tflop: float
    bank_tb: float  # Optimiser traffic; infinite where blocks stay in a cache.
    share: float
    encode: float  # x real time of one device.
    devices: int
    cores: int
    measured: bool


def machines() -> list[Machine]:
    """The machines of the exercise."""
    c = {name: constant.value for name, constant in CONSTANTS.items()}
    h200 = 1000 * c['encode_share'] * c['h200_bfloat16'] / c['muq']
    v5e = 1000 * c['encode_share'] * c['v5e_bfloat16'] / c['muq']
    share = c['bank_share']
    gpu = (c['h200_float32'], c['h200_bytes'], share, h200)
    tpu = (c['v5e_float32'], c['v5e_bytes'], share, v5e)
    return [
        Machine('2 CPU cores', c['cpu_bank'], math.inf, 1.0, c['cpu_encode'], 1, 2, True),
        Machine('1 H200, 16 cores', *gpu, 1, 16, False),
        Machine('8 H200, 128 cores', *gpu, 8, 128, False),
        Machine('v5e-64, 16 hosts of 112 cores', *tpu, 64, 1792, False),
    ]


class Work(NamedTuple):
    """What one encoder costs on a task."""

    task: str
    hours: float  # Of audio not encoded for another task.
    rows: int  # Stored.
    tflop: float
    adam_tb: float


@functools.cache
def works() -> tuple[Work, ...]:
    """Every clip and frame task, at MARBLE's maximum of epochs."""
    scope, found = marble_size.Scope(), []
    for name in marble_tasks.SCRIPTED + marble_tasks.FRAMED:
        size = marble_tasks.size(name)
        full = marble_size.whole(size, scope)
        epochs, own = full.spec.epochs, name not in _ALSO
        found.append(
            Work(
                name,
                size.hours if own else 0.0,
                sum(size.rows.values()) if own else 0,
                marble_size.tflop(full, scope) * epochs,
                marble_size.adam_tb(full, scope) * epochs,
            )
        )
    return tuple(found)


def bank_hours(machine: Machine, tflop: float, adam_tb: float) -> float:
    """Hours of one device for banks."""
    seconds = tflop / machine.bank_tflop + adam_tb / machine.bank_tb
    return seconds / machine.share / 3600


def audio_hours(machine: Machine, hours: float) -> tuple[float, float]:
    """Hours to encode and to decode so many hours of audio, on all devices and cores."""
    decode = machine.cores * CONSTANTS['decode_core'].value
    return hours / machine.encode / machine.devices, hours / decode


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Markdown."""
    yield '| ' + ' | '.join(head) + ' |'
    yield '|' + ' --- |' * len(head)
    for row in rows:
        yield '| ' + ' | '.join(map(str, row)) + ' |'


def number(value: float) -> str:
    """Three digits, thousands apart.

    >>> number(12345.6), number(0.01234), number(3.0)
    ('12 300', '0.0123', '3')
    """
    if not value:
        return '0'
    rounded = float(f'{value:.3g}')
    if abs(rounded) >= 1000:
        return f'{rounded:,.0f}'.replace(',', ' ')
    return f'{rounded:g}'


def constants() -> Iterator[str]:
    """Where every number comes from."""
    rows = [(k, number(c.value), c.unit, c.kind, c.source) for k, c in CONSTANTS.items()]
    return table(('constant', 'value', 'unit', 'kind', 'source'), rows)


def work() -> Iterator[str]:
    """One encoder, task by task."""
    rows = [
        (
            w.task,
            number(w.hours) if w.hours else 'shared',
            number(w.rows * _ROW / 1e9) if w.rows else 'shared',
            number(w.tflop),
            number(w.adam_tb),
            number(bank_hours(machines()[1], w.tflop, w.adam_tb) * 60),
        )
        for w in works()
    ]
    total = _sum(works())
    rows.append(
        (
            '**all**',
            number(total.hours),
            number(total.rows * _ROW / 1e9),
            number(total.tflop),
            number(total.adam_tb),
            number(bank_hours(machines()[1], total.tflop, total.adam_tb) * 60),
        )
    )
    head = ('task', 'audio h', 'store GB', 'bank TFLOP', 'optimiser TB', 'minutes, 1 H200 (paper)')
    return table(head, rows)


def _sum(parts: Sequence[Work]) -> Work:
    return Work(
        'all',
        sum(w.hours for w in parts),
        sum(w.rows for w in parts),
        sum(w.tflop for w in parts),
        sum(w.adam_tb for w in parts),
    )


def goal(few: int = 30) -> Iterator[str]:
    """The twelve clip tasks on H200s: minutes at the floor, by what could be given up."""
    scripted = [w for w in works() if w.task in marble_tasks.SCRIPTED]
    rows = []
    for precision in ('float32', 'tf32'):
        rate = CONSTANTS[f'h200_{precision}'].value
        for seeds, epochs in ((SEEDS, 0), (SEEDS, few), (1, 0), (1, few)):
            share = [
                seeds
                / SEEDS
                * (epochs / marble_tasks.size(w.task).protocol.epochs if epochs else 1)
                for w in scripted
            ]
            products = sum(s * w.tflop for s, w in zip(share, scripted, strict=True)) / rate / 60
            adam = sum(s * w.adam_tb for s, w in zip(share, scripted, strict=True))
            adam /= 60 * CONSTANTS['h200_bytes'].value
            rows.append(
                (
                    precision,
                    seeds,
                    epochs or 'all',
                    number(products),
                    number(adam),
                    number(products + adam),
                    number((products + adam) / 8),
                )
            )
    head = ('products in', 'seeds', 'epochs', 'products', 'optimiser', '1 H200', '8 H200')
    return table(head, rows)


def marble() -> Iterator[str]:
    """All tasks, twenty encoders of MuQ's size."""
    total = _sum(works())
    longest = max(works(), key=lambda w: bank_hours(machines()[1], w.tflop, w.adam_tb))
    rows = []
    for machine in machines():
        encode, decode = audio_hours(machine, ENCODERS * total.hours)
        banks = ENCODERS * bank_hours(machine, total.tflop, total.adam_tb) / machine.devices
        one = bank_hours(machine, longest.tflop, longest.adam_tb)
        rows.append(
            (
                machine.name,
                number(decode),
                number(encode),
                number(max(decode, encode) if machine.devices > 1 or not machine.measured
                       else decode + encode),
                number(banks),
                f'{number(one)} ({longest.task})',
                'measured rates' if machine.measured else 'paper',
            )
        )  # fmt: skip
    head = ('machine', 'decode h', 'encode h', 'extract h', 'banks h', 'longest bank h', 'from')
    yield from table(head, rows)
    size = ENCODERS * total.rows * _ROW * CONSTANTS['store_overhead'].value
    yield ''
    yield f'{number(ENCODERS * total.rows)} rows, {number(size / 1e12)} TB of stores in bfloat16.'


def clips(n: int = 10_000_000, outputs: int = 50, epochs: int = 100) -> Iterator[str]:
    """Ten million clips of 30 s, one encoder, one tagging task with 8 : 1 : 1 items."""
    train, judged = 8 * n // 10, n // 10
    first, last = WIDTH * 512, 512 * outputs
    flop = 2 * (2 * first + 3 * last) * train + 2 * (first + last) * judged
    tflop = 1e-12 * CELLS * flop * epochs
    adam = 36e-12 * (first + last + 512 + outputs) * CELLS * (train // 64) * epochs
    size = n * _ROW * CONSTANTS['store_overhead'].value
    rows = []
    for machine in machines():
        encode, decode = audio_hours(machine, n * 30 / 3600)
        banks = bank_hours(machine, tflop, adam) / machine.devices
        rows.append((machine.name, number(decode), number(encode), number(banks)))
    head = ('machine', 'decode h', 'encode h', 'bank h, cells over all devices')
    yield from table(head, rows)
    read = epochs * (SEEDS * train + judged) * _ROW
    logits = 4 * CELLS * 2 * judged * outputs
    yield ''
    yield from table(
        ('what', 'how much'),
        [
            ('store, bfloat16', f'{number(size / 1e12)} TB'),
            ('the same on the device, float32', f'{number(2 * n * _ROW / 1e12)} TB'),
            ('rows streamed in training', f'{number(read / 1e12)} TB'),
            (
                'hours of that at the measured rate of a store',
                number(read / 1e9 / CONSTANTS['store_read'].value / 3600),
            ),
            (
                'core hours of the bootstrap, 14 sources, 2 000 draws',
                number(CONSTANTS['analyse'].value * 14 * outputs * judged * 2000 / 3600),
            ),
            (
                'minutes of orders for the largest step, 5 seeds x 100 epochs',
                number(CONSTANTS['order'].value * 1e-9 * train * SEEDS * epochs / 60),
            ),
            (
                'seconds per epoch to list the rows of steps',
                number(CONSTANTS['step_rows'].value * 1e-6 * SEEDS * train / 64),
            ),
            ('item scores of all cells, in one process', f'{number(logits / 1e9)} GB'),
        ],
    )


def books(per_shard: int = 60) -> Iterator[str]:
    """What the bookkeeping of one store weighs, by its number of clips of 30 s."""
    c = {name: constant.value for name, constant in CONSTANTS.items()}
    rows = []
    for n in (10_000, 100_000, 1_000_000, 10_000_000):
        rows.append(
            (
                number(n),
                number(n / per_shard),
                number(2 * n / per_shard),
                number(n * c['manifest_disk'] / 1e6),
                number(n * c['hashes_disk'] / 1e6),
                number(n * c['hashes_memory'] / 1e9),
                number(n * (c['manifest_memory'] + c['sidecar_memory']) / 1e9),
                number(n * c['reader_memory'] / 1e9),
                number((EXTRACT_SCANS + TASK_SCANS) * n * c['sidecar_time'] / 60),
                number((EXTRACT_SCANS + TASK_SCANS) * _CALLS * n / per_shard * 1e-3 / 60),
            )
        )
    head = (
        'clips',
        'shards',
        'files',
        'manifest MB',
        'hash memory MB',
        'that read, GB',
        'plan in memory, GB',
        'index of a reader, GB',
        'minutes in sidecars, one task',
        'the same at 1 ms a call',
    )
    return table(head, rows)


TABLES = {
    'constants': constants,
    'work': work,
    'goal': goal,
    'marble': marble,
    'clips': clips,
    'books': books,
}


def main() -> None:
    """Prints the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--table', choices=TABLES, action='append')
    for name in parser.parse_args().table or TABLES:
        print(f'\n## {name}\n')
        print('\n'.join(TABLES[name]()))


if __name__ == '__main__':
    main()
