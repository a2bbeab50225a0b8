"""Trains the bank of a job, whatever kind of targets it has, and makes its record."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from jaxprobe.core import fs
from jaxprobe.probes import bank, draws, mesh, scaling
from jaxprobe.probes.checkpoint import Checkpoint
from jaxprobe.probes.data import merged
from jaxprobe.probes.spec import BankResult, Split, Take, nowhere
from jaxprobe.stages import cluster, frame_probe, results, score, separation_probe
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known, Opened
from jaxprobe.stages.stores import rows_of
from jaxprobe.tasks import targets
from jaxprobe.tasks.base import Item, Kind, Task


class Trained(NamedTuple):
    """The cells, what items of every split were scored by, and what the record says of it.

    `items` has the items of splits that are not all of what is known.
    """

    result: BankResult
    targets: dict[str, np.ndarray]
    meta: dict[str, Any]
    items: Mapping[str, Sequence[Item]] = MappingProxyType({})


class How(NamedTuple):
    """By whom a bank is trained, and what is kept on the way.

    Attributes:
        devices: of all processes that train it together; None for those of this one.
        keeps: whether this process is the one that has the outcome.
        checkpoint: as `bank.train`; separation and what is solved have none.
    """

    devices: Sequence[Any] | None = None
    keeps: bool = True
    checkpoint: Checkpoint | None = None

    @property
    def take(self) -> Take | None:
        """What `bank.train` hands scores to: nobody here needs those that another process keeps."""
        return None if self.keeps else nowhere


ALONE = How()


def together() -> How:
    """By all processes of the run; the first keeps the outcome."""
    return How(mesh.all_devices(), cluster.index() == 0)


def train(
    opened: Opened,
    job: Job,
    folder: Path,
    progress: Callable[[Any], Any] | None,
    how: How = ALONE,
) -> Trained | None:
    """Trains the bank of a job.

    Args:
        opened: items and embeddings.
        job: what to train; a task of frames takes none that merges windows.
        folder: where scores of frames wait on disk.
        progress: called after every epoch.
        how: by whom, and what is kept on the way.

    Returns:
        The outcome; None where another process keeps it.

    Raises:
        ConfigError, DataError: as `bank.train`.
    """
    kind = opened.known.task.kind
    if job.solve is not None:
        return job.solve(opened)
    if job.hidden:
        return _by_width(opened, job, folder, progress, how)
    if kind is Kind.SEPARATION:
        return _stems(opened, job, progress)
    if kind.framewise:
        return _frames(opened, job, folder, progress, how)
    return _clips(opened, job, progress, how)


def _by_width(
    opened: Opened, job: Job, folder: Path, progress: Callable[[Any], Any] | None, how: How
) -> Trained | None:
    """A bank per width of embeddings, where the head's shape follows from it, put together."""
    widths, parts = opened.known.trained_widths, []
    for width, hidden in job.hidden.items():
        own = tuple(s for s in job.grid.sources if widths[s.layers[0]] == width)
        grid = dataclasses.replace(job.grid, sources=own, hidden=hidden)
        kept = how.checkpoint and how.checkpoint._replace(folder=how.checkpoint.folder / str(width))
        one = job._replace(grid=grid, hidden={})
        parts.append(train(opened, one, folder, progress, how._replace(checkpoint=kept)))
        if how.devices is not None:  # Who keeps the outcome may be scoring it for long.
            name = job.name(opened.known.task.name)
            cluster.meet(f'{opened.known.chosen.label}/{name}/{width}')
    if not how.keeps:
        return None
    cells = joined([part.result for part in parts], [s.name for s in job.grid.sources])
    meta = parts[0].meta
    if 'decoded' in meta:  # Of frames: all, if all of every part are.
        said = [part.meta['decoded'] for part in parts]
        meta = meta | {'decoded': next((one for one in said if one != 'all'), 'all')}
    return parts[0]._replace(result=cells, meta=meta)


def joined(parts: Sequence[BankResult], names: Sequence[str]) -> BankResult:
    """The cells of several banks as one, source after source in the order of `names`."""
    place = [names.index(source) for part in parts for source in part.source]
    order = np.argsort(place, kind='stable')

    def join(values: Sequence[Any]) -> Any:
        if isinstance(values[0], tuple):
            flat = [value for one in values for value in one]
            return tuple(flat[cell] for cell in order)
        if isinstance(values[0], Mapping):
            return {name: join([one[name] for one in values]) for name in values[0]}
        return np.concatenate(values)[order]

    return BankResult(*(join(column) for column in zip(*parts, strict=True)))


def _clips(
    opened: Opened, job: Job, progress: Callable[[Any], Any] | None, how: How
) -> Trained | None:
    known = opened.known
    splits = splits_of(opened)
    _check_scores(known.task, splits)  # Before hours of training, not after.
    wanted = {name: split.targets for name, split in splits.items()}
    if job.merge > 1:
        splits = {name: merged(split, job.merge) for name, split in splits.items()}
    splits = varied(known, splits, job, job.chosen)
    trained = bank.train(
        job.grid,
        known.trained_widths,
        splits['train'],
        splits['valid'],
        splits['test'],
        data=known.plan.probe.data,
        max_cells=known.plan.probe.max_cells,
        progress=progress,
        take=how.take,
        devices=how.devices,
        checkpoint=how.checkpoint,
    )
    return Trained(trained, _kept(job, wanted), {}) if how.keeps else None


