"""What there is: encoders, tasks, data sets, heads, deformations. No jax, under a second."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from jaxprobe.core.errors import ConfigError
from jaxprobe.core.text import table
from jaxprobe.encoders import base as encoders
from jaxprobe.probes import head_shapes
from jaxprobe.probes.head_shapes import Head
from jaxprobe.reports import deformation_cards, encoder_cards
from jaxprobe.tasks import registry
from jaxprobe.tasks.base import SPLITS, DatasetCard, Task


def listing(what: str, name: str = '', *, as_json: bool = False, data_dir: str = '') -> str:
    """Lists one kind of things as a table, or as JSON for programs.

    `on disk` is one path test per row, not a check: `jaxprobe prepare TASK` checks.

    Args:
        what: 'encoders', 'tasks', 'datasets', 'heads' or 'deformations'.
        name: of an encoder or a deformation, or the dotted path of its card: its card in full.
        as_json: for programs.
        data_dir: where to look for audio.

    Raises:
        ConfigError: an unknown encoder or deformation, or a name beside anything else.
    """
    if name:
        return _one(what, name, as_json)
    root = Path(data_dir or os.environ.get('JAXPROBE_DATA', '') or 'data').expanduser()
    rows = {
        'encoders': encoder_cards.rows,
        'tasks': lambda: [_task(task, root) for task in _tasks()],
        'datasets': lambda: [_dataset(card, root) for card in _datasets()],
        'heads': lambda: [_head(head) for head in head_shapes.HEADS.values()],
        'deformations': deformation_cards.rows,
    }[what]()
    if as_json:
        return json.dumps(rows, indent=1)
    if what == 'deformations':
        return deformation_cards.as_table(rows)
    return encoder_cards.as_table(rows) if what == 'encoders' else table(rows)


def _one(what: str, name: str, as_json: bool) -> str:
    if what == 'heads':
        raise ConfigError(f'jaxprobe ls heads takes no name; all of {name!r} is in its table.')
    if what == 'deformations':
        return deformation_cards.full(name, as_json)
    if what != 'encoders':
        raise ConfigError(
            f'jaxprobe ls {what} takes no name; `jaxprobe prepare {name}` says what there is of a '
            f'task.'
        )
    card = encoders.card(name)
    if as_json:
        return json.dumps(dataclasses.asdict(card), indent=1, default=str)
    return encoder_cards.full(name, card)


def _tasks() -> list[Task]:
    return [registry.build(name, {}) for name in sorted(registry.TASKS)]


def _datasets() -> list[DatasetCard]:
    cards = {task.card.name: task.card for task in _tasks()}
    return [cards[name] for name in sorted(cards)]


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


def _head(head: Head) -> dict[str, Any]:
    """Hidden widths, of inferred ones an example: 768 inputs, 10 outputs."""
    widths = ', '.join(str(width) for width in head.widths(768, 10))
    return {
        'name': head.name,
        'hidden': f'{widths} (768 to 10)' if head.rule else widths or None,
        'dropout': head.dropout,
        'what': head.what,
    }


def _on_disk(card: DatasetCard, root: Path) -> bool | None:
    return (root / card.folder).exists() if card.folder else None
