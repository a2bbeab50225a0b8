"""Is one encoder better than another? Every pair that was probed on the same task and items.

Each encoder stands there with what its own validation selected. Items are matched by id, so that
an encoder whose run lacks some is compared on those that both sides have; all encoders of a task
share one set of items and one set of draws. Pairs of a task are one family for Holm's correction.
See `stages/comparisons.py` for what the numbers of a pair mean.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxprobe.analysis import bootstrap
from jaxprobe.core import fs, rng, schema
from jaxprobe.metrics import extra
from jaxprobe.stages import comparisons, resample, results, score
from jaxprobe.stages import grid as grids
from jaxprobe.stages.results import BankRecord

FILE = 'across/comparisons.json'
SCHEMA = schema.COMPARISONS
Row = dict[str, Any]

# What a record has of every cell.
_TEXTS = ('source', 'ensemble')
_ARRAYS = (
    'learning_rate',
    'seed',
    'best_epoch',
    'epochs_run',
    'best_monitor',
    'diverged',
    'valid_logits',
    'test_logits',
    'mix_weights',
)


class Entry(NamedTuple):
    """One encoder on one task: the cells that validation selected, and nothing else."""

    encoder: str
    source: str
    learning_rate: float
    record: BankRecord


def run(workdir: Path, *, resamples: int) -> Path | None:
    """Writes `across/comparisons.json`, or removes it where no two encoders share a task.

    Raises:
        StoreError: a record is absent, damaged or changed.
    """
    path, found = workdir / FILE, compare(folders(workdir), resamples=resamples)
    if found is None:
        path.unlink(missing_ok=True)
        return None
    fs.write_json(path, found)
    return path


def folders(workdir: Path) -> list[Path]:
    """The result folders of a working directory, one per encoder."""
    return list(dict.fromkeys(folder for folder, _ in results.banks(workdir)))


def compare(folders: Sequence[Path], *, resamples: int) -> Row | None:
    """Compares encoders on every task that at least two of them were probed on.

    Args:
        folders: `<workdir>/results/<encoder>` of every encoder, of one or several workdirs.
        resamples: bootstrap draws.

    Returns:
        tasks {name: {metric, method, covers, level, resamples, clusters, items, rows [{encoder,
        source, learning_rate, value, ci95}], pairs [{a, b, difference, ci95, ci95_groups, p,
        p_holm, significant}], ranking [encoder], left_out {encoder: reason}}} and mean
        [{encoder, value, mean_rank, tasks}], best first, over the tasks that every encoder has;
        None where no task has two encoders. Intervals of `rows` are of other groups.

    Raises:
        StoreError: a record is absent, damaged or changed.
    """
    labels = _labels(folders)
    names = sorted({task for folder in folders for task in _tasks(folder)})
    tasks = {}
    for name in names:
        sides = [(labels[f], f) for f in folders if results.paths(f, name)['bank'].exists()]
        found = _task(name, sides, resamples) if len(sides) > 1 else None
        if found is not None:
            tasks[name] = found
    return {'schema': SCHEMA, 'tasks': tasks, 'mean': _mean(tasks)} if tasks else None


def _labels(folders: Sequence[Path]) -> dict[Path, str]:
    """Names of folders, with the workdir's where several share one."""
    names = [folder.name for folder in folders]
    return {f: f'{f.name} ({f.parents[1].name})' if names.count(f.name) > 1 else f.name
            for f in folders}  # fmt: skip


def _tasks(folder: Path) -> list[str]:
    ends = f'.{results.BANK}'
    found = [path.name.removesuffix(ends) for path in folder.glob(f'*{ends}')]
    return [name for name in found if results.VARIANT not in name]


def _task(name: str, sides: Sequence[tuple[str, Path]], resamples: int) -> Row | None:
    entries, left_out = [], {}
    # A trial on part of the data must not be what the others are measured against.
    for label, folder in sorted(sides, key=lambda side: -_tested(side[1], name)):
        entry = _entry(label, results.read_bank(folder, name))
        reason = _reason(entry, entries)
        if entry is None or reason:
            left_out[label] = reason
        else:
            entries.append(entry)
    ids = _common(entries)
    if len(entries) < 2 or not ids:
        return None
    return _compared(name, [_on(entry, ids) for entry in entries], left_out, resamples)


def _tested(folder: Path, name: str) -> int:
    """How many test items a stored bank has."""
    return (results.stored_meta(folder, name) or {'n': {'test': 0}})['n']['test']


def _entry(label: str, record: BankRecord) -> Entry | None:
    """The selected cells of a record; None where none has a score."""
    book = grids.of(record).book
    if book is None:
        return None
    chosen = book.selected
    return Entry(label, chosen.source, chosen.learning_rate, _cut(record, list(chosen.cells)))


def _cut(record: BankRecord, cells: list[int]) -> BankRecord:
    """A few cells of a record, so that records of many encoders can be held at once."""
    arrays = {name: getattr(record, name)[cells] for name in _ARRAYS}
    texts = {name: tuple(getattr(record, name)[p] for p in cells) for name in _TEXTS}
    return dataclasses.replace(record, **arrays, **texts, scores={})