def varied(
    known: Known, splits: dict[str, Split], job: Job, chosen: Int[np.ndarray, 'K'] | None
) -> dict[str, Split]:
    """The splits of a job: `chosen` of the training items, targets shuffled if it says so."""
    train = splits['train']._replace(chosen=chosen)
    if job.shuffled:
        origins = draws.origins(job.grid.root_seed, job.grid.task, range(job.grid.seeds))
        train = train._replace(borrowed=draws.borrowed(origins, len(train.first)))
    return scaled(known, splits | {'train': train})


def scaled(known: Known, splits: dict[str, Split]) -> dict[str, Split]:
    """Splits as probes read them, all transformed by what is fitted on `train`, if at all."""
    asked = known.plan.probe
    if not (asked.standardise or asked.pca):
        return splits
    found = scaling.fit(
        splits['train'],
        known.widths,
        standardise=asked.standardise,
        components=asked.pca,
        by_item=known.grid.aggregation == 'embeddings',
    )
    return {name: found.split(split) for name, split in splits.items()}


def _kept(job: Job, wanted: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Targets as the record has them: of the training items that were trained on."""
    return wanted if job.chosen is None else wanted | {'train': wanted['train'][job.chosen]}


def _frames(
    opened: Opened, job: Job, folder: Path, progress: Callable[[Any], Any] | None, how: How
) -> Trained | None:
    known, asked = opened.known, opened.known.plan.probe
    judged = frame_probe.train(
        job.grid,
        known.trained_widths,
        known.task,
        known.by_split,
        opened.readers,
        fs.temporary_name(folder / f'{job.name(known.task.name)}.frames'),
        data=asked.data,
        max_cells=asked.max_cells,
        budget=asked.decode_budget,
        progress=progress,
        vary=lambda splits, windows: varied(known, splits, job, windows),
        chosen=job.chosen,
        devices=how.devices,
        keeps=how.keeps,
        checkpoint=how.checkpoint,
    )
    if judged is None:
        return None
    return Trained(judged.result, _kept(job, judged.targets), {'decoded': judged.decoded})


def _stems(opened: Opened, job: Job, progress: Callable[[Any], Any] | None) -> Trained:
    known = opened.known
    judged = separation_probe.train(
        job.grid,
        known.widths,
        known.task,
        known.by_split,
        opened.readers,
        known.plan.store_dir,
        max_cells=known.plan.probe.max_cells,
        threads=known.plan.extract.threads,
        progress=progress,
    )
    return Trained(judged.result, judged.targets, {'target_best_epochs': judged.best_epochs})


def splits_of(opened: Opened) -> dict[str, Split]:
    """What the bank reads of each split: rows in the store, and encoded targets."""
    found = {}
    for split, items in opened.known.by_split.items():
        first, count = rows_of(items, opened.readers[split])
        encoded = targets.encode(opened.known.task, items)
        found[split] = Split(opened.readers[split], first, count, encoded)
    return found


def _check_scores(task: Task, splits: dict[str, Split]) -> None:
    """Refuses splits on which a metric of the task is not defined.

    Raises:
        DataError: which, and why.
    """
    for split in ('valid', 'test'):
        wanted = splits[split].targets
        noise = np.random.RandomState(0).standard_normal((len(wanted), len(task.labels)))
        score.one(task.kind.value, wanted, noise, labels=task.labels, metrics=task.metrics)


def record(known: Known, trained: Trained, meta: dict[str, Any]) -> results.BankRecord:
    """What is kept of a bank.

    Args:
        known: whose items these are.
        trained: the outcome.
        meta: of the record.
    """
    items, cells = {**known.by_split, **trained.items}, trained.result
    logits = known.plan.probe.logits_dtype
    return results.BankRecord(
        source=tuple(cells.source),
        learning_rate=np.asarray(cells.learning_rate, np.float64),
        seed=np.asarray(cells.seed),
        best_epoch=np.asarray(cells.best_epoch),
        epochs_run=np.asarray(cells.epochs_run),
        best_monitor=np.asarray(cells.best_monitor, np.float64),
        diverged=np.asarray(cells.diverged),
        ensemble=tuple(cells.ensemble),
        valid_logits=np.asarray(cells.valid_logits, logits),
        test_logits=np.asarray(cells.test_logits, logits),
        valid_ids=tuple(item.id for item in items['valid']),
        test_ids=tuple(item.id for item in items['test']),
        valid_targets=trained.targets['valid'],
        test_targets=trained.targets['test'],
        train_targets=trained.targets['train'],
        valid_groups=tuple(item.group for item in items['valid']),
        test_groups=tuple(item.group for item in items['test']),
        mix_weights=np.asarray(cells.mix_weights),
        meta=meta | trained.meta,
    )
