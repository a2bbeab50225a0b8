"""Writes docs/tasks.md from the tasks' cards: python -m jaxprobe.reports.task_docs > docs/tasks.md

A test holds the file to this, so that what is written of a task is what its code says.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence

from jaxprobe.tasks import registry
from jaxprobe.tasks.base import SPLITS, Kind, Protocol, Task

GROUPS = {
    'MARBLE, clip level': (
        'gtzan_genre', 'giantsteps_key', 'emomusic', 'magnatagatune', 'nsynth_pitch',
        'nsynth_instrument', 'vocalset_singer', 'vocalset_technique', 'mtg_top50', 'mtg_genre',
        'mtg_instrument', 'mtg_moodtheme',
    ),
    'MARBLE, frame level': ('gtzan_rhythm', 'musdb18'),
    'The layer-wise paper': ('harmonix_structure', 'mt_mpc', 'mt_rd', 'mt_sqc'),
    'mir_ref': ('beatport_key', 'tinysol_instrument', 'tinysol_pitch_class'),
    'Your own data': ('own_data',),
    'Synthetic, made by our own code': (),  # All whose names say so.
}  # fmt: skip
OTHERS = 'Others'

_KINDS = {
    Kind.MULTICLASS: 'one of {n} classes',
    Kind.MULTILABEL: '{n} tags',
    Kind.REGRESSION: '{n} numbers',
    Kind.KEY: 'one of {n} keys',
    Kind.BEATS: 'beats and downbeats, per frame',
    Kind.FRAMES: 'one of {n} classes for every frame',
    Kind.SEPARATION: '{n} stems',
}
_WIDTH = 100
_HEAD = """# Tasks

