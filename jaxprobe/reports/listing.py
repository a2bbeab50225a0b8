"""What there is: encoders, tasks and data sets, from their cards alone. No jax, under a second."""

import json
import os
from pathlib import Path
from typing import Any

from jaxprobe.core.text import table
from jaxprobe.encoders import base as encoders
from jaxprobe.encoders.base import Card, WeightsRef
from jaxprobe.tasks import registry
from jaxprobe.tasks.base import SPLITS, DatasetCard, Task


def listing(what: str, *, as_json: bool = False, data_dir: str = '') -> str:
    """Lists 'encoders', 'tasks' or 'datasets' as a table, or as JSON for programs.

    `on disk` is one path test per row, not a check: `jaxprobe prepare TASK` checks.
    """
    root = Path(data_dir or os.environ.get('JAXPROBE_DATA', '') or 'data').expanduser()
    rows = {
        'encoders': lambda: [_encoder(encoders.card(name)) for name in sorted(encoders.ENCODERS)],
        'tasks': lambda: [_task(task, root) for task in _tasks()],
        'datasets': lambda: [_dataset(card, root) for card in _datasets()],
    }[what]()
    return json.dumps(rows, indent=1) if as_json else table(rows)


def _tasks() -> list[Task]:
    return [registry.build(name, {}) for name in sorted(registry.TASKS)]


def _datasets() -> list[DatasetCard]:
    cards = {task.card.name: task.card for task in _tasks()}
    return [cards[name] for name in sorted(cards)]


def _encoder(card: Card) -> dict[str, Any]:
    widths = sorted({layer.width for layer in card.layers})
    return {
        'name': card.name,
        'layers': len(card.layers),
        'width': '-'.join(str(w) for w in ([widths[0], widths[-1]] if widths[1:] else widths)),
        'rate_hz': card.sample_rate,
        'frames_hz': round(card.frame_rate, 1),
        'window_s': round(card.window_seconds, 2),
        'gflop_per_s': round(card.gflop_per_second, 2),
        'weights_licence': card.weights_licence,
        'on_disk': _weights_on_disk(card.weights),
        'status': card.status,
    }


def _task(task: Task, root: Path) -> dict[str, Any]:
    return {
        'name': task.name,
        'kind': task.kind.value,
        'metric': task.primary,
        'n': '/'.join(str(task.card.items.get(s, '?')) for s in SPLITS),
        'hours': round(task.card.hours, 1) if task.card.hours else None,
        'licence': task.card.licence,
        'on_disk': _on_disk(task.card, root),
        'status': task.status,
    }


def _dataset(card: DatasetCard, root: Path) -> dict[str, Any]:
    return {
        'name': card.name,
        'title': card.title,
        'n': '/'.join(str(card.items.get(s, '?')) for s in SPLITS),
        'hours': round(card.hours, 1) if card.hours else None,
        'licence': card.licence,
        'on_disk': _on_disk(card, root),
        'homepage': card.homepage,
    }


def _on_disk(card: DatasetCard, root: Path) -> bool | None:
    return (root / card.folder).exists() if card.folder else None


def _weights_on_disk(weights: WeightsRef) -> bool | None:
    """Whether the place where the loader would look first exists; None where nothing is loaded."""
    home = Path.home() / '.cache'
    if weights.kind == 'wheel':
        return (
            Path(os.environ.get('JAXPROBE_CACHE') or home / 'jaxprobe') / weights.filename
        ).exists()
    if weights.kind == 'hub':
        hub = Path(os.environ.get('HF_HOME') or home / 'huggingface') / 'hub'
        return (hub / f'models--{weights.source.replace("/", "--")}').exists()
    return None
