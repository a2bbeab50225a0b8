"""The three files of one (encoder, task) that every reported number is computed from.

Under `<workdir>/results/<encoder label>/`:

- `<task>.cells.parquet`: one row per cell: what it is, how its training went, its scores;
- `<task>.logits.npz`: item logits of every cell on the validation and test items, the targets,
  ids and groups of those items, and the learned layer weights;
- `<task>.bank.json`: what was trained, and the sha256 of the other two. It is written last: where
  it is, the record is whole.

Equal records are equal bytes: no times, no hosts, no paths. `analyse` and `verify` read nothing
else.
"""

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from jaxprobe.core import fs, schema
from jaxprobe.core.errors import StoreError
from jaxprobe.stages import score

CELLS, LOGITS, BANK = 'cells.parquet', 'logits.npz', 'bank.json'
SCHEMA = 1  # Layout of the three files together; in `bank.json`.
VARIANT = '@'  # Between a task and the name of its variant.

# What `meta` must hold, and may hold beside it. `fingerprint` hashes all that decides the numbers.
REQUIRED = ('encoder', 'task', 'protocol', 'sources', 'n', 'fingerprint', 'root_seed')

_COLUMNS = ('source', 'learning_rate', 'seed', 'best_epoch', 'epochs_run', 'best_monitor')
_ITEMS = ('ids', 'targets', 'groups', 'logits')
_LATE = ('schema', 'files', 'record_sha256')  # Written by `write_bank`, not by the caller.


@dataclasses.dataclass(frozen=True, kw_only=True)
class BankRecord:
    """Everything the probe stage knows after training the bank of one task.

    P cells in the nesting order source, learning rate, seed (seed fastest).

    Attributes:
        source: name of the source of every cell, one of `meta['sources']`.
        best_epoch: 0-based epoch of the parameters that were kept; -1 where there is none.
        best_monitor: the validation monitor at that epoch.
        diverged: True where training left the finite numbers.
        ensemble: how the windows of an item were combined, '' where there is no choice.
        valid_logits: after aggregation over the windows of an item; float32 or float16. Scores
            are computed from the logits as stored.
        valid_targets: int [N], or float [N C], as `jaxprobe.tasks.targets` encodes them.
        train_targets: for the predictors that ignore the audio.
        valid_groups: artist, singer or song of every item, '' where unknown.
        mix_weights: learned softmax over layers, [P L]; nan rows where a cell is no `mix`.
        meta: JSON values. Required: `encoder` {label, name, title, layers: [{name, width,
            index}], ...card}, `task` {name, kind, labels, metrics, primary, ...card}, `protocol`
            (with `monitor`), `sources` [{name, layers, learned}], `n` {train, valid, test},
            `fingerprint`, `root_seed`. Optional: rows, missing {split: [ids]}, excluded
            {id: reason}, padded_windows, split_sha256, store {fingerprint, dir}, limit,
            random_weights, config_sha256, env.
        scores: 'valid/<metric>' and 'test/<metric>' of every cell. Leave it empty: `write_bank`
            computes it, `read_bank` returns what is stored.
    """

    source: tuple[str, ...]
    learning_rate: Float[np.ndarray, 'P']
    seed: Int[np.ndarray, 'P']
    best_epoch: Int[np.ndarray, 'P']
    epochs_run: Int[np.ndarray, 'P']
    best_monitor: Float[np.ndarray, 'P']
    diverged: Bool[np.ndarray, 'P']
    ensemble: tuple[str, ...]
    valid_logits: Float[np.ndarray, 'P Nv C']
    test_logits: Float[np.ndarray, 'P Nt C']
    valid_ids: tuple[str, ...]
    test_ids: tuple[str, ...]
    valid_targets: Shaped[np.ndarray, 'Nv ...']
    test_targets: Shaped[np.ndarray, 'Nt ...']
    train_targets: Shaped[np.ndarray, 'Ntr ...']
    valid_groups: tuple[str, ...]
    test_groups: tuple[str, ...]
    mix_weights: Float[np.ndarray, 'P L']
    meta: dict[str, Any]
    scores: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


def banks(workdir: Path) -> list[tuple[Path, str]]:
    """The (folder, task) of every bank of a working directory, variants left out."""
    return [(folder, name) for folder, name in records(workdir) if VARIANT not in name]


def variants(folder: Path, task: str) -> list[str]:
    """The names of the records that vary one thing of a task's bank, sorted.

    A variant is a bank of its own with a record of its own, named `<task>@<variant>`; its
    `meta['variant']` says {'kind', 'value', 'of'}, where `of` is the fingerprint of the task's
    bank. Kinds: 'shuffled', 'train' (value: the share), 'head' (its name), 'context' (seconds),
    'deform' (the chain), 'deform_head' (head and chain), 'ridge' and 'lda' (solved, not trained:
    `learning_rate` is the penalty), 'projection' (no cells: its `meta` holds the points).
    """
    ends = f'.{BANK}'
    return sorted(p.name.removesuffix(ends) for p in folder.glob(f'{task}{VARIANT}*{ends}'))


