"""What one encoder and one task bring to their banks, found once for all of them.

`look` knows what there is without opening a shard, which is enough to say that a bank is done;
`reading` opens the embeddings for those that are not.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.core.errors import DataError
from jaxprobe.encoders.base import Encoder
from jaxprobe.features import reader
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.plan import EncoderPlan, Plan, items_of
from jaxprobe.probes import scaling
from jaxprobe.probes.spec import BankSpec
from jaxprobe.stages import frame_probe, identity, stem_waves
from jaxprobe.stages.stores import clips_of, clips_per_item, of_split, store_spec
from jaxprobe.tasks import audit
from jaxprobe.tasks.base import SPLITS, Item, Kind, Task


class Known(NamedTuple):
    """One encoder and one task, before anything is read.

    Attributes:
        encoder: as the task reads it.
        items: those whose audio is there.
        store: that holds their embeddings.
        grid: of the task's own bank.
        meta: of its record, with its fingerprint; what is read adds counts of rows and faults.
        windows: split -> how many there are of its items.
    """

    encoder: Encoder
    chosen: EncoderPlan
    task: Task
    plan: Plan
    items: Sequence[Item]
    store: StoreSpec
    grid: BankSpec
    meta: dict[str, Any]
    windows: Mapping[str, int] = MappingProxyType({})

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the encoder's layers."""
        return tuple(layer.width for layer in self.encoder.card.layers)

    @property
    def trained_widths(self) -> tuple[int, ...]:
        """Of the layers as probes read them."""
        kept = self.plan.probe.pca
        return (kept,) * len(self.widths) if kept else self.widths

    @property
    def by_split(self) -> dict[str, list[Item]]:
        """The items of every split, in order."""
        return {split: of_split(self.items, split) for split in SPLITS}

    @property
    def label(self) -> str:
        """How progress names it."""
        return f'{self.chosen.label} / {self.task.name}'


class Opened(NamedTuple):
    """What is known, and readers of the embeddings of every split."""

    known: Known
    readers: dict[str, reader.RowReader]
    meta: dict[str, Any]


def look(encoder: Encoder, chosen: EncoderPlan, task: Task, plan: Plan) -> Known:
    """Finds items and store of one encoder and task.

    Raises:
        ConfigError: more components are asked for than a layer is wide.
        DataError: a split is left without items, or items are missing that should not be.
        StoreError: the store lacks audio of this task; the extract stage has to run first.
    """
    items = items_of(task, plan, chosen)
    encoder = frame_probe.encoder_of(encoder, task, plan.extract.pooling)
    spec = store_spec(encoder, chosen, task, plan)
    clips = clips_of(items)
    counts, reasons = reader.counted(spec.path(plan.store_dir), clips)
    if reasons and plan.extract.on_error == 'stop':
        raise _gone(task, clips, reasons)
    # A song that lacks one of its files would be scored by less than the others: it is missing.
    owner = np.repeat(np.arange(len(items)), clips_per_item(items))
    failed = {int(owner[i]) for i in reasons}
    if task.kind is Kind.SEPARATION:
        failed |= _without_stems(task, items, plan)
    present = [item for i, item in enumerate(items) if i not in failed]
    missing = {s: [items[i].id for i in sorted(failed) if items[i].split == s] for s in SPLITS}
    _check_splits(task, present)
    _check_files(task, present)
    scaling.check([layer.width for layer in encoder.card.layers], plan.probe.pca)
    grid = identity.bank_spec(encoder, chosen, task, plan)
    meta = identity.meta_of(encoder, chosen, task, plan, grid, present, missing, spec)
    of = np.bincount(owner, counts, len(items)).astype(int)
    kept = [(i, item.split) for i, item in enumerate(items) if i not in failed]
    windows = {split: sum(int(of[i]) for i, own in kept if own == split) for split in SPLITS}
    return Known(encoder, chosen, task, plan, present, spec, grid, meta, windows)


@contextlib.contextmanager
def reading(known: Known) -> Iterator[Opened]:
    """Opens the embeddings of every split, and looks the split over for faults."""
    store = known.store.path(known.plan.store_dir)
    with contextlib.ExitStack() as stack:
        readers = {
            split: stack.enter_context(reader.RowReader(store, clips_of(items)))
            for split, items in known.by_split.items()
        }
        meta = {
            **known.meta,
            'rows': {s: rows.rows for s, rows in readers.items()},
            'padded_windows': {s: int(rows.padded.sum()) for s, rows in readers.items()},
            'audit': _audit(known.task, known.items, readers),
            'notes': _notes(known.task, known.plan.data_dir),
        }
        yield Opened(known, readers, meta)


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


def _gone(task: Task, clips: Sequence[Clip], failed: dict[int, str]) -> DataError:
    lines = [f'  {clips[i].path}: {why}' for i, why in sorted(failed.items())[:20]]
    return DataError(
        f'{len(failed)} of {len(clips)} clips of {task.name} cannot be used:\n'
        + '\n'.join(lines)
        + '\nIf a disk is not mounted, mount it: what was encoded and trained is kept. To go on '
        'without them, each counted in every result: --config.extract.on_error=quarantine.'
    )


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
