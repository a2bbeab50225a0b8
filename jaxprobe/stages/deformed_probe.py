"""Probes trained on clean audio, scored on deformed test audio: `<task>@deform-<name>`.

The cells that validation selects in the task's bank, one rate per source, are trained again (a
bank is deterministic and its cells do not see each other) and scored on the clean test items
(`<task>@deform-clean`) and on every deformed test set. Sources that selected the same rate share a
bank. Other heads that were asked for are scored alike (`<task>@deform_head-<head>-<name>`). How far
the clean scores lie from those of the selected cells stands in the record.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.core.errors import DataError
from jaxprobe.deform import chain as deform
from jaxprobe.deform.chain import Chain
from jaxprobe.features import reader
from jaxprobe.features.spec import StoreSpec
from jaxprobe.probes import bank
from jaxprobe.probes.spec import BankResult, Source, Split
from jaxprobe.stages import deformed, heads_probe, progress, results
from jaxprobe.stages import grid as grids
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known, Opened
from jaxprobe.stages.results import BankRecord
from jaxprobe.stages.stores import clips_of, clips_per_item, rows_of
from jaxprobe.stages.training import Trained, joined, scaled, splits_of
from jaxprobe.tasks import targets
from jaxprobe.tasks.base import Item

KIND, HEAD_KIND = 'deform', 'deform_head'
CLEAN = deform.CLEAN


class Heard(NamedTuple):
    """A deformed test set: its store, and the items of it that could be encoded."""

    chain: Chain
    store: StoreSpec
    items: list[Item]
    missing: list[str]


def jobs(known: Known, own: BankRecord, study: Any) -> list[Job]:
    """The clean test set and every deformed one; none for tasks of frames.

    Raises:
        DataError: deformed audio could not be used, and items may not be left out.
        StoreError: a store lacks audio of this task; the extract stage has to run first.
    """
    if not study.deform or deformed.refusal(known.task):
        return []
    return _scored(known, own, Job(known.grid), KIND, '')


def of_heads(known: Known, folder: Path) -> list[Job]:
    """The same for every other head that was trained, at the rates that it selects.

    Args:
        known: the encoder and the task.
        folder: holds the records of the heads, which are whole by then.

    Raises:
        DataError, StoreError: as `jobs`, or the record of a head is not there.
    """
    study = known.plan.study
    if not (study.deform and study.heads) or deformed.refusal(known.task):
        return []
    found = []
    for head in heads_probe.planned(known, study.heads):
        record = results.read_bank(folder, head.name(known.task.name))
        found += _scored(known, record, head, HEAD_KIND, f'{head.value}-')
    return found


def _scored(known: Known, own: BankRecord, trained: Job, kind: str, prefix: str) -> list[Job]:
    """The jobs that score the cells which a record selects.

    Args:
        known: the encoder and the task.
        own: the record of the task's bank, or of one with another head.
        trained: the job that it came from.
        kind: of the variants.
        prefix: before their values.
    """
    rates = selected_rates(own)
    if not rates:
        print(f'   {known.label}: no probe to score on deformed audio, all diverged')
        return []
    heard = [_heard(known, chain) for chain in deformed.chains(known.plan)]
    scorer = _Scorer(trained, rates, own, heard)
    meta = {
        'sources': [s for s in known.meta['sources'] if s['name'] in rates],
        'protocol': own.meta['protocol'] | {'learning_rates': sorted(set(rates.values()))},
    }
    if prefix:
        meta['head'] = trained.value
    clean = Job(
        trained.grid,
        kind=kind,
        value=prefix + CLEAN,
        what='the selected cells, trained again, on clean test audio',
        hidden=trained.hidden,
        solve=scorer.clean,
        decides={'rates': rates},
        meta=meta,
    )
    return [clean, *(scorer.job(known, one, kind, prefix, meta) for one in heard)]


def planned(known: Known, study: Any) -> list[Job]:
    """The cells that will be trained again: every source at one rate, of every head."""
    if not study.deform or deformed.refusal(known.task):
        return []
    jobs = [Job(known.grid, value='')]
    jobs += heads_probe.planned(known, study.heads) if study.heads else []
    return [
        job._replace(
            grid=dataclasses.replace(job.grid, learning_rates=job.grid.learning_rates[:1]),
            kind=HEAD_KIND if job.kind else KIND,
            what='the selected cells, for every deformation',
        )
        for job in jobs
    ]


def selected_rates(own: BankRecord) -> dict[str, float]:
    """Source -> the rate that validation selects for it; sources that diverged are left out."""
    grid = grids.of(own)
    choices = {s['name']: grid.by_source(s['name']) for s in own.meta['sources']}
    return {name: choice.learning_rate for name, choice in choices.items() if choice is not None}


def _heard(known: Known, chain: Chain) -> Heard:
    """The test items under a deformation.

    Raises:
        DataError: none is left, or some are missing that may not be.
    """
    store = deformed.store_of(known.store, chain, known.plan.seed)
    items = known.by_split['test']
    failed = reader.failures(store.path(known.plan.store_dir), clips_of(items))
    owner = np.repeat(np.arange(len(items)), clips_per_item(items))
    gone = {int(owner[clip]) for clip in failed}
    if gone and (known.plan.extract.on_error == 'stop' or len(gone) == len(items)):
        lines = [f'  {clips_of(items)[i]}: {why}' for i, why in sorted(failed.items())[:20]]
        raise DataError(
            f'{len(gone)} of {len(items)} test items of {known.task.name} cannot be used as '
            f'{chain.name}:\n'
            + '\n'.join(lines)
            + '\nLeave that deformation out, or go on without '
            'those items, counted in every result, with --config.extract.on_error=quarantine.'
        )
    kept = [item for i, item in enumerate(items) if i not in gone]
    return Heard(chain, store, kept, [items[i].id for i in sorted(gone)])


class _Scorer:
    """Trains the selected cells when a record is first asked for, and hands out every score."""

    def __init__(
        self, trained: Job, rates: Mapping[str, float], own: BankRecord, heard: Sequence[Heard]
    ):
        self._job = trained
        self._rates = rates
        self._own = own
        self._heard = {one.chain.name: one for one in heard}
        self._result: BankResult | None = None

    def job(self, known: Known, one: Heard, kind: str, prefix: str, meta: Mapping[str, Any]) -> Job:
        """The job of one deformed test set."""
        missing = {**known.meta['missing'], 'test': [*known.meta['missing']['test'], *one.missing]}
        store = deformed.record_of(one.store)
        return Job(
            self._job.grid,
            kind=kind,
            value=prefix + one.chain.file_name,
            hidden=self._job.hidden,
            what=f'the selected cells on test audio deformed: {one.chain.title}',
            solve=lambda opened: self.deformed(opened, one),
            decides={'rates': self._rates, 'store': store, 'missing': one.missing},
            meta={
                **meta,
                'deformation': card_of(one.chain),
                'store': store,
                'missing': missing,
                'n': {**known.meta['n'], 'test': len(one.items)},
            },
        )

    def clean(self, opened: Opened) -> Trained:
        """The cells on clean audio, and how far they are from the bank's own."""
        result, splits = self._trained(opened), splits_of(opened)
        wanted = {name: split.targets for name, split in splits.items()}
        found = result._replace(also_logits={})
        return Trained(found, wanted, {'agreement': agreement(self._own, found)})

    def deformed(self, opened: Opened, one: Heard) -> Trained:
        """The cells on one deformed test set; validation items are in the clean record."""
        result, task = self._trained(opened), opened.known.task
        encoded = {'test': one.items, 'valid': [], 'train': opened.known.by_split['train']}
        wanted = {
            'test': targets.encode(task, one.items),
            'valid': targets.encode(task, opened.known.by_split['valid'])[:0],
            'train': targets.encode(task, encoded['train']),
        }
        found = result._replace(
            test_logits=result.also_logits[one.chain.name],
            valid_logits=result.valid_logits[:, :0],
            also_logits={},
        )
        return Trained(found, wanted, {}, encoded)

    def _trained(self, opened: Opened) -> BankResult:
        if self._result is None:
            with contextlib.ExitStack() as stack:
                also = {name: _split(opened.known, one, stack) for name, one in self._heard.items()}
                self._result = _train(opened, self._job, self._rates, also)
        return self._result