def records(workdir: Path) -> list[tuple[Path, str]]:
    """The (folder, name) of every record of a working directory, variants included."""
    found = sorted((workdir / 'results').glob(f'*/*.{BANK}'))
    return [(path.parent, path.name.removesuffix(f'.{BANK}')) for path in found]


def paths(folder: Path, task: str) -> dict[str, Path]:
    """The files of one task: 'cells', 'logits', 'bank', and 'result' (written by analyse)."""
    names = {'cells': CELLS, 'logits': LOGITS, 'bank': BANK, 'result': 'json'}
    return {what: folder / f'{task}.{end}' for what, end in names.items()}


def write_bank(folder: Path, task_name: str, record: BankRecord) -> dict[str, Path]:
    """Writes the three files, `bank.json` last, and returns their paths.

    Args:
        folder: `<workdir>/results/<encoder label>`.
        task_name: names the files.
        record: what was trained; its `scores` are computed here, from the logits.

    Raises:
        StoreError: the arrays of the record contradict each other, or `meta` lacks a key.
    """
    check(record)
    where = paths(folder, task_name)
    cells = _cells_bytes(record, score_record(record))
    where['bank'].unlink(missing_ok=True)  # From here to the end there is no whole record.
    fs.write_bytes(where['cells'], cells)
    fs.write_bytes(where['logits'], _logits_bytes(record))
    meta = {key: value for key, value in record.meta.items() if key not in _LATE}
    meta['schema'] = SCHEMA
    meta['files'] = {what: fs.sha256(where[what]) for what in ('cells', 'logits')}
    meta['record_sha256'] = record_hash(meta)
    fs.write_json(where['bank'], meta)
    return {what: where[what] for what in ('cells', 'logits', 'bank')}


def record_hash(meta: dict[str, Any]) -> str:
    """Hashes `bank.json` without the hash it carries of itself."""
    return fs.digest({key: v for key, v in meta.items() if key != 'record_sha256'}, 64)


def score_record(record: BankRecord) -> dict[str, np.ndarray]:
    """Computes the score columns of a record from its logits.

    A cell that diverged before any epoch counted (`best_epoch` -1) has the logits of an untrained
    head; it has no score.
    """
    task = record.meta['task']
    untrained = record.best_epoch < 0
    columns = {}
    for split in ('valid', 'test'):
        found = score.cells(
            task['kind'],
            tuple(task['metrics']),
            getattr(record, f'{split}_targets'),
            getattr(record, f'{split}_logits'),
            labels=tuple(task['labels']),
        )
        for metric, values in found.items():
            columns[f'{split}/{metric}'] = np.where(untrained, np.nan, values)
    return columns


def stored_meta(folder: Path, task_name: str) -> dict[str, Any] | None:
    """Returns `bank.json` where the record is whole, else None (absent or cut off).

    The probe stage compares its `fingerprint` with the plan's to skip what is done.

    Raises:
        StoreError: a version of jaxprobe wrote it whose layout this one does not read.
    """
    where = paths(folder, task_name)
    try:
        meta = fs.read_json(where['bank'])
    except (FileNotFoundError, ValueError):
        return None
    if isinstance(meta, dict):
        remedy = 'give this run another --workdir.'
        schema.check(where['bank'], meta, 'record of a bank', (SCHEMA,), remedy)
    whole = all(where[what].is_file() for what in ('cells', 'logits'))
    return meta if whole and isinstance(meta, dict) and 'fingerprint' in meta else None


def read_bank(folder: Path, task_name: str) -> BankRecord:
    """Reads the three files back, scores as stored.

    Raises:
        StoreError: a file is absent, damaged, or not the one `bank.json` was written for.
    """
    changed = damage(folder, task_name)
    if changed:
        raise StoreError(
            f'{folder}: {"; ".join(changed)}. It was changed after the run; delete '
            f'{paths(folder, task_name)["bank"].name} and run the probe stage again.'
        )
    return load_bank(folder, task_name)


def damage(folder: Path, task_name: str) -> list[str]:
    """Compares the hashes of a record with its files; returns one sentence per difference.

    Raises:
        StoreError: the record is absent or cut off.
    """
    where, meta = paths(folder, task_name), _meta(folder, task_name)
    stored = {where[what].name: meta.get('files', {}).get(what) for what in ('cells', 'logits')}
    found = {where[what].name: fs.sha256(where[what]) for what in ('cells', 'logits')}
    stored[where['bank'].name] = meta.get('record_sha256')
    found[where['bank'].name] = record_hash(meta)
    return [
        f'{name} has sha256 {found[name][:12]}, the record says {str(stored[name])[:12]}'
        for name in stored
        if stored[name] != found[name]
    ]


