"""The analyse stage: stored cells and logits -> `results/<encoder>/<task>.json`.

A pure function of the bank's record: nothing is trained, no clock is read, so that running it
again rewrites the same bytes and `jaxprobe verify` can ask for equality. Scores are seed means;
selection looks at validation only; every number has an interval and the constant predictors
beside it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxprobe.analysis import bootstrap
from jaxprobe.core import fs, schema
from jaxprobe.core.errors import StoreError
from jaxprobe.metrics import kinds
from jaxprobe.stages import across, constants, remarks, resample, results, score, sections
from jaxprobe.stages import grid as grids
from jaxprobe.stages.grid import Grid
from jaxprobe.stages.results import BankRecord

SCHEMA = schema.RESULT
RESAMPLES = 2000

# Of `bank.json`, what a result file carries on unchanged.
CARRIED = (
    'encoder',
    'task',
    'protocol',
    'root_seed',
    'n',
    'rows',
    'missing',
    'excluded',
    'notes',
    'audit',
    'padded_windows',
    'decoded',
    'head',
    'spectra',
    'departures',
    'split_sha256',
    'store',
    'fingerprint',
    'limit',
    'random_weights',
    'config_sha256',
    'env',
    'record_sha256',
)

Row = dict[str, Any]


def run(workdir: Path, *, resamples: int = RESAMPLES) -> list[Path]:
    """Writes the result file of every stored bank, and compares encoders; returns the paths.

    Args:
        workdir: holds `results/<encoder>/<task>.bank.json`.
        resamples: bootstrap draws behind every interval.

    Raises:
        StoreError: there is no bank, or the files of one were changed or cut off.
    """
    banks = results.banks(workdir)
    if not banks:
        raise StoreError(
            f'{workdir / "results"} holds no bank: nothing has been probed here. Run the probe '
            f'stage first, or check --workdir.'
        )
    written = []
    for folder, task in banks:
        path = results.paths(folder, task)['result']
        record, varied = read(folder, task)
        fs.write_json(path, analyse(record, varied, resamples=resamples))
        written.append(path)
    compared = across.run(workdir, resamples=resamples)
    return [*written, compared] if compared else written


def read(folder: Path, task: str) -> tuple[BankRecord, dict[str, BankRecord]]:
    """Reads the record of a task's bank and of the variants that were made of it.

    A variant of an earlier bank of the task is left out: the probe stage will make it again.

    Raises:
        StoreError: a record is absent, damaged or changed.
    """
    record = results.read_bank(folder, task)
    found = {name: results.read_bank(folder, name) for name in results.variants(folder, task)}
    own = record.meta['fingerprint']
    return record, {n: r for n, r in found.items() if r.meta['variant']['of'] == own}


def analyse(
    record: BankRecord,
    variants: Mapping[str, BankRecord] = MappingProxyType({}),
    *,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Computes everything that is reported of one (encoder, task).

    Args:
        record: the stored bank, with its scores.
        variants: records that vary one thing of it, by name; see `results.variants`.
        resamples: bootstrap draws behind every interval.

    Returns:
        JSON values; floats have nine significant digits, and nan is null. A whole example is
        `tests/golden/analyse_multiclass.json`.
    """
    grid = grids.of(record)
    drawn = resample.draw(record, resamples)
    rows = [_row(record, grid, s, drawn) for s in range(len(grid.sources))]
    result = {key: record.meta[key] for key in CARRIED if key in record.meta}
    result |= {
        'schema': SCHEMA,
        'n_cells': len(record.source),
        'bootstrap': _bootstrap(record, drawn),
        'layers': rows,
        'rates': {
            'sources': [source['name'] for source in grid.sources],
            'learning_rates': grid.rates,
            'valid': grid.valid.tolist(),
            'test': grid.test.tolist(),
        },
        'diverged': _diverged(record),
        'layer_weights': [_weights(record, grid, row) for row in rows if row['learned']],
        **constants.of(record),
    }
    result |= _selection(record, grid, rows, drawn)
    result |= _comparison(record, grid, rows, drawn)
    result['main_score'] |= remarks.level(result)
    context = sections.Context(record, grid, drawn, variants)
    for name, section in sections.SECTIONS.items():
        found = section(context)
        if found is not None:
            result[name] = found
    result['warnings'] = remarks.warnings(result)
    return score.tidied(result)


def _row(record: BankRecord, grid: Grid, s: int, drawn: bootstrap.Resampling) -> Row:
    """One source at the rate that validation selects for it; nulls where all its rates diverged."""
    source = grid.sources[s]
    named = {
        'source': source['name'],
        'layers': list(source['layers']),
        'learned': bool(source['learned']),
        'meaning': meaning(record.meta['encoder'], source),
    }
    choice = grid.by_source(source['name'])
    if choice is None:
        scored = ('learning_rate', 'valid', 'test', 'test_seed_std', 'ci95', 'ci95_seeds')
        return named | dict.fromkeys(scored)
    primary = record.meta['task']['primary']
    return named | {
        'learning_rate': choice.learning_rate,
        'valid': grid.valid_of(choice),
        'test': choice.test,
        'test_seed_std': choice.test_seed_std if len(choice.cells) > 1 else None,
        **resample.intervals(record, primary, choice.cells, drawn),
    }


