"""The tasks there are, and how a name with options becomes one.

A builder is a function of keyword options that returns a `Task`. Besides its own options every
task takes those of `Protocol` (`epochs`, `window_seconds`, ...), which replace its numbers, and two
more: `protocol`, a protocol with a name (`protocols.py`), whose numbers go before the task's and
behind those given one by one; and `metrics`, more metrics than the kind's own (`metrics/extra.py`),
separated by commas. Collections of others are tasks by `mirdata:<data set>` and `tfds:<data set>`.
"""

import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.core.registry import Registry, load_path
from jaxprobe.tasks import protocols
from jaxprobe.tasks.base import Protocol, Task

TASKS = Registry(
    'task',
    {
        'synth_pitch': 'jaxprobe.tasks.synth:pitch',
        'synth_instrument': 'jaxprobe.tasks.synth:instrument',
        'synth_key': 'jaxprobe.tasks.synth:key',
        'synth_tags': 'jaxprobe.tasks.synth:tags',
        'synth_emotion': 'jaxprobe.tasks.synth:emotion',
        'synth_beats': 'jaxprobe.tasks.synth:beats',
        'synth_structure': 'jaxprobe.tasks.synth:structure',
        'synth_separation': 'jaxprobe.tasks.synth_stems:separation',
        'gtzan_genre': 'jaxprobe.tasks.gtzan:genre',
        'giantsteps_key': 'jaxprobe.tasks.giantsteps_key:key',
        'emomusic': 'jaxprobe.tasks.emomusic:emotion',
        'magnatagatune': 'jaxprobe.tasks.magnatagatune:tags',
        'nsynth_pitch': 'jaxprobe.tasks.nsynth:pitch',
        'nsynth_instrument': 'jaxprobe.tasks.nsynth:instrument',
        'vocalset_singer': 'jaxprobe.tasks.vocalset:singer',
        'vocalset_technique': 'jaxprobe.tasks.vocalset:technique',
        'mtg_top50': 'jaxprobe.tasks.mtg_jamendo:top50',
        'mtg_genre': 'jaxprobe.tasks.mtg_jamendo:genre',
        'mtg_instrument': 'jaxprobe.tasks.mtg_jamendo:instrument',
        'mtg_moodtheme': 'jaxprobe.tasks.mtg_jamendo:moodtheme',
        'beatport_key': 'jaxprobe.tasks.beatport_key:key',
        'tinysol_instrument': 'jaxprobe.tasks.tinysol:instrument',
        'tinysol_pitch_class': 'jaxprobe.tasks.tinysol:pitch_class',
        'musdb18': 'jaxprobe.tasks.musdb18:separation',
        'gtzan_rhythm': 'jaxprobe.tasks.gtzan_rhythm:rhythm',
        'harmonix_structure': 'jaxprobe.tasks.harmonix:structure',
        'mt_mpc': 'jaxprobe.tasks.mt:mpc',
        'mt_rd': 'jaxprobe.tasks.mt:rd',
        'mt_sqc': 'jaxprobe.tasks.mt:sqc',
        'own_data': 'jaxprobe.tasks.manifest:own_data',
    },
    group='jaxprobe.tasks',
)

# Readers of collections: `prefix:data set` is a task, built from the data set's name and options.
COLLECTIONS = {
    'mirdata': 'jaxprobe.tasks.mirdata_adapter:task',
    'tfds': 'jaxprobe.tasks.tfds_adapter:task',
}

_ADDED = ('protocol', 'metrics')  # Options of every task, beside those of `Protocol`.
_PROTOCOL = {field.name: field for field in dataclasses.fields(Protocol)}


def build(
    name: str, options: Mapping[str, Any] | None = None, data_dir: Path | None = None
) -> Task:
    """Builds a task.

    Args:
        name: a registered name, `mirdata:<data set>`, `tfds:<data set>`, or the dotted path of a
            builder.
        options: the builder's own options, fields of `Protocol` to change, `protocol` and
            `metrics`. Text is read as the type of the option's default, as it comes from a
            command line.
        data_dir: where data sets lie. Only collections look there at this point, for their
            labels; by default JAXPROBE_DATA, or `data`.

    Returns:
        The task; nothing is read but what its labels need.

    Raises:
        ConfigError: the name or an option is unknown (near names are given), or a value does
            not fit.
        DataError: the user's own manifest cannot be used.
    """
    builder = _builder(name, data_dir)
    given = dict(options or {})
    added = {key: str(given.pop(key)) for key in _ADDED if key in given}
    own, numbers = _sort_options(name, builder, given)
    task = builder(**own)
    chosen = protocols.named(added.get('protocol', 'marble_v1'), task)
    task = _with_metrics(task, chosen.metrics, added.get('metrics', ''))
    protocol = dataclasses.replace(chosen.numbers, **numbers)
    _check_protocol(task, protocol)
    recorded = {**task.options, **own, **numbers, **added}
    return dataclasses.replace(task, protocol=protocol, options=recorded)


