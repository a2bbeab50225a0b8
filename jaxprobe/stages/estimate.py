"""What a run will cost, before any work: data, disk, arithmetic, memory and time.

Counts come from the plan. Times come from this machine: two batches of each encoder, and four short
epochs of its first bank, scaled by parameters and rows to the others; with random weights of the
same shape where the real ones are absent.
"""

import dataclasses
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.audio import decode, window
from jaxprobe.core import fs
from jaxprobe.core.errors import DataError, WeightsError
from jaxprobe.core.layers import width_groups
from jaxprobe.core.text import table
from jaxprobe.encoders.base import Encoder, compiled
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.plan import EncoderPlan, Plan, items_of, limited, usable
from jaxprobe.probes.spec import BankSpec, Split
from jaxprobe.stages import deformed_estimate, separation_estimate, similarity, variants
from jaxprobe.stages.frame_probe import decoding_steps, encoder_of
from jaxprobe.stages.identity import bank_spec
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known
from jaxprobe.stages.stores import clips_of, store_spec
from jaxprobe.tasks import targets
from jaxprobe.tasks.base import Item, Kind, Task

_PROBED_FILES = 500  # Headers read per task; the rest is extrapolated from them.
_TIMED_ROWS = 1024  # Rows of the bank that is timed.
_COPIES = 6  # Parameter-sized arrays per cell: value, two moments, gradient, best, temporary.


class Load(NamedTuple):
    """Audio that a task brings: seconds of audio and windows of one framing."""

    clips: int
    seconds: float
    windows: int


def estimate(plan: Plan, workdir: Path) -> tuple[str, bool]:
    """Estimates a plan.

    Returns:
        The report, and whether the run fits this machine's disk and memory.

    Raises:
        ConfigError, DataError: the plan cannot be run at all.
    """
    plan = usable(plan)
    items = {task.name: _items(task, plan) for task in plan.tasks}
    stores: dict[str, dict[str, Any]] = {}
    banks, notes = (
        [],
        [f'{name} is skipped, it needs {need}' for name, need in plan.skipped.items()],
    )
    if plan.study.deform:
        notes.append(
            'deformed stores are counted at the length of clean audio; their time is that of '
            'encoding or the time to deform, whichever is longer'
        )
    features = []
    for chosen in plan.encoders:
        encoder, note = _built(chosen, plan)
        notes += [note] if note else []
        speed: dict[str, float] = {}
        seen: dict[str, set] = {}  # Tasks may share audio; it is encoded once.
        pace = 0.0
        for task in plan.tasks:
            own = encoder_of(encoder, task, plan.extract.pooling)
            spec = store_spec(own, chosen, task, plan)
            if spec.name not in speed:
                speed[spec.name] = _encode_speed(own, spec)
            known = seen.setdefault(spec.name, set())
            own_items = limited(items[task.name], chosen.limit)
            clips = clips_of(own_items)
            fresh = [clip for clip in dict.fromkeys(clips) if clip not in known]
            known |= set(fresh)
            load = _load(clips, spec)
            if fresh:  # Headers are read again only where some of the audio was counted before.
                new = load if len(fresh) == load.clips else _load(fresh, spec)
                _add(stores, spec, own, new, speed[spec.name])
            for one in deformed_estimate.wanted(task, plan, spec, own_items):
                known = seen.setdefault(one.store.name, set())
                fresh = [clip for clip in dict.fromkeys(one.clips) if clip not in known]
                known |= set(fresh)
                if fresh:
                    slower = min(one.speed, speed[spec.name])
                    _add(stores, one.store, own, _load(fresh, spec), slower)
            if task.kind is Kind.SEPARATION:
                row, note = _stems_row(encoder, chosen, task, plan, own_items, load)
                waves = separation_estimate.waves_row(task, own_items, load.seconds)
                stores.setdefault(f'{task.name} {waves["store"]}', waves)  # Of all encoders.
                notes.append(note)
            else:
                row, pace = _bank_row(own, chosen, spec, task, plan, own_items, load, pace)
                notes += _frame_notes(row, spec, task, plan, own_items, load)
            banks.append(row)
            banks += _variant_rows(own, chosen, spec, task, plan, own_items, load, pace)
        features += similarity.requests(encoder, chosen, plan)
    for spec, encoder, clips in features:
        if spec.name not in stores:  # Else the run holds them anyway.
            _add(stores, spec, encoder, _load(clips, spec), _encode_speed(encoder, spec))
    if plan.study.similarity:
        notes.append(
            "similarity maps take one or two eigendecompositions of the layers' width for every "
            'pair of layers, on the host; their time is not counted'
        )
    return _report(plan, list(stores.values()), banks, notes)


