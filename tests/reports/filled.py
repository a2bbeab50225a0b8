"""Result files with every section filled, as the stages would write them, without any training.

Shapes and keys are those of `jaxprobe.stages`; numbers are seeded noise around a planted curve
over the depth. For the page alone: `jaxprobe verify` has no records to recompute these from.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxprobe.core import fs, rng

RATES = (5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2)
FRACTIONS = (0.01, 0.03, 0.1, 0.3, 1.0)
GENRES = (
    'blues',
    'classical',
    'country',
    'disco',
    'hiphop',
    'jazz',
    'metal',
    'pop',
    'reggae',
    'rock',
)
KINDS = {
    'genre': ('multiclass', GENRES, ('accuracy', 'macro_f1')),
    'tags': ('multilabel', tuple(f'tag{k}' for k in range(20)), ('roc_auc', 'ap')),
    'emotion': ('regression', ('arousal', 'valence'), ('r2', 'r2_arousal', 'r2_valence')),
    'pitch': ('multiclass', tuple(f'{k}' for k in range(21, 109)), ('accuracy',)),
    'beats': ('beats', ('beat', 'downbeat'), ('beat_f', 'downbeat_f')),
}
DEFORMATIONS = [
    {'name': f'noise_{db}', 'title': f'white noise, {db} dB SNR', 'family': 'white noise'}
    | {'severity': float(db), 'unit': 'dB SNR'}
    for db in (30, 15, 0)
]
DEFORMATIONS += [
    {'name': f'mp3_{k}', 'title': f'MP3, {k} kbps', 'family': 'MP3'}
    | {'severity': float(k), 'unit': 'kbps'}
    for k in (128, 32)
]
DEFORMATIONS += [
    {'name': f'lowpass_{k}', 'title': f'low-pass, {k} Hz', 'family': 'low-pass'}
    | {'severity': float(k), 'unit': 'Hz'}
    for k in (8000, 4000, 1000)
]
DEFORMATIONS += [
    {'name': 'gain', 'title': 'gain −12 dB', 'family': 'gain', 'severity': -12.0, 'unit': 'dB'},
    {'name': 'reverb', 'title': 'reverb', 'family': 'reverb', 'severity': None, 'unit': ''},
]

SECTIONS = ('ledger', 'comparisons', 'controls', 'label_efficiency', 'heads', 'contexts')
SECTIONS += ('closed_form', 'robustness', 'projection', 'confusion', 'published')

Row = dict[str, Any]


def write(
    workdir: Path,
    *,
    encoders: dict[str, int] | None = None,
    tasks: int = 5,
    seed: int = 0,
    items: int = 40,
    sections: bool = True,
) -> Path:
    """Writes a workdir of results.

    Args:
        encoders: label -> number of layers; one named 'random' is a control.
        tasks: how many, each kind in turn.
        items: test items of a projection.
        sections: False leaves out all that only a study or several encoders give.
    """
    encoders = encoders or {'muq': 13, 'musicnn_msd': 7, 'random': 13}
    names = list(KINDS)
    for k in range(tasks):
        name = names[k % len(names)] + (f'_{k // len(names) + 1}' if k >= len(names) else '')
        for label, layers in encoders.items():
            random = rng.random_state(seed, 'filled', label, name)
            data = result(label, name, names[k % len(names)], layers, random, items)
            kept = {k: v for k, v in data.items() if sections or k not in SECTIONS}
            _write(workdir / 'results' / label / f'{name}.json', kept)
    if not sections:
        return workdir
    random = rng.random_state(seed, 'across')
    task_names = sorted({path.stem for path in (workdir / 'results').glob('*/*.json')})
    pairs = {
        name: comparison(list(encoders), KINDS[name.split('_')[0]][2][0], random)
        for name in task_names
    }
    _write(
        workdir / 'across' / 'comparisons.json',
        {
            'tasks': pairs,
            'mean': [
                {'encoder': e, 'value': 0.5, 'mean_rank': 1.0, 'tasks': tasks} for e in encoders
            ],
        },
    )
    _write(workdir / 'across' / 'similarity.json', similarity(encoders, random))
    return workdir


def _write(path: Path, value: Row) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))  # In one line: indented, this alone would take seconds.


def result(
    label: str, task: str, kind: str, layers: int, random: np.random.RandomState, items: int
) -> Row:
    """One result file."""
    what, labels, metrics = KINDS[kind]
    constant = {
        m: 0.0 if what == 'regression' else 0.5 if m == 'roc_auc' else 0.12 for m in metrics
    }
    depth = np.arange(layers) / max(layers - 1, 1)
    height = 0.02 if label == 'random' else 0.55
    curve = constant[metrics[0]] + min(height, 0.4 if metrics[0] == 'roc_auc' else 1.0) * np.exp(
        -(((depth - 0.6) / 0.45) ** 2)
    )
    curve = np.append(curve + 0.01 * random.normal(size=layers), curve.max() + 0.01)
    names = [f'block{i}' for i in range(layers)]
    sources = [*names, 'mix']
    rows = [
        {
            'source': source,
            'layers': [k] if k < layers else list(range(1, layers)),
            'learned': k == layers,
            'meaning': source,
            'learning_rate': RATES[2 + k % 3],
            'valid': value + 0.02,
            'test': value,
            'test_seed_std': 0.012,
            'ci95': [value - 0.05, value + 0.045],
        }
        for k, (source, value) in enumerate(zip(sources, curve.tolist()))
    ]
    best = max(rows, key=lambda row: row['valid'])
    layer = max(rows[:-1], key=lambda row: row['valid'])
    grid = (
        curve[:, None]
        - 0.08 * (np.arange(6) - 3) ** 2 / 9
        + 0.01 * random.normal(size=(len(rows), 6))
    )
    oracle = {
        'source': sources[int(curve.argmax())],
        'learning_rate': RATES[3],
        'test': float(grid.max()),
    }
    regret = max(0.0, oracle['test'] - best['test'])
    main = {'value': best['test'], 'ci95': best['ci95'], 'seed_std': 0.012}
    raw = np.exp(-(((depth[1:] - 0.6) / 0.3) ** 2))
    weights = [None, *(raw / raw.sum()).tolist()]
    good = [row['source'] for row in rows if row['test'] > best['test'] - 0.06]
    return {
        'schema': 1,
        'encoder': {
            'label': label,
            'name': label,
            'title': f'{label} (filled in for a test)',
            'layers': [{'name': n, 'width': 64, 'index': i} for i, n in enumerate(names)],
            'citation': 'Nobody, 2024',
            'homepage': 'https://example.org',
        },
        'task': {
            'name': task,
            'kind': what,
            'labels': list(labels),
            'metrics': list(metrics),
            'primary': metrics[0],
            'title': f'{task} (filled in for a test)',
            'citation': 'Nobody, 2024',
        },
        'protocol': {'monitor': metrics[0], 'epochs': 100},
        'n': {'train': 443, 'valid': 197, 'test': 290},
        'missing': {'train': [], 'valid': [], 'test': []},
        'excluded': {},
        'fingerprint': fs.digest([label, task], 64),
        'random_weights': label == 'random',
        'limit': 0,
        'env': {'jaxprobe': '0.1.0'},
        'n_cells': len(rows) * 18,
        'bootstrap': {
            'resamples': 1000,
            'level': 0.95,
            'clusters': 60,
            'items': 290,
            'clustered': True,
        },
        'layers': rows,
        'rates': {
            'sources': sources,
            'learning_rates': list(RATES),
            'valid': [
                [v if (s, k) != (1, 5) else None for k, v in enumerate(line)]
                for s, line in enumerate((grid + 0.02).tolist())
            ],
            'test': grid.tolist(),
        },
        'diverged': [],
        'layer_weights': [
            {'source': 'mix', 'learning_rate': 1e-3, 'layers': names, 'weights': weights}
            | {'seed_std': [None, *([0.01] * (layers - 1))]}
        ],
        'best_constant': constant,
        'majority': {m: v - (0.02 if v else 0.0) for m, v in constant.items()},
        'main_score': {'metric': metrics[0], 'higher_is_better': True, **main, 'n_seeds': 3}
        | {'at_constant_level': label == 'random', 'interval_reaches_constant': label == 'random'},
        'metrics': dict.fromkeys(metrics, main),
        'per_label': {'labels': list(labels), 'f1': random.uniform(size=len(labels)).tolist()},
        'selected': {
            k: best[k]
            for k in ('source', 'layers', 'learned', 'meaning', 'learning_rate', 'valid', 'test')
        }
        | {'by': f'valid/{metrics[0]}', 'by_higher_is_better': True},
        'oracle_test': oracle,
        'regret': regret,
        'grid_edge': None,
        'best_layer': layer,
        'mix': rows[-1],
        'mix_minus_best_layer': {'value': rows[-1]['test'] - layer['test'], 'ci95': [-0.02, 0.04]},
        'warnings': [
            {'code': 'near constant', 'text': 'the interval reaches the best constant answer'}
        ]
        if label == 'random'
        else [],
        'ledger': _ledger(rows, grid, best, oracle, regret, metrics[0]),
        'comparisons': _comparisons(rows, layer, good, metrics[0]),
        'controls': _controls(rows, best, constant[metrics[0]], random),
        'label_efficiency': _efficiency(rows, constant[metrics[0]], metrics[0]),
        'heads': _variants(
            rows, 'head', ('linear', 'MLP 512', 'M1', 'M3', 'M5'), metrics[0], random
        ),
        'contexts': _variants(rows, 'seconds', (1, 5, 10, 30), metrics[0], random)
        | {'own_seconds': 30},
        'closed_form': _closed(rows, metrics[0], what == 'multiclass', random),
        'robustness': _robustness(rows, best, constant[metrics[0]], metrics[0], random),
        'projection': _projection(sources, len(labels), items, random) | {'labels': list(labels)},
        'confusion': _confusion(labels, random) if what == 'multiclass' else None,
        'published': _published(label, task, metrics[0], best, random),
    }


def _ledger(
    rows: list[Row], grid: np.ndarray, best: Row, oracle: Row, regret: float, metric: str
) -> Row:
    entries = []
    for k, row in enumerate(rows):
        top = int(grid[k].argmax())
        entries.append(
            {key: row[key] for key in ('source', 'learning_rate', 'valid', 'test', 'test_seed_std')}
            | {'oracle_rate': RATES[top], 'oracle_test': float(grid[k, top])}
            | {
                'regret': max(0.0, float(grid[k, top]) - row['test']),
                'edge': 'highest' if k == 0 else None,
            }
        )
    rates = [
        {'learning_rate': rate, 'source': best['source'], 'valid': 0.5, 'test': 0.5}
        | {'oracle_source': oracle['source'], 'oracle_test': 0.5, 'regret': 0.0}
        for rate in RATES
    ]
    kept = {key: best[key] for key in ('source', 'learning_rate', 'test')}
    return {'metric': metric, 'by': f'valid/{metric}', 'higher_is_better': True, 'n_seeds': 3} | {
        'rows': entries,
        'rates': rates,
        'selected': kept,
        'oracle': oracle,
        'regret': regret,
        'warnings': ['block0: the chosen rate is the highest of the grid; try larger ones'],
    }


def _comparisons(rows: list[Row], layer: Row, good: list[str], metric: str) -> Row:
    pairs = []
    for row in rows:
        if row is layer:
            continue
        gap = row['test'] - layer['test']
        pairs.append(
            {'a': row['source'], 'b': layer['source'], 'kind': 'mix' if row['learned'] else 'layer'}
            | {
                'difference': gap,
                'ci95': [gap - 0.04, gap + 0.04],
                'p': 0.5 if gap > -0.05 else 0.0004,
            }
            | {'p_holm': 1.0 if gap > -0.05 else 0.004, 'significant': gap <= -0.05}
        )
    return {'metric': metric, 'method': 'paired bootstrap', 'level': 0.95, 'resamples': 1000} | {
        'clusters': 60,
        'pairs': pairs,
        'as_good_as_best': good,
    }


def _controls(rows: list[Row], best: Row, constant: float, random: np.random.RandomState) -> Row:
    shuffled = [constant + 0.01 * float(random.normal()) for _ in rows]
    at = dict(zip([row['source'] for row in rows], shuffled))[best['source']]
    return {
        'rows': [
            {
                'name': 'majority',
                'value': constant - 0.02,
                'ci95': None,
                'what': 'the most frequent',
            },
            {'name': 'best_constant', 'value': constant, 'ci95': None, 'what': 'the best answer'},
            {'name': 'shuffled', 'value': at, 'ci95': [at - 0.03, at + 0.03], 'what': 'same bank'},
        ],
        'shuffled': {
            'rows': [
                {
                    'source': row['source'],
                    'learning_rate': row['learning_rate'],
                    'real': row['test'],
                }
                | {'shuffled': s, 'shuffled_ci95': [s - 0.03, s + 0.03], 'at_chance': True}
                | {'selectivity': row['test'] - s}
                | {'selectivity_ci95': [row['test'] - s - 0.05, row['test'] - s + 0.05]}
                for row, s in zip(rows, shuffled)
            ]
        },
    }


def _efficiency(rows: list[Row], constant: float, metric: str) -> Row:
    found = []
    for row in rows:
        test = [constant + (row['test'] - constant) * (0.25 + 0.75 * k / 4) for k in range(5)]
        found.append(
            {'source': row['source'], 'learning_rate': [1e-3] * 5, 'valid': test, 'test': test}
            | {
                'seed_std': [0.03, 0.02, 0.015, 0.012, 0.012],
                'ci95': [[v - 0.06, v + 0.06] for v in test],
            }
        )
    return {'metric': metric, 'fractions': list(FRACTIONS), 'n_items': [4, 13, 44, 133, 443]} | {
        'rows': found
    }


def _variants(
    rows: list[Row], key: str, values: tuple[Any, ...], metric: str, random: np.random.RandomState
) -> Row:
    found = []
    for value in values:
        shift = 0.03 * float(random.normal())
        layers = [
            {'source': row['source'], 'learning_rate': 1e-3, 'valid': row['valid'] + shift}
            | {
                'test': row['test'] + shift,
                'ci95': [row['test'] + shift - 0.05, row['test'] + shift + 0.05],
            }
            for row in rows
        ]
        best = max(layers, key=lambda row: row['valid'])
        found.append(
            {
                key: value,
                **({'hidden': [512]} if key == 'head' else {}),
                **best,
                'seed_std': 0.01,
                'layers': layers,
            }
        )
    chosen = max(found, key=lambda row: row['valid'])
    picked = {k: chosen[k] for k in (key, 'source', 'learning_rate', 'valid', 'test', 'ci95')}
    return {'metric': metric, 'rows': found, 'selected': picked}


def _closed(rows: list[Row], metric: str, lda: bool, random: np.random.RandomState) -> Row:
    def beside(key: str) -> list[Row]:
        gap = 0.02 * random.normal(size=len(rows)) - 0.02
        return [
            {'source': row['source'], key: 10.0, 'valid': row['valid'], 'test': row['test'] + g}
            | {'ci95': [row['test'] + g - 0.05, row['test'] + g + 0.05]}
            for row, g in zip(rows, gap.tolist())
        ]

    ridge = beside('penalty')
    found = {
        'method': 'ridge',
        'metric': metric,
        'penalties': [1.0, 10.0],
        'rows': ridge,
        'selected': max(ridge, key=lambda row: row['valid']),
        'lda': None,
    }
    if lda:
        other = beside('shrinkage')
        found['lda'] = {'shrinkages': [0.1, 0.5], 'rows': other, 'selected': other[0]}
    return found


def _robustness(
    rows: list[Row], best: Row, constant: float, metric: str, random: np.random.RandomState
) -> Row:
    share = {
        d['name']: s
        for d, s in zip(DEFORMATIONS, (0.05, 0.3, 0.8, 0.01, 0.15, 0.03, 0.2, 0.6, 0.0, 0.25))
    }
    found = []
    for row in rows:
        over = row['test'] - constant
        scores = {}
        for name, lost in share.items():
            drop = over * lost * float(random.uniform(0.7, 1.2))
            value = row['test'] - drop
            scores[name] = {'value': value, 'ci95': [value - 0.05, value + 0.05], 'drop': drop} | {
                'drop_ci95': [drop - 0.02, drop + 0.02],
                'relative_drop': drop / row['test'] if row['test'] else None,
            }
        area = {'white noise': 0.4, 'MP3': 0.6, 'low-pass': 0.5}
        found.append(
            {key: row[key] for key in ('source', 'learning_rate')}
            | {'clean': row['test'], 'scores': scores, 'area': area}
        )
    ranks = {d['name']: {'kendall_tau': 0.8, 'best_source': 'block3'} for d in DEFORMATIONS}
    return {'metric': metric, 'deformations': DEFORMATIONS, 'rows': found, 'ranks': ranks} | {
        'selected': best['source'],
        'n_test': 290,
        'n_clean': 290,
    }


def _projection(sources: list[str], labels: int, items: int, random: np.random.RandomState) -> Row:
    truth = random.randint(0, labels, items)
    rows = []
    for k, source in enumerate(sources[:-1]):
        away = (
            0.4
            * k
            / len(sources)
            * np.stack([np.cos(6.28 * truth / labels), np.sin(6.28 * truth / labels)], 1)
        )
        points = 4 * away + 0.5 * random.normal(size=(items, 2))
        rows.append(
            {
                'source': source,
                'explained': [0.31, 0.12],
                'points': [[x, y, int(t)] for (x, y), t in zip(points.tolist(), truth)],
            }
        )
    return {'method': 'PCA', 'rows': rows, 'shown': items, 'of': 290}


def _confusion(labels: tuple[str, ...], random: np.random.RandomState) -> Row:
    n = len(labels)
    counts = np.diag(random.randint(12, 27, n))
    items = []
    for k in range(n):
        for step in (1, 3):
            wrong = (k + step) % n
            counts[k, wrong] = random.randint(1, 5)
            items.append(
                {
                    'id': f'{labels[k]}.{k:05d}',
                    'truth': labels[k],
                    'answer': labels[wrong],
                    'margin': float(random.uniform(0, 4)),
                    'path': '',
                }
            )
    return {
        'labels': list(labels),
        'counts': counts.tolist(),
        'items': items,
        'shown': len(items),
        'of': int(counts.sum() - np.trace(counts)),
    }


def _published(
    label: str, task: str, metric: str, best: Row, random: np.random.RandomState
) -> list[Row] | None:
    if label == 'random':
        return None
    value = best['test'] + 0.06 * float(random.normal())
    return [
        {
            'source': best['source'],
            'paper': 'layer-wise paper',
            'table': 'Table 1',
            'encoder': label,
            'variant': 'best layer',
            'task': task,
        }
        | {
            'metric': metric,
            'published': value,
            'ours': best['test'],
            'difference': best['test'] - value,
        }
        | {'ci95': best['ci95'], 'inside': best['ci95'][0] <= value <= best['ci95'][1]}
        | {
            'footnotes': ['valence and arousal are swapped in the table']
            if 'emotion' in task
            else []
        }
    ]


def comparison(encoders: list[str], metric: str, random: np.random.RandomState) -> Row:
    """Encoder against encoder on one task."""
    pairs = []
    for k, a in enumerate(encoders):
        for b in encoders[k + 1 :]:
            gap = 0.2 * float(random.normal())
            pairs.append(
                {'a': a, 'b': b, 'difference': gap, 'ci95': [gap - 0.06, gap + 0.06], 'p': 0.01}
                | {'p_holm': 0.03, 'significant': abs(gap) > 0.06}
            )
    return {'metric': metric, 'method': 'paired bootstrap', 'resamples': 1000, 'clusters': 60} | {
        'pairs': pairs,
        'ranking': encoders,
        'covers': 'other groups and other seeds',
        'left_out': {'jukebox': 'every cell diverged'},
    }


def similarity(encoders: dict[str, int], random: np.random.RandomState) -> Row:
    """Maps of the input with layers, of layers among themselves, and between encoders."""
    sides = {name: [f'block{i}' for i in range(n)] for name, n in encoders.items()}
    asked = [('input', ['log mel', 'chroma'], b, 'input') for b in encoders]
    asked += [
        (a, sides[a], b, 'layers' if a == b else 'encoders') for a in encoders for b in encoders
    ]
    maps = []
    for a, rows, b, kind in asked:
        for measure in ('pwcca', 'svcca', 'cka', 'cka_debiased'):
            size = (len(rows), len(sides[b]))
            depth = np.zeros(size[0]) if kind == 'input' else np.arange(size[0]) / size[0]
            gap = np.abs(depth[:, None] - np.arange(size[1])[None] / size[1])
            values = np.clip(np.exp(-2 * gap) - 0.05 * random.uniform(size=size), 0, 1)
            maps.append(
                {'a': a, 'b': b, 'kind': kind, 'task': 'genre', 'measure': measure}
                | {'rows': rows, 'columns': sides[b], 'n_rows': 5000, 'notes': []}
                | {'values': values.tolist(), 'floor': np.full(size, 0.2).tolist()}
            )
    return {'measures': ['pwcca', 'svcca', 'cka', 'cka_debiased'], 'maps': maps, 'notes': []}