Written by `python -m jaxprobe.reports.task_docs > docs/tasks.md` from the tasks' own cards.
`jaxprobe prepare TASK --data_dir=DIR` says what of a task is on a disk; with `--decode` it decodes
all of it and compares samples across splits. Options are given in a config,
`c.tasks = dict(magnatagatune=dict(split='clean'))`, or to `prepare` as `--option=split=clean`;
beside its own every task takes those of the protocol (`epochs=50`, `window_seconds=5`). Numbers of
the protocol are MARBLE v1's wherever v1 runs, else those of the paper.
"""


def document() -> str:
    """The whole page."""
    tasks = {name: registry.build(name) for name in registry.TASKS}
    parts = [_HEAD, _overview(tasks)]
    for group, names in _grouped(list(tasks)).items():
        parts.append(f'## {group}\n')
        parts += [_section(tasks[name], registry.TASKS.load(name)) for name in names]
    return '\n'.join(parts)


def _grouped(names: Sequence[str]) -> dict[str, list[str]]:
    placed = {name: group for group, own in GROUPS.items() for name in own}
    order = {name: k for k, name in enumerate(placed)}
    synthetic = list(GROUPS)[-1]
    found: dict[str, list[str]] = {group: [] for group in (*GROUPS, OTHERS)}
    for name in sorted(names, key=lambda name: order.get(name, len(order))):
        group = synthetic if name.startswith('synth_') else placed.get(name, OTHERS)
        found[group].append(name)
    return {group: own for group, own in found.items() if own}


def _overview(tasks: dict[str, Task]) -> str:
    lines = ['| task | what is asked | metric | train / valid / test | hours | status |']
    lines.append('|---|---|---|---|---|---|')
    for own in _grouped(list(tasks)).values():
        for task in (tasks[name] for name in own):
            hours = f'{task.card.hours:.1f}' if task.card.hours else '-'
            cells = (f'[{task.name}](#{task.name})', _asked(task), task.primary, _counts(task))
            lines.append('| ' + ' | '.join((*cells, hours, task.status)) + ' |')
    return '\n'.join([*lines, ''])


def _section(task: Task, builder: Callable[..., Task]) -> str:
    card, p = task.card, task.protocol
    broken = [f'{name} ({why})' for name, why in card.broken.items()]
    entries = [
        ('Asked', f'{_asked(task)}; {card.title}'),
        ('Metrics', f'**{task.metrics[0]}**' + ''.join(f', {m}' for m in task.metrics[1:])),
        ('Labels', _labels(task)),
        ('Items', f'{_counts(task)} (train / valid / test)' + _hours(task)),
        ('Split', card.split_source),
        ('sha256 of the split', f'`{card.split_sha256}`' if card.split_sha256 else _DEPENDS),
        ('Licence', card.licence),
        ('How to get it', card.how_to_get),
        ('Homepage', card.homepage),
        ('Broken items, left out', '; '.join(broken) or 'none known'),
        ('Protocol', _protocol(p)),
        ('Departures', ' '.join(f'({k}) {text}' for k, text in enumerate(card.departures, 1))),
        ('Status', task.status),
        ('Cite', card.citation),
    ]
    lines = [f'### {task.name}\n', _first_sentence(builder), '']
    lines += [_entry(f'**{name}.** {text}') for name, text in entries if text]
    lines += [_entry(f'**Option** {text}') for text in _options(builder)]
    return '\n'.join([*lines, ''])


_DEPENDS = 'follows from the files on the disk; `jaxprobe prepare` prints it, every result has it'


def _entry(text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent='- ',
        subsequent_indent='  ',
        break_long_words=False,
        break_on_hyphens=False,
    )


def _asked(task: Task) -> str:
    if not task.labels:
        return task.kind.value
    return _KINDS[task.kind].format(n=len(task.labels))


def _labels(task: Task) -> str:
    shown = 24
    text = ', '.join(task.labels[:shown])
    return f'{text} and {len(task.labels) - shown} more' if len(task.labels) > shown else text


def _counts(task: Task) -> str:
    return ' / '.join(str(task.card.items.get(split, '?')) for split in SPLITS)


def _hours(task: Task) -> str:
    return f', {task.card.hours:.1f} hours' if task.card.hours else ''


def _protocol(p: Protocol) -> str:
    hidden = ' and '.join(map(str, p.hidden)) or 'no'
    window = f'windows of {p.window_seconds:g} s' if p.window_seconds else "the encoder's windows"
    patience = f'rate times {p.plateau_factor:g} after {p.plateau_patience} epochs without a better'
    parts = [
        f'{hidden} hidden units, dropout {p.dropout:g}',
        f'{p.batch_items} items a batch, at most {p.epochs} epochs',
        f'watches {p.monitor}: {patience} one, end after {p.stop_patience}',
        f'{window}, tails: {p.tail}',
        f'{p.frame_rate:g} frames per second' if p.frame_rate else f'item score: {p.aggregation}',
        *([f'cells selected by {p.select_by}'] if p.select_by else []),
        *([f'L2 {p.l2:g}'] if p.l2 else []),
        *([f'rates {", ".join(f"{r:g}" for r in p.learning_rates)}'] if p.learning_rates else []),
    ]
    return '; '.join(parts)


def _first_sentence(builder: Callable[..., Task]) -> str:
    return (inspect.getdoc(builder) or '').split('\n\n')[0].replace('\n', ' ')


def _options(builder: Callable[..., Task]) -> Iterator[str]:
    """'`name` (default): what', for the builder's own options, from its docstring."""
    said = dict(_COMMON)
    for function in (*_siblings(builder), builder):  # What several share is said where it is used.
        said |= _arguments(inspect.getdoc(function) or '')
    for name, parameter in inspect.signature(builder).parameters.items():
        default = '' if parameter.default is parameter.empty else f' ({parameter.default!r})'
        yield f'`{name}`{default}: {said.get(name, "see the module")}'


_COMMON = {'items': 'clips to make: train, valid, test.', 'seed': 'that all clips follow from.'}


def _siblings(builder: Callable[..., Task]) -> list[Callable[..., object]]:
    """Functions of the builder's module: one of them says what options mean that they share."""
    module = inspect.getmodule(builder)
    found = inspect.getmembers(module, inspect.isfunction)
    return [function for _, function in found if inspect.getmodule(function) is module]


def _arguments(doc: str) -> dict[str, str]:
    """The entries of a docstring's Args.

    >>> _arguments('''Does.
    ...
    ... Args:
    ...     a: one
    ...         thing.
    ...     b, c: two.
    ...
    ... Raises:
    ...     E: never.''')
    {'a': 'one thing.', 'b': 'two.', 'c': 'two.'}
    """
    _, _, rest = doc.partition('Args:\n')
    found: dict[str, str] = {}
    names: list[str] = []
    for line in rest.split('\n\n')[0].splitlines():
        match = re.match(r' {4}((?:\w+, )*\w+): (.*)', line)
        if match:
            names = match[1].split(', ')
            found |= dict.fromkeys(names, match[2])
        else:
            found |= {name: f'{found[name]} {line.strip()}' for name in names}
    return found


if __name__ == '__main__':
    print(document(), end='')
