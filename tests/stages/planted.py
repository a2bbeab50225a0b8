"""A bank as the probe stage would store it, with known structure and without any training."""

from typing import Any

import numpy as np

from jaxprobe.core import fs, rng
from jaxprobe.stages import results

RATES = (5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2)
KEYS = 24


def bank(
    *,
    encoder: str = 'toy',
    task: str = 'genre',
    kind: str = 'multiclass',
    metrics: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    layers: int = 5,
    rates: tuple[float, ...] = RATES[1:4],
    seeds: int = 2,
    n: dict[str, int] | None = None,
    best: float = 0.6,
    strength: float = 2.0,
    mix: bool = True,
    groups: int = 0,
    diverged: tuple[int, ...] = (),
    dtype: type = np.float32,
    meta: dict[str, Any] | None = None,
) -> results.BankRecord:
    """Builds a record whose best layer lies at `best` of the depth.

    Args:
        strength: of the signal in the logits of the best layer at the best rate; 0 is noise.
        groups: items come from so many groups; 0: no groups.
        diverged: cells whose logits are nan.
    """
    n = n or {'train': 120, 'valid': 60, 'test': 80}
    labels = labels or _labels(kind)
    metrics = metrics or _metrics(kind)
    random = rng.random_state(7, encoder, task)
    same = rng.random_state(7, task)  # Encoders are judged on the same items.
    targets = {split: _targets(kind, count, len(labels), same) for split, count in n.items()}
    sources = [{'name': f'block{i}', 'layers': [i], 'learned': False} for i in range(layers)]
    if mix:
        sources.append({'name': 'mix', 'layers': list(range(1, layers)), 'learned': True})
    cells = [
        (s, r, k) for s in range(len(sources)) for r in range(len(rates)) for k in range(seeds)
    ]
    gain = np.array([_gain(s, r, layers, len(rates), best, strength) for s, r, _ in cells])
    logits = {}
    for split in ('valid', 'test'):
        truth = _scores(kind, targets[split], len(labels))
        shared = random.normal(size=truth.shape)[None]
        own = random.normal(size=(len(cells), *truth.shape))
        if kind == 'regression':
            values = truth[None] + (0.6 * shared + 0.4 * own) / (0.2 + gain[:, None, None])
        else:
            values = truth[None] * gain[:, None, None] + 0.8 * shared + 0.6 * own
        values[list(diverged)] = np.nan
        logits[split] = values.astype(dtype)
    weights = np.full((len(cells), layers), np.nan)
    for p, (s, _, k) in enumerate(cells):
        if mix and s == layers:
            depth = np.arange(1, layers) / max(layers - 1, 1)
            raw = np.exp(-(((depth - best) / 0.3) ** 2) + 0.05 * k)
            weights[p] = np.append(np.nan, raw / raw.sum()) if layers > 1 else 1.0
    group = {s: tuple(f'g{i % groups}' if groups else '' for i in range(n[s])) for s in n}
    info = _meta(encoder, task, kind, metrics, labels, layers, sources, n) | (meta or {})
    return results.BankRecord(
        source=tuple(str(sources[s]['name']) for s, _, _ in cells),
        learning_rate=np.array([rates[r] for _, r, _ in cells]),
        seed=np.array([k for _, _, k in cells]),
        best_epoch=random.randint(3, 30, len(cells)),
        epochs_run=random.randint(30, 60, len(cells)),
        best_monitor=random.uniform(size=len(cells)),
        diverged=np.isin(np.arange(len(cells)), diverged),
        ensemble=('mean logits' if kind == 'key' else '',) * len(cells),
        valid_logits=logits['valid'],
        test_logits=logits['test'],
        valid_ids=tuple(f'v{i}' for i in range(n['valid'])),
        test_ids=tuple(f't{i}' for i in range(n['test'])),
        valid_targets=targets['valid'],
        test_targets=targets['test'],
        train_targets=targets['train'],
        valid_groups=group['valid'],
        test_groups=group['test'],
        mix_weights=weights,
        meta=info,
    )


def _gain(s: int, r: int, layers: int, rates: int, best: float, strength: float) -> float:
    depth = best if s == layers else s / max(layers - 1, 1)
    rate = r / max(rates - 1, 1)
    return strength * np.exp(-(((depth - best) / 0.4) ** 2) - 1.5 * (rate - 0.5) ** 2)


def _labels(kind: str) -> tuple[str, ...]:
    return {
        'multiclass': ('blues', 'classical', 'country', 'disco', 'hiphop', 'jazz'),
        'multilabel': ('guitar', 'vocal', 'techno', 'slow', 'sitar'),
        'regression': ('arousal', 'valence'),
        'key': tuple(f'{t} {m}' for m in ('major', 'minor') for t in 'CdDeEFgGaAbB'),
    }[kind]


def _metrics(kind: str) -> tuple[str, ...]:
    return {
        'multiclass': ('accuracy', 'macro_f1'),
        'multilabel': ('roc_auc', 'ap'),
        'regression': ('r2', 'r2_arousal', 'r2_valence'),
        'key': ('weighted_score', 'accuracy'),
    }[kind]


def _targets(kind: str, count: int, outputs: int, random: np.random.RandomState) -> np.ndarray:
    if kind == 'multilabel':
        tags = (random.uniform(size=(count, outputs)) < 0.3).astype(np.float32)
        tags[0], tags[-1] = 1.0, 0.0
        return tags
    if kind == 'regression':
        return random.normal(size=(count, outputs)).astype(np.float32)
    return random.randint(0, outputs, count)


def _scores(kind: str, targets: np.ndarray, outputs: int) -> np.ndarray:
    if kind == 'regression':
        return targets.astype(np.float64)
    if kind == 'multilabel':
        return 2.0 * targets.astype(np.float64) - 1.0
    return np.eye(outputs)[targets] * 2.0


def _meta(
    encoder: str,
    task: str,
    kind: str,
    metrics: tuple[str, ...],
    labels: tuple[str, ...],
    layers: int,
    sources: list[dict[str, Any]],
    n: dict[str, int],
) -> dict[str, Any]:
    meta: dict[str, Any] = {
        'encoder': {
            'label': encoder,
            'name': encoder,
            'title': f'{encoder.title()} (planted)',
            'layers': [{'name': f'block{i}', 'width': 64, 'index': i} for i in range(layers)],
            'weights_sha256': fs.digest(encoder, 64),
            'code_licence': 'MIT',
            'weights_licence': 'CC BY-NC 4.0',
            'training_data': 'nothing: this is a test',
            'citation': 'Nobody, 2024',
            'homepage': 'https://example.org',
        },
        'task': {
            'name': task,
            'kind': kind,
            'labels': list(labels),
            'metrics': list(metrics),
            'primary': metrics[0],
            'version': 1,
            'title': f'{task} (planted)',
            'licence': 'CC0',
            'citation': 'Nobody, 2024',
            'homepage': 'https://example.org',
        },
        'protocol': {'monitor': metrics[0], 'epochs': 100, 'batch_items': 64},
        'sources': sources,
        'n': n,
        'rows': {split: 3 * count for split, count in n.items()},
        'missing': {'train': [], 'valid': [], 'test': []},
        'excluded': {},
        'padded_windows': 0,
        'split_sha256': fs.digest(task, 64),
        'store': {'fingerprint': fs.digest([encoder, task], 64), 'dir': f'{encoder}-0123456789ab'},
        'root_seed': 0,
        'limit': 0,
        'random_weights': False,
        'config_sha256': fs.digest('config', 64),
        'env': {'jaxprobe': '0.1.0'},
    }
    return meta | {'fingerprint': fs.digest(meta, 64)}