def card_of(chain: Chain) -> dict[str, Any]:
    """What a record says of a deformation: all that `sections` need, as JSON.

    Only a single step has a place on a severity axis.
    """
    found: dict[str, Any] = {'name': chain.name, 'title': chain.title}
    found |= {'family': None, 'severity': None, 'unit': None, 'harm': None}
    if len(chain.steps) == 1:
        (step,) = chain.steps
        harm = round(float(step.card.harm(step.severity)), 9)
        found |= {'family': step.family, 'severity': step.severity, 'harm': harm}
        found['unit'] = step.card.unit
    return found | {
        'keeps_length': all(step.card.keeps_length for step in chain.steps),
        'version': chain.version,
    }


def _split(known: Known, one: Heard, stack: contextlib.ExitStack) -> Split:
    store = one.store.path(known.plan.store_dir)
    rows = stack.enter_context(reader.RowReader(store, clips_of(one.items)))
    first, count = rows_of(one.items, rows)
    return Split(rows, first, count, targets.encode(known.task, one.items))


def _train(
    opened: Opened, job: Job, rates: Mapping[str, float], also: Mapping[str, Split]
) -> BankResult:
    """One bank per distinct rate and shape of head, their cells in the order of the sources."""
    known, parts = opened.known, []
    splits = scaled(known, {**splits_of(opened), **also})  # As fitted on clean training rows.
    for rate in sorted(set(rates.values())):
        for sources, hidden in _alike(known, job, rates, rate):
            shown = progress.Training(f'{known.label}: {len(also)} deformations, rate {rate:g}')
            parts.append(
                bank.train(
                    dataclasses.replace(
                        job.grid, sources=sources, hidden=hidden, learning_rates=(rate,)
                    ),
                    known.trained_widths,
                    splits['train'],
                    splits['valid'],
                    splits['test'],
                    data=known.plan.probe.data,
                    max_cells=known.plan.probe.max_cells,
                    progress=shown,
                    also={name: splits[name] for name in also},
                )
            )
            shown.close()
    return joined(parts, [s.name for s in job.grid.sources])