def _spread(values: Float[np.ndarray, 'K']) -> float | None:
    """Standard deviation over seeds; None for a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else None


def meaning(encoder: dict[str, Any], source: dict[str, Any]) -> str:
    """Says in words what a source reads."""
    names = [layer['name'] for layer in encoder['layers']]
    read = [names[index] for index in source['layers']]
    if source['learned']:
        return f'learned weights over {", ".join(read)}'
    return read[0] if len(read) == 1 else f'mean of {", ".join(read)}'


def _selection(record: BankRecord, grid: Grid, rows: list[Row], drawn: bootstrap.Resampling) -> Row:
    """The (source, rate) that validation selects, the one that test would have, and the gap."""
    task, book = record.meta['task'], grid.book
    main = {'metric': task['primary'], 'higher_is_better': True}
    if book is None:
        nothing = dict.fromkeys(('selected', 'oracle_test', 'regret', 'grid_edge'))
        empty = dict.fromkeys(('value', 'ci95', 'ci95_seeds', 'seed_std')) | {'n_seeds': 0}
        return nothing | {'main_score': main | empty, 'metrics': {}, 'per_label': None}
    chosen, oracle = book.selected, book.oracle
    metrics = _all_metrics(record, chosen.cells, drawn)
    row = next(row for row in rows if row['source'] == chosen.source)
    return {
        'main_score': main | metrics[task['primary']] | {'n_seeds': book.n_seeds},
        'metrics': metrics,
        'per_label': _per_label(record, chosen.cells),
        'selected': {
            **{key: row[key] for key in ('source', 'layers', 'learned', 'meaning')},
            'learning_rate': chosen.learning_rate,
            'by': f'valid/{grid.by}',
            'by_higher_is_better': grid.higher_is_better,
            'valid': grid.valid_of(chosen),
            'test': chosen.test,
        },
        'oracle_test': {
            'source': oracle.source,
            'learning_rate': oracle.learning_rate,
            'test': oracle.test,
        },
        'regret': book.regret,
        'grid_edge': book.grid_edge,
    }


def _all_metrics(record: BankRecord, cells: Sequence[int], drawn: bootstrap.Resampling) -> Row:
    """Every metric of the selected cell, not the primary one alone."""
    found = {}
    for metric in record.meta['task']['metrics']:
        values = record.scores[f'test/{metric}'][list(cells)]
        found[metric] = {
            'value': values.mean(),
            'seed_std': _spread(values),
            **resample.intervals(record, metric, cells, drawn),
        }
    return found


def _per_label(record: BankRecord, cells: Sequence[int]) -> Row | None:
    """Test scores of every label for the selected cell, mean over seeds; null where undefined."""
    kind, found = record.meta['task']['kind'], []
    for cell in cells:
        if np.isfinite(record.test_logits[cell]).all():
            logits = record.test_logits[cell].astype(np.float64)
            found.append(kinds.per_label(kind, record.test_targets, logits))
    if not found or found[0] is None:
        return None
    means = {name: np.mean([one[name] for one in found], axis=0) for name in found[0]}
    return {'labels': list(record.meta['task']['labels'])} | {
        name: values.tolist() for name, values in means.items()
    }


def _comparison(
    record: BankRecord, grid: Grid, rows: list[Row], drawn: bootstrap.Resampling
) -> Row:
    """The learned weighted sum beside the best single layer, both chosen on validation."""
    found: Row = {
        'best_layer': _best_row(grid, [row for row in rows if _single(row)]),
        'mix': _best_row(grid, [row for row in rows if row['learned']]),
        'mix_minus_best_layer': None,
    }
    pair = grid.mixture()
    if pair is not None:
        metric = record.meta['task']['primary']
        mix, layer = (resample.replicates(record, metric, c.cells, drawn) for c in pair[:2])
        gain = resample.difference(mix, layer, drawn)
        gain.pop('p')  # Tests stand in the section of comparisons, with their correction.
        found['mix_minus_best_layer'] = {'value': pair.gain} | gain
    return found


def _single(row: Row) -> bool:
    return len(row['layers']) == 1 and not row['learned']


def _best_row(grid: Grid, rows: list[Row]) -> Row | None:
    """The best of some rows on validation, the first of equal ones."""
    rows = [row for row in rows if row['valid'] is not None]
    sign = 1 if grid.higher_is_better else -1
    return max(rows, key=lambda row: sign * row['valid']) if rows else None


def _weights(record: BankRecord, grid: Grid, row: Row) -> Row:
    """Learned layer weights at the selected rate, mean over seeds; null where a layer has none."""
    source = row['source']
    names = [layer['name'] for layer in record.meta['encoder']['layers']]
    found: Row = {'source': source, 'learning_rate': row['learning_rate'], 'layers': names}
    choice = grid.by_source(source)
    if choice is None:
        return found | {'weights': [None] * len(names), 'seed_std': [None] * len(names)}
    weights = record.mix_weights[list(choice.cells)].astype(np.float64)
    return found | {
        'weights': weights.mean(axis=0).tolist(),
        'seed_std': [_spread(column) for column in weights.T],
    }


def _diverged(record: BankRecord) -> list[Row]:
    cells = zip(record.source, record.learning_rate, record.seed, record.best_epoch, strict=True)
    return [
        {'source': s, 'learning_rate': float(r), 'seed': int(k), 'best_epoch': int(epoch)}
        for (s, r, k, epoch), diverged in zip(cells, record.diverged, strict=True)
        if diverged
    ]


def _bootstrap(record: BankRecord, drawn: bootstrap.Resampling) -> Row:
    return {
        'resamples': drawn.resamples,
        'level': bootstrap.LEVEL,
        'clusters': drawn.groups,
        'effective_clusters': drawn.effective_groups,
        'items': len(drawn.cluster),
        'clustered': any(record.test_groups),
    }