def _items(task: Task, plan: Plan) -> list[Item]:
    try:
        return items_of(task, plan)
    except DataError:
        # Synthetic data is cheap and made here; for anything else this says what is missing.
        found = task.prepare(plan.data_dir)
        if not found.usable:
            raise
        return items_of(task, plan)


def _built(chosen: EncoderPlan, plan: Plan) -> tuple[Encoder, str]:
    try:
        return chosen.load(plan.seed), ''
    except WeightsError as error:
        stand_in = dataclasses.replace(chosen, weights='random')
        first = str(error).splitlines()[0]
        return stand_in.load(plan.seed), f'{chosen.label}: weights not at hand ({first})'


def _load(clips: Sequence[Clip], spec: StoreSpec) -> Load:
    """Counts windows from the clips' durations, or from the headers of some of the files."""
    lengths = [clip.duration for clip in clips if clip.duration is not None]
    unknown = [clip for clip in clips if clip.duration is None]
    for clip in unknown[:: max(1, len(unknown) // _PROBED_FILES)]:
        try:
            info = decode.probe(clip.path)
        except DataError:
            continue  # `jaxprobe prepare` is where bad files are listed.
        lengths.append(info.frames / info.rate - clip.start)
    if not lengths:
        raise DataError(f'none of {len(clips)} clips has audio that can be opened.')
    windows = [_windows(seconds, spec) for seconds in lengths]
    scale = len(clips) / len(lengths)
    return Load(len(clips), float(np.sum(lengths)) * scale, round(float(np.sum(windows)) * scale))


def _windows(seconds: float, spec: StoreSpec) -> int:
    try:
        return len(window.starts(round(seconds * spec.sample_rate), spec.windowing))
    except DataError:
        return 0


def _encode_speed(encoder: Encoder, spec: StoreSpec) -> float:
    """Seconds of audio encoded per second, from two batches after the compiling one."""
    import jax

    encode = compiled(encoder)
    wave = np.zeros((spec.batch_windows, spec.input_samples), np.float32)
    jax.block_until_ready(encode(encoder.params, wave))
    began = time.monotonic()
    for _ in range(2):
        jax.block_until_ready(encode(encoder.params, wave))
    elapsed = time.monotonic() - began
    return 2 * spec.batch_windows * spec.window_samples / spec.sample_rate / elapsed


def _add(stores: dict, spec: StoreSpec, encoder: Encoder, load: Load, speed: float) -> None:
    width = sum(width for _, width in spec.layers)
    row = stores.setdefault(
        spec.name,
        {'store': spec.name, 'hours': 0.0, 'windows': 0, 'MB': 0.0, 'TFLOP': 0.0, 'minutes': 0.0},
    )
    row['hours'] = round(row['hours'] + load.seconds / 3600, 2)
    row['windows'] += load.windows
    bytes_each = (
        width * np.dtype(np.float32 if spec.store_dtype == 'float32' else np.int16).itemsize
    )
    bytes_each *= max(1, spec.frames)
    row['MB'] = round(row['MB'] + load.windows * bytes_each / 1e6, 3)
    encoded = load.windows * spec.window_samples / spec.sample_rate
    # A card states its cost per second of audio at its own hop; windows that overlap cost more.
    paid = load.windows * (encoder.card.hop_samples or spec.window_samples) / spec.sample_rate
    row['TFLOP'] = round(row['TFLOP'] + paid * encoder.card.gflop_per_second / 1e3, 2)
    row['minutes'] = round(row['minutes'] + encoded / speed / 60, 1)


def _bank_row(
    encoder: Encoder,
    chosen: EncoderPlan,
    store: StoreSpec,
    task: Task,
    plan: Plan,
    items: list[Item],
    load: Load,
    pace: float,
) -> tuple[dict[str, Any], float]:
    """Cells, memory and time of one bank; time is the protocol's most epochs, no early stop.

    `pace` is seconds per parameter and training row, measured here where it is still 0. Frames are
    rows.
    """
    job = Job(bank_spec(encoder, chosen, task, plan))
    widths = _trained_widths(encoder, plan)
    pace = pace or _bank_pace(
        job.grid, widths, task, items, sum(_parameters(job, widths)), store.frames
    )
    return _job_row(job, widths, chosen, store, task, plan, items, load, pace), pace


def _variant_rows(
    encoder: Encoder,
    chosen: EncoderPlan,
    store: StoreSpec,
    task: Task,
    plan: Plan,
    items: list[Item],
    load: Load,
    pace: float,
) -> list[dict[str, Any]]:
    """`_bank_row` of the banks that vary the task's own, at the same pace."""
    grid, meta = bank_spec(encoder, chosen, task, plan), {'protocol': {}, 'n': {}}
    known = Known(encoder, chosen, task, plan, items, store, grid, meta)
    return [
        _job_row(job, known.trained_widths, chosen, store, task, plan, items, load, pace)
        for job in variants.planned(known)
    ]


def _trained_widths(encoder: Encoder, plan: Plan) -> tuple[int, ...]:
    return tuple(plan.probe.pca or layer.width for layer in encoder.card.layers)


def _job_row(
    job: Job,
    widths: tuple[int, ...],
    chosen: EncoderPlan,
    store: StoreSpec,
    task: Task,
    plan: Plan,
    items: list[Item],
    load: Load,
    pace: float,
) -> dict[str, Any]:
    spec, sizes = job.grid, _parameters(job, widths)
    train = sum(item.split == 'train' for item in items)
    taken = train if job.chosen is None else len(job.chosen)
    per_item = load.windows / max(1, len(items)) * max(1, store.frames)
    rows = taken * max(1.0, per_item / job.merge)
    share = min(1.0, plan.probe.max_cells / len(sizes)) if plan.probe.max_cells else 1.0
    held = len(sizes) * (len(items) - train) * spec.outputs  # Logits of validation and test.
    if store.frames:
        held = held * per_item * share + _step_bytes(spec, widths, store.frames) / 4
    return {
        'encoder': chosen.label,
        'task': job.name(task.name),
        'train': taken,
        'cells': len(sizes),
        'MB': round(4 * (_COPIES * sum(sizes) * share + held) / 1e6, 1),
        'minutes_at_most': round(spec.epochs * sum(sizes) * rows * pace / 60, 1),
    }


def _stems_row(
    encoder: Encoder,
    chosen: EncoderPlan,
    task: Task,
    plan: Plan,
    items: list[Item],
    load: Load,
) -> tuple[dict[str, Any], str]:
    """`_bank_row` of a separation bank, and how it was cut: its programs are compiled here."""
    own = encoder_of(encoder, task, plan.extract.pooling)
    spec, widths = (
        bank_spec(own, chosen, task, plan),
        tuple(layer.width for layer in own.card.layers),
    )
    store = store_spec(encoder, chosen, task, plan)
    found = separation_estimate.needs(
        spec, widths, task, store, items, load.windows, plan.probe.max_cells
    )
    row = {
        'encoder': chosen.label,
        'task': task.name,
        'train': sum(item.split == 'train' for item in items),
        'cells': len(spec.sources) * len(spec.learning_rates) * spec.seeds,
        'MB': round(found.bytes / 1e6, 1),
        'minutes_at_most': round(found.minutes, 1),
    }
    return row, found.note


def _parameters(job: Job, widths: tuple[int, ...]) -> list[int]:
    """Of every cell of a job."""
    found = []
    for source in job.grid.sources:
        width = widths[source.layers[0]]
        sizes = (width, *job.hidden.get(width, job.grid.hidden), job.grid.outputs)
        found.append(sum(a * b + b for a, b in itertools.pairwise(sizes)))
    return found * (job.grid.seeds * len(job.grid.learning_rates))


def _bank_pace(
    spec: BankSpec,
    widths: tuple[int, ...],
    task: Task,
    items: list[Item],
    parameters: int,
    frames: int,
) -> float:
    """Times a bank on random rows of the same shape: seconds per parameter and training row."""
    from jaxprobe.probes import bank

    timed = dataclasses.replace(spec, epochs=4)
    noise = np.random.RandomState(0)
    n = max(1, _TIMED_ROWS // frames) * frames if frames else min(len(items), _TIMED_ROWS)
    encoded = _random_frames(spec, n, noise) if frames else targets.encode(task, items)
    groups = {
        width: noise.standard_normal((n, len(layers), width)).astype(np.float32)
        for width, layers in width_groups(widths).items()
    }
    moments: list[float] = []
    if frames:
        first = np.arange(0, n, frames)
        split = Split(groups, first, np.full(len(first), frames), encoded)
        few = Split(groups, first[:1], np.full(1, frames), encoded[:frames])
    else:
        split = Split(groups, np.arange(n), np.ones(n, int), encoded[:n])
        few = Split({w: g[:64] for w, g in groups.items()}, *(a[:64] for a in split[1:4]))
    bank.train(
        timed,
        widths,
        split,
        few,
        few,
        data='resident',
        progress=lambda _: moments.append(time.monotonic()),
    )
    return float(np.median(np.diff(moments))) / (parameters * n)


def _random_frames(spec: BankSpec, n: int, noise: np.random.RandomState) -> np.ndarray:
    if spec.kind == 'multiclass':
        return noise.randint(spec.outputs, size=n)
    return (noise.rand(n, spec.outputs) < 0.1).astype(np.float32)


def _step_bytes(spec: BankSpec, widths: tuple[int, ...], frames: int) -> float:
    """Memory that a step of the largest block makes.

    Raises:
        ConfigError: not even one probe's fits.
    """
    from jaxprobe.probes import cells, memory

    rows = spec.batch_items * frames
    plan = cells.plan(spec, widths, rows)
    room = memory.budget(spec, plan, (rows,) * 3, 'streamed', 0, step_rows=rows).step_bytes
    grown = (
        memory.step_bytes(spec, family, rows) * int(np.sum(plan.cells.family == number))
        for number, family in enumerate(plan.families)
    )
    return float(min(room, max(grown)))


def _frame_notes(
    row: dict[str, Any],
    store: StoreSpec,
    task: Task,
    plan: Plan,
    items: Sequence[Item],
    load: Load,
) -> list[str]:
    """What frames cost beside store and bank: scores that wait on disk, and decoding."""
    if not task.kind.framewise:
        return []
    frames = load.windows / max(1, len(items)) * store.frames * (len(items) - row['train'])
    megabytes = 2 * row['cells'] * frames * len(task.labels) / 1e6  # Half precision.
    notes = [f'{task.name}: scores of frames take {megabytes:.1f} MB of disk while its bank lasts']
    if task.kind is not Kind.BEATS:
        return notes
    rate = store.frames * store.sample_rate / store.window_samples
    steps = row['cells'] * decoding_steps(round(frames), rate)
    if steps > plan.probe.decode_budget:
        notes.append(
            f'{task.name}: decoding all cells would take {steps:.1e} steps, more than '
            f'--config.probe.decode_budget={plan.probe.decode_budget:.1e}; per source the rate '
            f'that the monitor likes best is decoded'
        )
    return notes


def _report(
    plan: Plan, stores: list[dict], banks: list[dict], notes: list[str]
) -> tuple[str, bool]:
    disk, memory = fs.free_bytes(plan.store_dir) / 1e6, _memory_mb()
    need = sum(row['MB'] for row in stores)
    largest = max(banks, key=lambda row: row['MB'])
    minutes = sum(row['minutes'] for row in stores) + sum(row['minutes_at_most'] for row in banks)
    lines = [
        table(stores),
        '',
        table(banks),
        '',
        f'stores: {need:.1f} MB of {disk:.0f} MB free at {plan.store_dir}',
        f'probes: {largest["MB"]:.0f} MB at most, of {memory:.0f} MB of memory',
        f'time: {_time(minutes)} at most on this machine, no probe stopping early',
        *(f'note: {note}' for note in notes),
    ]
    refusals = []
    if need > 0.95 * disk:
        cheaper = '--config.extract.dtype=bfloat16 halves them; ' * (
            plan.extract.dtype == 'float32'
        )
        refusals.append(
            f'the stores do not fit: {cheaper}--config.encoder.layers=6,9 keeps some layers; '
            f'--config.store_dir=DIR puts them elsewhere.'
        )
    if largest['MB'] > 0.7 * memory:
        fewer = max(1, int(largest['cells'] * 0.5 * memory / largest['MB']))
        refusals.append(
            f'the probes of {largest["task"]} do not fit at once: --config.probe.max_cells={fewer}.'
        )
    lines += [f'REFUSED: {text}' for text in refusals]
    return '\n'.join(lines), not refusals


def _time(minutes: float) -> str:
    """A time in the unit that suits it.

    >>> _time(0.2), _time(42.3), _time(150.0)
    ('1 minute', '42 minutes', '2.5 hours')
    """
    if minutes >= 90:
        return f'{minutes / 60:.1f} hours'
    return '1 minute' if minutes < 1.5 else f'{minutes:.0f} minutes'


def _memory_mb() -> float:
    """Memory the bank lives in: the first accelerator's, or the host's."""
    import jax

    from jaxprobe.probes import memory

    stats = jax.local_devices()[0].memory_stats()
    if stats and 'bytes_limit' in stats:
        return stats['bytes_limit'] / 1e6
    return memory.host_bytes() / 1e6