def _alike(
    known: Known, job: Job, rates: Mapping[str, float], rate: float
) -> Iterator[tuple[tuple[Source, ...], tuple[int, ...]]]:
    """The sources that selected a rate, by the shape of their head, and that shape."""
    shapes: dict[tuple[int, ...], list[Source]] = {}
    for source in job.grid.sources:
        if rates.get(source.name) == rate:
            width = known.trained_widths[source.layers[0]]
            shapes.setdefault(job.hidden.get(width, job.grid.hidden), []).append(source)
    for hidden, sources in shapes.items():
        yield tuple(sources), hidden


def agreement(own: BankRecord, again: BankResult) -> dict[str, Any]:
    """How far cells that were trained again lie from those of the task's bank.

    Returns:
        {cells, same_best_epoch, largest_difference}: how many cells there are, how many kept the
        same epoch, and the largest difference of a test score among those (null without any).
    """
    known = {
        (source, float(rate), int(seed)): p
        for p, (source, rate, seed) in enumerate(
            zip(own.source, own.learning_rate, own.seed, strict=True)
        )
    }
    cells = zip(again.source, again.learning_rate, again.seed, strict=True)
    at = [known[source, float(rate), int(seed)] for source, rate, seed in cells]
    same = own.best_epoch[at] == again.best_epoch
    gaps = np.abs(own.test_logits[at].astype(np.float64) - again.test_logits)[same]
    return {
        'cells': len(at),
        'same_best_epoch': int(same.sum()),
        'largest_difference': float(gaps.max()) if gaps.size else None,
    }
