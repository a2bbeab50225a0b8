"""The probe stage: embeddings from the store, one bank per encoder and task, its record on disk.

A finished bank is known by the fingerprint of everything that decides its numbers, so a run that
was killed redoes the bank it was in and no other.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from jaxprobe.core import fs
from jaxprobe.core.errors import DataError
from jaxprobe.core.version import VERSION
from jaxprobe.encoders.base import Card, Encoder
from jaxprobe.encoders.options import changed
from jaxprobe.encoders.subset import depths
from jaxprobe.features import reader
from jaxprobe.features.keys import keys_of
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.metrics import extra
from jaxprobe.plan import EncoderPlan, Plan, framing, items_of, sources
from jaxprobe.probes import bank
from jaxprobe.probes.spec import TRAINED_AS, BankResult, BankSpec, Split
from jaxprobe.stages import frame_probe, results, score, separation_probe, stem_waves
from jaxprobe.tasks import audit, targets
from jaxprobe.tasks.base import SPLITS, Item, Kind, Stems, Task

PROBE_VERSION = 1  # Raised whenever the bank's numbers change; part of every fingerprint.


def store_spec(encoder: Encoder, chosen: EncoderPlan, task: Task, plan: Plan) -> StoreSpec:
    """Everything that decides the bytes of the store this encoder and task read."""
    card = frame_probe.encoder_of(encoder, task).card
    windows = framing(card, task, chosen.window_seconds, chosen.preset)
    return StoreSpec(
        encoder=card.name,
        weights_sha256=encoder.weights_sha256,
        port_version=card.port_version,
        layers=tuple((layer.name, layer.width) for layer in card.layers),
        compute_dtype=chosen.dtype,
        store_dtype=plan.extract.dtype,
        sample_rate=card.sample_rate,
        window_samples=windows.samples,
        hop_samples=windows.hop,
        tail=windows.tail,
        short=windows.short,
        min_samples=card.min_samples,
        lead_samples=windows.lead,
        lead_fill=card.lead_fill,
        normalise=card.normalise,
        options=changed(card.options, chosen.options),
        frames=stored_frames(task, card, windows.samples),
        batch_windows=batch_windows(plan.extract.batch_windows, windows.samples, card.sample_rate),
    )


def stored_frames(task: Task, card: Card, samples: int) -> int:
    """Frames that are stored of a window; 0 for tasks of means."""
    if task.kind is Kind.SEPARATION:
        return separation_probe.stored_frames(task, card, samples)
    return frame_probe.frames_per_window(task, samples, card.sample_rate)


def batch_windows(asked: int, samples: int, rate: int) -> int:
    """Windows per device step: about 48 seconds of audio unless the config says a number."""
    return asked or max(1, min(64, round(48 * rate / samples)))


def clips_of(items: Sequence[Item]) -> list[Clip]:
    """What goes through the encoder for these items: their files, item after item."""
    return [
        clip
        for item in items
        for clip in (Clip(item.path, item.start, item.duration), *map(Clip, item.more))
    ]


def clips_per_item(items: Sequence[Item]) -> Int[np.ndarray, 'N']:
    """How many of `clips_of` belong to each item."""
    return np.array([len(item.paths) for item in items], np.int64)


def rows_of(
    items: Sequence[Item], rows: reader.RowReader
) -> tuple[Int[np.ndarray, 'N'], Int[np.ndarray, 'N']]:
    """First row and number of rows of every item; those of its files follow each other."""
    files = clips_per_item(items)
    at = np.cumsum(files) - files
    return rows.first[at], np.add.reduceat(rows.count, at)


def run(
    encoder: Encoder,
    chosen: EncoderPlan,
    task: Task,
    plan: Plan,
    workdir: Path,
    progress: Callable[[str], Any],
) -> dict[str, Any] | None:
    """Trains the bank of one encoder and task, unless its record is already there.

    Returns:
        What it cost, or None where there was nothing to do.

    Raises:
        DataError: a split is left without items.
        StoreError: the store lacks audio of this task; the extract stage has to run first.
    """
    items = items_of(task, plan)
    encoder = frame_probe.encoder_of(encoder, task)
    spec = store_spec(encoder, chosen, task, plan)
    store = spec.path(plan.store_dir)
    clips = clips_of(items)
    reasons = reader.failures(store, clips)
    if reasons and plan.extract.on_error == 'stop':
        raise _gone(task, clips, reasons)
    # A song that lacks one of its files would be scored by less than the others: it is missing.
    failed = {int(np.repeat(np.arange(len(items)), clips_per_item(items))[i]) for i in reasons}
    if task.kind is Kind.SEPARATION:
        failed |= _without_stems(task, items, plan)
    present = [item for i, item in enumerate(items) if i not in failed]
    missing = {s: [items[i].id for i in sorted(failed) if items[i].split == s] for s in SPLITS}
    _check_splits(task, present)
    _check_files(task, present)

    grid = bank_spec(encoder, chosen, task, plan)
    meta = _meta(encoder, chosen, task, plan, grid, present, missing, spec)
    folder = workdir / 'results' / chosen.label
    done = results.stored_meta(folder, task.name)
    if done and done['fingerprint'] == meta['fingerprint']:
        print(f'   {chosen.label} / {task.name}: done before')
        return None

    with contextlib.ExitStack() as stack:
        readers = {
            split: stack.enter_context(reader.RowReader(store, clips_of(of_split(present, split))))
            for split in SPLITS
        }
        meta['rows'] = {s: rows.rows for s, rows in readers.items()}
        meta['padded_windows'] = {s: int(rows.padded.sum()) for s, rows in readers.items()}
        meta['audit'] = _audit(task, present, readers)
        meta['notes'] = _notes(task, plan.data_dir)
        shown = progress(f'{chosen.label} / {task.name}')
        widths = tuple(layer.width for layer in encoder.card.layers)
        trains = _train_frames if task.kind.framewise else _train
        trains = _train_stems if task.kind is Kind.SEPARATION else trains
        trained, wanted = trains(grid, widths, task, present, readers, plan, folder, meta, shown)
        shown.close()
    record = _record(trained, wanted, present, meta, plan.probe.logits_dtype)
    results.write_bank(folder, task.name, record)
    return {'cells': len(trained.source), 'epochs': int(trained.epochs_run.max())}


Trained = tuple[BankResult, dict[str, np.ndarray]]  # The cells; split -> targets of items.


def _train(
    grid: BankSpec,
    widths: tuple[int, ...],
    task: Task,
    items: Sequence[Item],
    readers: dict[str, reader.RowReader],
    plan: Plan,
    folder: Path,
    meta: dict[str, Any],
    shown: Any,
) -> Trained:
    splits = _splits(task, items, readers)
    _check_scores(task, splits)  # Before hours of training, not after.
    trained = bank.train(
        grid,
        widths,
        splits['train'],
        splits['valid'],
        splits['test'],
        data=plan.probe.data,
        max_cells=plan.probe.max_cells,
        progress=shown,
    )
    return trained, {name: split.targets for name, split in splits.items()}


def _train_frames(
    grid: BankSpec,
    widths: tuple[int, ...],
    task: Task,
    items: Sequence[Item],
    readers: dict[str, reader.RowReader],
    plan: Plan,
    folder: Path,
    meta: dict[str, Any],
    shown: Any,
) -> Trained:
    judged = frame_probe.train(
        grid,
        widths,
        task,
        {split: of_split(items, split) for split in SPLITS},
        readers,
        folder / f'{task.name}.frames.tmp',
        data=plan.probe.data,
        max_cells=plan.probe.max_cells,
        budget=plan.probe.decode_budget,
        progress=shown,
    )
    meta['decoded'] = judged.decoded
    return judged.result, judged.targets


def _train_stems(
    grid: BankSpec,
    widths: tuple[int, ...],
    task: Task,
    items: Sequence[Item],
    readers: dict[str, reader.RowReader],
    plan: Plan,
    folder: Path,
    meta: dict[str, Any],
    shown: Any,
) -> Trained:
    del folder
    judged = separation_probe.train(
        grid,
        widths,
        task,
        {split: of_split(items, split) for split in SPLITS},
        readers,
        plan.store_dir,
        max_cells=plan.probe.max_cells,
        threads=plan.extract.threads,
        progress=shown,
    )
    meta['target_best_epochs'] = judged.best_epochs
    return judged.result, judged.targets


def _without_stems(task: Task, items: Sequence[Item], plan: Plan) -> set[int]:
    """Items that lack a stem, which is an error unless such items are to be left out."""
    failed = stem_waves.lacking(items)
    if failed and plan.extract.on_error == 'stop':
        lines = [f'  {items[i].id}: {why}' for i, why in sorted(failed.items())[:20]]
        raise DataError(
            f'{len(failed)} of {len(items)} items of {task.name} lack stems:\n'
            + '\n'.join(lines)
            + '\nBring them, or go on without, counted in every result, with '
            '--config.extract.on_error=quarantine.'
        )
    return set(failed)


def bank_spec(encoder: Encoder, chosen: EncoderPlan, task: Task, plan: Plan) -> BankSpec:
    """The protocol of the task with the config's overrides, in the bank's own words."""
    p = task.protocol
    return BankSpec(
        task=task.name,
        kind=TRAINED_AS.get(task.kind.value, task.kind.value),
        frames=task.kind.framewise,
        outputs=len(task.labels),
        sources=sources(encoder.card, chosen.sources),
        learning_rates=p.learning_rates or tuple(plan.probe.learning_rates),
        seeds=plan.probe.seeds,
        root_seed=plan.seed,
        monitor=p.monitor,
        hidden=p.hidden,
        dropout=p.dropout,
        batch_items=p.batch_items,
        epochs=plan.probe.epochs or p.epochs,
        plateau_patience=p.plateau_patience,
        plateau_factor=p.plateau_factor,
        stop_patience=p.stop_patience,
        aggregation=p.aggregation,
        l2=p.l2,
    )


def _splits(
    task: Task, items: Sequence[Item], readers: dict[str, reader.RowReader]
) -> dict[str, Split]:
    """What the bank reads of each split: rows in the store, and encoded targets."""
    found = {}
    for split, rows in readers.items():
        own = of_split(items, split)
        first, count = rows_of(own, rows)
        found[split] = Split(
            groups=rows, first=first, count=count, targets=targets.encode(task, own)
        )
    return found


def _audit(
    task: Task, items: Sequence[Item], readers: dict[str, reader.RowReader]
) -> dict[str, Any]:
    """Faults of the split these items make, their audio compared by its decoded samples."""
    listed, audio = [], []
    for split, rows in readers.items():
        sounds = iter(rows.sounds)
        for item in of_split(items, split):
            listed.append(item)
            audio.append(tuple(next(sounds) for _ in item.paths))
    return audit.findings(listed, task.kind, task.labels, audio)


def _notes(task: Task, data_dir: Path) -> list[str]:
    """What preparing the data has to say of it, without the folder it happens to lie in."""
    return [note.replace(str(data_dir), 'DATA') for note in task.prepare(data_dir).notes]


def of_split(items: Sequence[Item], split: str) -> list[Item]:
    """The items of one split, in order."""
    return [item for item in items if item.split == split]


def _gone(task: Task, clips: Sequence[Clip], failed: dict[int, str]) -> DataError:
    lines = [f'  {clips[i].path}: {why}' for i, why in sorted(failed.items())[:20]]
    return DataError(
        f'{len(failed)} of {len(clips)} clips of {task.name} cannot be used:\n'
        + '\n'.join(lines)
        + '\nIf a disk is not mounted, mount it: what was encoded and trained is kept. To go on '
        'without them, each counted in every result: --config.extract.on_error=quarantine.'
    )


def _check_scores(task: Task, splits: dict[str, Split]) -> None:
    """Refuses splits on which a metric of the task is not defined.

    Raises:
        DataError: which, and why.
    """
    for split in ('valid', 'test'):
        wanted = splits[split].targets
        noise = np.random.RandomState(0).standard_normal((len(wanted), len(task.labels)))
        score.one(task.kind.value, wanted, noise, labels=task.labels, metrics=task.metrics)


def _check_splits(task: Task, items: Sequence[Item]) -> None:
    counts = {s: sum(item.split == s for item in items) for s in SPLITS}
    if not all(counts.values()):
        raise DataError(
            f'{task.name} has {counts} readable items; every split needs at least one. '
            f'`jaxprobe prepare {task.name}` lists what is missing.'
        )


def _check_files(task: Task, items: Sequence[Item]) -> None:
    several = [item.id for item in items if item.more]
    if several and task.kind.framewise:
        raise DataError(
            f'{task.name}: item {several[0]!r} has several files, and its target is in seconds of '
            f'one: join them into one file.'
        )


def _meta(
    encoder: Encoder,
    chosen: EncoderPlan,
    task: Task,
    plan: Plan,
    spec: BankSpec,
    items: Sequence[Item],
    missing: dict[str, list[str]],
    store: StoreSpec,
) -> dict[str, Any]:
    """All that is known of this bank before it is trained; `fingerprint` hashes what counts."""
    card = encoder.card
    meta = {
        'encoder': {
            'label': chosen.label,
            'name': card.name,
            'title': card.title,
            'layers': [
                {'index': number, 'name': layer.name, 'width': layer.width}
                for number, layer in zip(depths(card), card.layers)
            ],
            'weights_sha256': encoder.weights_sha256,
            'dtype': chosen.dtype,
            'code_licence': card.code_licence,
            'weights_licence': card.weights_licence,
            'training_data': card.training_data,
            'citation': card.citation,
            'homepage': card.homepage,
        },
        'task': {
            'name': task.name,
            'title': task.card.title,
            'kind': task.kind.value,
            'labels': list(task.labels),
            'metrics': list(task.metrics),
            'primary': task.primary,
            'options': {k: str(v) for k, v in sorted(task.options.items())},
            'licence': task.card.licence,
            'citation': task.card.citation,
            'homepage': task.card.homepage,
            'split_source': task.card.split_source,
        },
        'protocol': dataclasses.asdict(task.protocol)
        | {'epochs': spec.epochs, 'learning_rates': list(spec.learning_rates), 'seeds': spec.seeds},
        'sources': [
            {'name': s.name, 'layers': list(s.layers), 'learned': s.learned} for s in spec.sources
        ],
        'root_seed': plan.seed,
        'n': {s: sum(item.split == s for item in items) for s in SPLITS},
        'missing': missing,
        'excluded': dict(task.card.broken),
        'split_sha256': targets.split_sha256(items),
        'store': {'fingerprint': store.fingerprint, 'dir': store.path(Path()).name},
        'limit': plan.limit,
        'random_weights': encoder.weights_sha256.startswith('random'),
        'config_sha256': plan.config_sha256,
        'logits_dtype': plan.probe.logits_dtype,
        'env': {'jaxprobe': VERSION, 'probe_version': PROBE_VERSION},
    }
    deciding = ('protocol', 'sources', 'root_seed', 'store', 'limit', 'logits_dtype', 'env')
    if task.kind is Kind.SEPARATION:
        meta |= separation_probe.record(task)
        deciding += ('head', 'spectra')
    deciding += ('missing', 'excluded')  # A result says how many; it may not say it of before.
    named = ['name', 'kind', 'labels', 'metrics']
    written = {m: extra.source_sha256(m) for m in task.metrics if ':' in m}
    if written:  # A user's metric that is edited is another metric.
        meta['task']['metric_sources'] = written
        named.append('metric_sources')
    return meta | {
        'fingerprint': fs.digest(
            {key: meta[key] for key in deciding}
            | {key: meta['task'][key] for key in named}
            | {'items': _items_digest(items, plan)}
        )
    }


def _items_digest(items: Sequence[Item], plan: Plan) -> str:
    """Hashes the items as the bank meets them: in order, with their audio and their groups."""
    keys = iter(keys_of(clips_of(items), plan.store_dir).keys)
    lines = []
    for item in items:
        own = [next(keys) for _ in item.paths]
        lines.append([item.id, item.split, repr(item.target), item.group, *own])
    if items and isinstance(items[0].target, Stems):
        lines.append(stem_waves.digests(items, plan.store_dir))
    return fs.digest(lines, 64)


def _record(
    trained: BankResult,
    wanted: dict[str, np.ndarray],
    items: Sequence[Item],
    meta: dict[str, Any],
    logits_dtype: str,
) -> results.BankRecord:
    by_split = {split: of_split(items, split) for split in SPLITS}
    return results.BankRecord(
        source=tuple(trained.source),
        learning_rate=np.asarray(trained.learning_rate, np.float64),
        seed=np.asarray(trained.seed),
        best_epoch=np.asarray(trained.best_epoch),
        epochs_run=np.asarray(trained.epochs_run),
        best_monitor=np.asarray(trained.best_monitor, np.float64),
        diverged=np.asarray(trained.diverged),
        ensemble=tuple(trained.ensemble),
        valid_logits=np.asarray(trained.valid_logits, logits_dtype),
        test_logits=np.asarray(trained.test_logits, logits_dtype),
        valid_ids=tuple(item.id for item in by_split['valid']),
        test_ids=tuple(item.id for item in by_split['test']),
        valid_targets=wanted['valid'],
        test_targets=wanted['test'],
        train_targets=wanted['train'],
        valid_groups=tuple(item.group for item in by_split['valid']),
        test_groups=tuple(item.group for item in by_split['test']),
        mix_weights=np.asarray(trained.mix_weights),
        meta=meta,
    )