def _reason(entry: Entry | None, entries: Sequence[Entry]) -> str:
    """Why an entry cannot stand beside the first one; '' where it can."""
    if entry is None:
        return 'every cell diverged'
    if not entries:
        return ''
    mine, first = entry.record, entries[0].record
    limits = [record.meta.get('limit') or 0 for record in (mine, first)]
    if limits[0] != limits[1]:  # The common items would be those of the smaller part.
        return f'{limits[0] or "all"} items per split, {limits[1] or "all"} of {entries[0].encoder}'
    for key in ('kind', 'labels', 'primary'):
        if mine.meta['task'][key] != first.meta['task'][key]:
            return f'another task of this name than for {entries[0].encoder}, by its {key}'
    if mine.meta['task']['kind'] not in extra.KINDS:
        return ''  # Targets of frames are at each encoder's own rate.
    theirs = dict(zip(first.test_ids, first.test_targets, strict=True))
    pairs = zip(mine.test_ids, mine.test_targets, strict=True)
    if any(i in theirs and not np.array_equal(theirs[i], target) for i, target in pairs):
        return f'test items have other targets than for {entries[0].encoder}'
    return ''


def _common(entries: Sequence[Entry]) -> list[str]:
    """Test items that all entries have, in the order of the first."""
    if not entries:
        return []
    shared = set.intersection(*(set(entry.record.test_ids) for entry in entries))
    return [item for item in entries[0].record.test_ids if item in shared]


def _on(entry: Entry, ids: Sequence[str]) -> Entry:
    """An entry cut down to some of its test items."""
    record = entry.record
    place = {item: i for i, item in enumerate(record.test_ids)}
    kept = [place[item] for item in ids]
    return entry._replace(
        record=dataclasses.replace(
            record,
            test_ids=tuple(ids),
            test_groups=tuple(record.test_groups[i] for i in kept),
            test_targets=record.test_targets[kept],
            test_logits=record.test_logits[:, kept],
        )
    )


def _compared(
    name: str, entries: Sequence[Entry], left_out: dict[str, str], resamples: int
) -> Row | None:
    first = entries[0].record
    metric = first.meta['task']['primary']
    random = rng.random_state(first.meta['root_seed'], 'bootstrap', 'across encoders', name)
    drawn = bootstrap.draw(first.test_groups, resamples, random)
    values = [_value(entry.record, metric) for entry in entries]
    if not np.isfinite(values).all():  # So few common items that the metric is undefined.
        return None
    samples = [_samples(entry.record, metric, drawn) for entry in entries]
    if len({s.shape[1] for s in samples}) > 1:  # No pairs of seeds: groups alone.
        samples = [s.mean(axis=1, keepdims=True) for s in samples]
    form = resample.scale(first.meta['task']['kind'], metric)
    order = sorted(range(len(entries)), key=lambda i: (-values[i], entries[i].encoder))
    rows = [
        {
            'encoder': entries[i].encoder,
            'source': entries[i].source,
            'learning_rate': entries[i].learning_rate,
            'value': values[i],
            'ci95': resample.interval(samples[i].mean(axis=1), drawn, form),
        }
        for i in order
    ]
    pairs = [
        {'a': entries[i].encoder, 'b': entries[j].encoder}
        | {'difference': score.tidy(values[i] - values[j])}
        | resample.difference(samples[i], samples[j], drawn)
        for k, i in enumerate(order)
        for j in order[k + 1 :]
    ]
    return score.tidied(
        {
            'metric': metric,
            'method': comparisons.METHOD,
            'covers': comparisons.covers(samples[0].shape[1]),
            'level': bootstrap.LEVEL,
            'resamples': resamples,
            'clusters': drawn.groups,
            'items': len(first.test_ids),
            'rows': rows,
            'pairs': comparisons.correct(pairs),
            'ranking': [row['encoder'] for row in rows],
            'left_out': left_out,
        }
    )


def _value(record: BankRecord, metric: str) -> float:
    """The score on the record's test items, mean over seeds, as result files have it."""
    task = record.meta['task']
    asked = (task['kind'], (metric,), record.test_targets, record.test_logits)
    return float(score.cells(*asked, labels=tuple(task['labels']))[metric].mean())


def _samples(
    record: BankRecord, metric: str, drawn: bootstrap.Resampling
) -> Float[np.ndarray, 'B K']:
    return resample.replicates(record, metric, range(len(record.test_logits)), drawn)


def _mean(tasks: dict[str, Row]) -> list[Row]:
    """Means of scores and of ranks over the tasks that all encoders have, best first."""
    encoders = sorted({e for task in tasks.values() for e in task['ranking']})
    whole = [task for task in tasks.values() if len(task['ranking']) == len(encoders)]
    if not whole:
        return []
    rows = []
    for encoder in encoders:
        values = [row['value'] for t in whole for row in t['rows'] if row['encoder'] == encoder]
        ranks = [1 + task['ranking'].index(encoder) for task in whole]
        means = {
            'value': score.tidy(float(np.mean(values))),
            'mean_rank': score.tidy(float(np.mean(ranks))),
        }
        rows.append({'encoder': encoder, 'tasks': len(whole)} | means)
    return sorted(rows, key=lambda row: (-row['value'], row['encoder']))