def _meta(folder: Path, task_name: str) -> dict[str, Any]:
    meta = stored_meta(folder, task_name)
    if meta is None:
        raise StoreError(
            f'{paths(folder, task_name)["bank"]} is absent or unreadable, so {task_name!r} of '
            f'{folder.name!r} is not probed yet, or was cut off. Run the probe stage again: it '
            f'continues there.'
        )
    return meta


def load_bank(folder: Path, task_name: str) -> BankRecord:
    """Reads the three files without comparing hashes; for `verify`, which names what differs.

    Raises:
        StoreError: a file is absent or cannot be read.
    """
    where, meta = paths(folder, task_name), _meta(folder, task_name)
    try:
        return _read(where, meta)
    except Exception as error:  # Damaged bytes end in any error of zipfile, numpy or pyarrow.
        raise StoreError(
            f'{where["cells"]} or {where["logits"]} cannot be read: {type(error).__name__}: {error}'
        ) from error


def _read(where: dict[str, Path], meta: dict[str, Any]) -> BankRecord:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(where['cells'])
    column = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    with np.load(where['logits'], allow_pickle=False) as stored:
        array = {name: stored[name] for name in stored.files}
    items = {
        f'{split}_{what}': array[f'{split}_{what}']
        for split in ('valid', 'test')
        for what in _ITEMS
    }
    for name in items:
        if name.endswith(('_ids', '_groups')):
            items[name] = tuple(str(text) for text in items[name])
    return BankRecord(
        **{name: column[name] for name in _COLUMNS[1:]},
        source=tuple(column['source'].tolist()),
        ensemble=tuple(column['ensemble'].tolist()),
        diverged=column['diverged'].astype(bool),
        train_targets=array['train_targets'],
        mix_weights=array['mix_weights'],
        meta=meta,
        scores={name: column[name] for name in table.column_names if '/' in name},
        **items,
    )


def check(record: BankRecord) -> None:
    """Raises StoreError where the parts of a record contradict each other."""
    absent = [key for key in REQUIRED if key not in record.meta]
    if absent:
        raise StoreError(f'the record of a bank lacks meta keys {absent}; required: {REQUIRED}.')
    cells, problems = len(record.source), []
    for name in (*_COLUMNS, 'diverged', 'ensemble', 'valid_logits', 'test_logits', 'mix_weights'):
        if len(getattr(record, name)) != cells:
            problems.append(f'{name} has {len(getattr(record, name))} cells, source has {cells}')
    for split in ('valid', 'test'):
        count = getattr(record, f'{split}_logits').shape[1]
        for what in ('ids', 'targets', 'groups'):
            if len(getattr(record, f'{split}_{what}')) != count:
                problems.append(f'{split}_{what} is not one per item of {split}_logits ({count})')
    unknown = set(record.source) - {source['name'] for source in record.meta['sources']}
    if unknown:
        problems.append(f'sources {sorted(unknown)} are not in meta["sources"]')
    if problems:
        raise StoreError('the record of a bank contradicts itself: ' + '; '.join(problems) + '.')


def _cells_bytes(record: BankRecord, scores: dict[str, np.ndarray]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    columns = {
        'source': pyarrow.array(list(record.source), pyarrow.string()),
        'learning_rate': record.learning_rate.astype(np.float64),
        'seed': record.seed.astype(np.int64),
        'best_epoch': record.best_epoch.astype(np.int64),
        'epochs_run': record.epochs_run.astype(np.int64),
        'best_monitor': record.best_monitor.astype(np.float64),
        'diverged': record.diverged,
        'ensemble': pyarrow.array(list(record.ensemble), pyarrow.string()),
        **{name: values.astype(np.float64) for name, values in scores.items()},
    }
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink, compression='zstd')
    return sink.getvalue()


def _logits_bytes(record: BankRecord) -> bytes:
    arrays: dict[str, np.ndarray] = {}
    for split in ('valid', 'test'):
        for what in _ITEMS:
            value = getattr(record, f'{split}_{what}')
            arrays[f'{split}_{what}'] = _texts(value) if isinstance(value, tuple) else value
    arrays['train_targets'] = record.train_targets
    arrays['labels'] = _texts(tuple(record.meta['task']['labels']))
    arrays['mix_weights'] = record.mix_weights
    sink = io.BytesIO()
    np.savez(sink, allow_pickle=False, **arrays)  # Zip members are dated 1980: equal bytes.
    return sink.getvalue()


def _texts(values: tuple[str, ...]) -> np.ndarray:
    return np.array(values, dtype=np.str_) if values else np.empty(0, dtype='<U1')