def default_data_dir(given: str = '') -> Path:
    """Where data sets lie: as given, else JAXPROBE_DATA, else the folder `data`."""
    return Path(given or os.environ.get('JAXPROBE_DATA', '') or 'data').expanduser().resolve()


def _builder(name: str, data_dir: Path | None) -> Callable[..., Task]:
    prefix, _, dataset = name.partition(':')
    if prefix not in COLLECTIONS:
        return TASKS.load(name)
    if not dataset:
        raise ConfigError(f'task {name!r} names no data set: write {prefix}:<data set>.')
    load = load_path(COLLECTIONS[prefix], 'task')
    return functools.partial(load, dataset, data_dir or default_data_dir())


def _with_metrics(task: Task, named: tuple[str, ...], asked: str) -> Task:
    """Adds the metrics of the protocol and those asked for, each once, behind the task's own."""
    more = tuple(name.strip() for name in asked.split(',') if name.strip())
    if more:
        from jaxprobe.metrics import extra  # Brings numpy, which listing tasks does without.

        known = tuple(name for name in more if name not in task.metrics)
        extra.check(task.kind.value, known)
    return dataclasses.replace(task, metrics=tuple(dict.fromkeys((*task.metrics, *named, *more))))


def _sort_options(
    name: str, builder: Callable[..., Task], options: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tells a builder's own options from the protocol's, and gives both their types."""
    parameters = inspect.signature(builder).parameters
    defaults = {key: p.default for key, p in parameters.items() if p.default is not p.empty}
    own, numbers = {}, {}
    for key, value in options.items():
        if key in parameters:
            own[key] = _typed(f'{name}.{key}', value, defaults.get(key))
        elif key in _PROTOCOL:
            default = _PROTOCOL[key].default
            like = '' if default is dataclasses.MISSING else default
            numbers[key] = _typed(f'{name}.{key}', value, like)
        else:
            known = [*parameters, *_PROTOCOL, *_ADDED]
            raise ConfigError(f'task {name} has no option {key!r}. {suggest(key, known)}')
    return own, numbers


def _typed(what: str, value: Any, default: Any) -> Any:
    """Reads a value as the type of its default: text '60,20,20' as a tuple of integers."""
    if default is None or isinstance(value, type(default)):
        return value
    try:
        if isinstance(default, tuple):
            alone = isinstance(value, int | float)
            parts = value.split(',') if isinstance(value, str) else [value] if alone else value
            one = type(default[0]) if default else float
            return tuple(one(part) for part in parts if str(part).strip())
        if isinstance(default, int) and isinstance(value, float) and value != int(value):
            raise ValueError
        return type(default)(value)
    except (TypeError, ValueError):
        raise ConfigError(
            f'{what}={value!r} cannot be read as {type(default).__name__}; its default is '
            f'{default!r}.'
        ) from None


def _check_protocol(task: Task, p: Protocol) -> None:
    """Refuses protocol numbers that make no sense, all in one message."""
    wrong = []
    known = ('accuracy', 'loss') if task.kind.framewise else (*task.metrics, 'loss')
    if p.select_by and p.select_by not in task.metrics:
        wrong.append(
            f'select_by {p.select_by!r} is unknown. {suggest(p.select_by, task.metrics)[:-1]}'
        )
    if p.frame_rate < 0 or (task.kind.framewise and not p.frame_rate):
        wrong.append(f'frame_rate={p.frame_rate} must be frames per second')
    if p.monitor not in known:
        wrong.append(f'monitor {p.monitor!r} is unknown. {suggest(p.monitor, known)[:-1]}')
    if p.aggregation not in ('logits', 'probs', 'embeddings'):
        wrong.append(f'aggregation={p.aggregation!r} is not logits, probs or embeddings')
    elif task.kind.framewise and p.aggregation != 'logits':
        wrong.append(
            f'aggregation={p.aggregation!r} joins the windows of an item, and frames are scored '
            'one by one: leave it out, or at logits'
        )
    if p.tail not in ('drop', 'overlap', 'pad'):
        wrong.append(f'tail={p.tail!r} is not drop, overlap or pad')
    for key in ('batch_items', 'epochs', 'plateau_patience', 'stop_patience'):
        if getattr(p, key) < 1:
            wrong.append(f'{key}={getattr(p, key)} must be at least 1')
    if min(p.hidden, default=1) < 1:
        wrong.append(f'hidden={p.hidden} must be positive widths')
    if not 0 <= p.dropout < 1:
        wrong.append(f'dropout={p.dropout} must be in [0, 1)')
    if not 0 < p.plateau_factor <= 1:
        wrong.append(f'plateau_factor={p.plateau_factor} must be in (0, 1]')
    if not 0 <= p.l2 < float('inf'):
        wrong.append(f'l2={p.l2} must be a number that is not negative')
    if p.learning_rates and not min(p.learning_rates) > 0:
        wrong.append(f'learning_rates={p.learning_rates} must be positive')
    if p.window_seconds < 0:
        wrong.append(f'window_seconds={p.window_seconds} must not be negative')
    if wrong:
        raise ConfigError(f'task {task.name}: ' + '; '.join(wrong) + '.')
