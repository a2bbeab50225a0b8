"""From the strings of a config to a frozen plan in which every name is an object.

`resolve` is the only reader of config strings: a bad name dies here, before any audio is read,
with the good names beside it. `pin` ties a working directory to one plan. jax is not imported.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core import compared, fs, objects, schema
from jaxprobe.core.config import Settings
from jaxprobe.core.errors import ConfigError, DataError, StoreError, WeightsError, suggest
from jaxprobe.deform import chain
from jaxprobe.encoders import base as encoders
from jaxprobe.encoders import options as choices
from jaxprobe.encoders.options import NO_PRESET, Options, Preset
from jaxprobe.encoders.pooled import pooled_card
from jaxprobe.encoders.subset import depths, indices, subset, subset_card
from jaxprobe.probes import head_shapes
from jaxprobe.probes.spec import MONITORS, Source
from jaxprobe.tasks import registry
from jaxprobe.tasks.base import SPLITS, Item, Kind, Task

PIN = 'plan.json'
SCHEMA = 1  # Of it: settings by name, beside this number.

# Settings that change how fast a result is reached, never what it is.
_INDIFFERENT = (
    'data_dir',
    'store_dir',
    'skip_missing',  # A task that is skipped today may join the same results tomorrow.
    'extract.threads',
    'extract.on_error',  # What is missing is in the fingerprint of every bank.
    'extract.shard_minutes',
    'probe.data',
    'probe.max_cells',
    'probe.spread',
    'probe.checkpoint_minutes',
)


_LEAST = {
    'probe.seeds': 1,
    'probe.epochs': 0,
    'limit': 0,
    'encoder.limit': 0,
    'probe.pca': 0,
    'probe.checkpoint_minutes': 0,
}

# Settings that came after the first results, with the value those had.
_LATER = {
    'encoder.limit': 0,  # Of every encoder, those beside too.
    'extract.pooling': 'mean',
    'probe.tf32': False,
    'probe.standardise': False,
    'probe.pca': 0,
}


class Framing(NamedTuple):
    """How an item becomes windows: sizes in samples at the encoder's rate."""

    samples: int
    hop: int
    tail: str
    short: str
    lead: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderPlan:
    """One encoder of the run: the label it is reported under, and how to build it."""

    label: str
    name: str  # As the config gives it: registered, or a dotted path.
    card: encoders.Card
    weights: str
    arch: str
    layers: str
    sources: str
    dtype: str
    window_seconds: float
    preset: Preset
    options: Options  # A value for every option of the card.
    limit: int = 0  # Items per split of this encoder alone; 0 for those of the run.

    def load(self, seed: int) -> encoders.Encoder:
        """Builds the encoder; `seed` draws random weights where those are asked for."""
        whole = encoders.load(
            self.name,
            weights=self.weights,
            arch=self.arch,
            dtype=self.dtype,
            seed=seed,
            options=self.options,
        )
        return subset(whole, self.layers)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a run will do. `record` is the config as plain data."""

    seed: int
    data_dir: Path
    store_dir: Path
    limit: int
    encoders: tuple[EncoderPlan, ...]
    tasks: tuple[Task, ...]
    extract: Any
    probe: Any
    resamples: int
    study: Any
    record: dict[str, Any]
    skip_missing: bool = False
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)  # Name -> what it needs.

    @property
    def config_sha256(self) -> str:
        """Hash of all settings that can change a result."""
        return fs.digest(_identity(self.record), 64)


def resolve(config: Settings, workdir: Path) -> Plan:
    """Turns a config into a plan.

    Args:
        config: what a config file returned, with overrides applied.
        workdir: where the run writes; stores go beside it unless the config says otherwise.

    Raises:
        ConfigError: a name, a value or a combination cannot be used.
    """
    _check_values(config)
    chain.parse(config.study.deform)  # Refuses what is unknown.
    _check_study(config.study)
    chosen, tasks = _encoders(config), _tasks(config)
    compared.asked(config.study.similarity, [task.name for task in tasks])
    coarse = [task.name for task in tasks if task.kind in (Kind.REGRESSION, Kind.SEPARATION)]
    if coarse and config.probe.logits_dtype == 'float16':
        raise ConfigError(
            f'probe.logits_dtype=float16 would round the predictions of {", ".join(coarse)}: '
            f'scores are computed from stored outputs. Leave it float32 for regression and '
            f'separation.'
        )
    waves = [task.name for task in tasks if task.kind is Kind.SEPARATION]
    if waves and (config.probe.standardise or config.probe.pca or config.probe.tf32):
        raise ConfigError(
            f'probe.standardise, probe.pca and probe.tf32 cannot be used for {", ".join(waves)}: '
            f'the recurrent probes of separation read frames as they are, and in float32. Run '
            f'those tasks apart, without them.'
        )
    for one in () if config.skip_missing else chosen:  # `usable` names what cannot be.
        for task in tasks:
            framing(
                one.card, task, one.window_seconds, one.preset
            )  # Refuses a window that cannot be.
    return Plan(
        seed=config.seed,
        data_dir=registry.default_data_dir(config.data_dir),
        store_dir=objects.local(config.store_dir or str(workdir.parent / 'stores')),
        limit=config.limit,
        encoders=chosen,
        tasks=tasks,
        extract=config.extract,
        probe=config.probe,
        resamples=config.analyse.resamples,
        study=config.study,
        record=_plain(config.to_dict()),
        skip_missing=config.skip_missing,
    )


def usable(plan: Plan) -> Plan:
    """The plan with the encoders and tasks that can run here, if it is one that skips the others.

    What identifies a plan are the encoders and tasks that it asks for: `record` stays as it is, so
    that one whose weights or data arrive later joins the results that are there.

    Raises:
        DataError: no task can run; the message says what each needs.
        WeightsError: no encoder has its weights here; the message says what each needs.
    """
    if not plan.skip_missing:
        return plan
    weightless = _without_weights(plan)
    left = tuple(one for one in plan.encoders if one.label not in weightless)
    plan = dataclasses.replace(plan, encoders=left)
    lacking = {f'encoder {label}': f'weights. {why}' for label, why in weightless.items()}
    needs = {task.name: _need(task, plan) for task in plan.tasks}
    skipped = {name: need for name, need in needs.items() if need}
    if len(skipped) == len(plan.tasks):
        lines = '\n'.join(f'  {name}: {need}' for name, need in (skipped | lacking).items())
        raise DataError(f'no task can be run with the data below {plan.data_dir}:\n{lines}')
    kept = tuple(task for task in plan.tasks if task.name not in skipped)
    return dataclasses.replace(plan, tasks=kept, skipped=skipped | lacking)


def _without_weights(plan: Plan) -> dict[str, str]:
    """Label -> what is missing, of the encoders whose weights are not here and cannot be fetched.

    One encoder by itself is not asked: its own error, where it is built, says the same.
    """
    found = {}
    for one in plan.encoders if plan.encoders[1:] else ():
        try:
            if one.weights != 'random':
                one.load(plan.seed)
        except WeightsError as error:
            found[one.label] = str(error)
    if found and len(found) == len(plan.encoders):
        lines = '\n'.join(f'  {label}: {why}' for label, why in found.items())
        raise WeightsError(f'none of the encoders has its weights here:\n{lines}')
    return found


def _need(task: Task, plan: Plan) -> str:
    """What a task lacks to be run, '' if nothing."""
    for chosen in plan.encoders:
        if task.kind.framewise and not any(layer.frames for layer in chosen.card.layers):
            return f'frames, and {chosen.label} has clip-level layers only'
        try:
            framing(chosen.card, task, chosen.window_seconds, chosen.preset)
        except ConfigError as error:
            return str(error)
    try:
        found = task.prepare(plan.data_dir)
    except DataError as error:
        return str(error)
    if found.usable and not (found.missing and plan.extract.on_error == 'stop'):
        return ''
    if found.usable:
        return (
            f'{len(found.missing)} files that are missing, the first {found.missing[0]}; '
            f'--config.extract.on_error=quarantine goes on without them'
        )
    parts = [f'{len(found.missing)} missing files'] if found.missing else []
    said = [*parts, *(found.here or found.notes[-1:])]
    how = '' if any(task.card.how_to_get in part for part in said) else f'. {task.card.how_to_get}'
    return '; '.join(said) + how


def pin(plan: Plan, workdir: Path) -> None:
    """Ties `workdir` to the plan, or refuses one that another plan has made.

    Raises:
        ConfigError: the directory holds results of different settings; the message lists them.
    """
    path = workdir / PIN
    if path.exists():
        before, now = _flat(_identity(pinned(workdir))), _flat(_identity(plan.record))
        changed = sorted(k for k in before.keys() | now.keys() if before.get(k) != now.get(k))
        if changed:
            lines = [f'  {k}: was {before.get(k)!r}, is {now.get(k)!r}' for k in changed[:20]]
            raise ConfigError(
                f'{workdir} holds results of other settings:\n'
                + '\n'.join(lines)
                + '\nGive this run its own --workdir (embeddings are shared, nothing is encoded '
                'again), or delete that folder.'
            )
    # Also again: folders may have moved.
    fs.write_json(path, schema.sealed({'schema': SCHEMA, **plan.record}))


def pinned(workdir: Path) -> dict[str, Any]:
    """The settings that a working directory was made with.

    Raises:
        FileNotFoundError: none was run there.
        StoreError: `plan.json` is damaged, was changed, or is of another version.
    """
    remedy = (
        'give this run another --workdir; or, where you know that its settings are those of the '
        'results, delete that file.'
    )
    found = schema.read(workdir / PIN, 'settings of a run', (SCHEMA,), remedy)
    found.pop('schema', None)
    return found


def decides(setting: str) -> bool:
    """Whether a setting, by its dotted name, can change what a run reports."""
    return setting not in _INDIFFERENT


def stores_of(workdir: Path) -> Path:
    """Where the run of a working directory keeps its stores."""
    try:
        asked = pinned(workdir)['store_dir']
    except (FileNotFoundError, StoreError, KeyError):
        asked = ''
    return objects.local(asked or str(workdir.parent / 'stores'))


def sources(card: encoders.Card, text: str) -> tuple[Source, ...]:
    """Lists what probes read.

    Args:
        card: of the encoder as built.
        text: 'all' for every layer and the weighted sum; else names or indices of layers,
            'mix', 'mix13' (the weighted sum with layer 0), or a range 'a-b' (or 'a:b', as
            mir_ref writes it), the plain mean of layers a to b, separated by commas.

    Raises:
        ConfigError: no such layer, or a mean or mix over layers of different widths.
    """
    if text == 'all':
        single = tuple(Source(layer.name, (i,)) for i, layer in enumerate(card.layers))
        return single + ((Source('mix', card.mix, learned=True),) if card.mix else ())
    return tuple(_source(card, part.strip()) for part in text.split(','))


def framing(
    card: encoders.Card, task: Task, window_seconds: float = 0.0, preset: Preset = NO_PRESET
) -> Framing:
    """Chooses the windows: the encoder's where they are fixed, else the config's or the task's.

    Args:
        card: of the encoder, under its options.
        task: says a window and what happens to tails.
        window_seconds: of the config; 0 where it says nothing. It goes before the preset's.
        preset: a peer's windows, which go before the task's.

    Raises:
        ConfigError: the encoder's window is fixed and another is asked for, it is too short, or
            zeros are asked for that would change the features.
    """
    tail, short = preset.tail or task.protocol.tail, preset.short or card.short
    padded = [f'{what}=pad' for what, how in (('tail', tail), ('short', short)) if how == 'pad']
    if padded and not card.zero_pad:
        raise ConfigError(
            f'{" and ".join(padded)} cannot be used with {card.name}: zeros beside the audio would '
            f'change its features (statistics over time, attention and convolutions that reach '
            f'across). Use tail=drop or overlap, and short=repeat or refuse.'
        )
    hop = round(preset.hop_seconds * card.sample_rate)
    if card.fixed_window:
        if window_seconds and round(window_seconds * card.sample_rate) != card.window_samples:
            raise ConfigError(
                f'encoder.window_seconds={window_seconds} cannot be used with {card.name}: its '
                f'window is fixed at {card.window_samples / card.sample_rate:.3f} s. Leave it 0.'
            )
        hop = hop or card.hop_samples or card.window_samples
        return Framing(card.window_samples, hop, tail, short, card.lead_samples)
    asked = window_seconds or preset.window_seconds or task.protocol.window_seconds
    seconds = asked or card.window_seconds
    samples = round(seconds * card.sample_rate)
    if samples < card.min_samples:
        raise ConfigError(
            f'a window of {seconds} s is {samples} samples; {card.name} needs at least '
            f'{card.min_samples} ({card.min_samples / card.sample_rate:.3f} s).'
        )
    return Framing(samples, hop or samples, tail, short, card.lead_samples)


def items_of(task: Task, plan: Plan, chosen: EncoderPlan | None = None) -> list[Item]:
    """The items a run uses, in order: all, or `limit` of each split.

    Args:
        task: whose items.
        plan: of the run.
        chosen: an encoder of it, which may have a smaller limit of its own.
    """
    found = limited(task.items(plan.data_dir), plan.limit)
    return limited(found, chosen.limit) if chosen else found


def limit_of(plan: Plan, chosen: EncoderPlan) -> int:
    """Items per split that an encoder is probed on at most; 0 where there is no limit."""
    return min((limit for limit in (plan.limit, chosen.limit) if limit), default=0)


def limited(items: list[Item], limit: int) -> list[Item]:
    """Keeps at most `limit` items of each split, evenly spread so that classes stay covered."""
    if not limit:
        return items
    kept = []
    for split in SPLITS:
        part = [item for item in items if item.split == split]
        n = min(limit, len(part))
        kept += [part[i * len(part) // n] for i in range(n)]
    return kept


def _encoders(config: Settings) -> tuple[EncoderPlan, ...]:
    if not config.encoder.name:
        raise ConfigError(
            f'encoder.name is empty: say which model to probe with --config.encoder.name=NAME. '
            f'{suggest("", encoders.ENCODERS)}'
        )
    found = [_encoder('', config.encoder, config.extract.pooling)]
    # The encoder asked for may be one that the config puts beside it anyway.
    others = {
        k: c for k, c in config.beside.items() if (k, c.name) != (found[0].label, found[0].name)
    }
    found += [_encoder(label, c, config.extract.pooling) for label, c in others.items()]
    labels = [e.label for e in found]
    if len(set(labels)) < len(labels):
        raise ConfigError(
            f'encoders are labelled {labels}: two of one label would share a result. Rename the '
            f'entry of config.beside.'
        )
    return tuple(found)


def _encoder(label: str, c: Settings, pooling: str) -> EncoderPlan:
    named = encoders.card(c.name)
    preset = choices.preset(c.name, named.presets, c.preset)
    asked = {**preset.options, **choices.parse(c.options)}
    options = choices.complete(c.name, named.options, asked)
    card = encoders.configured(named, options)
    if not c.arch:  # Another architecture has other layers; they are known once it is built.
        sources(pooled_card(subset_card(card, c.layers), pooling), c.sources)
    return EncoderPlan(
        label=label or card.name,
        name=c.name,
        card=card,
        weights=c.weights,
        arch=c.arch,
        layers=c.layers,
        sources=c.sources,
        dtype=c.dtype,
        window_seconds=c.window_seconds,
        preset=preset,
        options=options,
        limit=c.limit,
    )


def _tasks(config: Settings) -> tuple[Task, ...]:
    asked = {name: dict(options) for name, options in config.tasks.items()}
    if config.manifest:
        asked['own_data'] = {'manifest': config.manifest, 'kind': config.kind or 'multiclass'}
    if not asked:
        raise ConfigError(
            'no task to run: name some in config.tasks, or give your own labels with '
            '--config.manifest=labels.csv --config.kind=multiclass.'
        )
    data_dir = registry.default_data_dir(config.data_dir)
    tasks = tuple(registry.build(name, options, data_dir) for name, options in asked.items())
    for task in tasks:
        known = MONITORS[task.kind.value]
        if task.protocol.monitor not in known:
            raise ConfigError(
                f'{task.name}: monitor={task.protocol.monitor!r} can be reported but not watched '
                f'while training. {suggest(task.protocol.monitor, known)}'
            )
    return tasks


def _check_values(config: Settings) -> None:
    """Refuses values of the right type that make no sense, all in one message."""
    choices = {
        'encoder.dtype': ('float32', 'bfloat16'),
        **{f'beside.{label}.dtype': ('float32', 'bfloat16') for label in config.beside},
        'extract.on_error': ('stop', 'quarantine'),
        'extract.dtype': ('float32', 'bfloat16'),
        'probe.data': ('auto', 'resident', 'streamed'),
        'probe.spread': ('auto', 'always', 'never'),
        'probe.logits_dtype': ('float32', 'float16'),
    }
    flat = _flat(_plain(config.to_dict()))
    wrong = [
        f'{name}={flat[name]!r} is not one of {", ".join(known)}'
        for name, known in choices.items()
        if flat[name] not in known
    ]
    wrong += [
        f'{name}={flat[name]} must be at least {least}'
        for name, least in (
            _LEAST | {f'beside.{label}.limit': 0 for label in config.beside}
        ).items()
        if flat[name] < least
    ]
    rates = config.probe.learning_rates
    numbers = all(isinstance(rate, (int, float)) for rate in rates)
    if not rates or not numbers or min(rates) <= 0 or len(set(rates)) != len(rates):
        wrong.append(f'probe.learning_rates={tuple(rates)} must be different positive numbers')
    if wrong:
        raise ConfigError('the config cannot be used: ' + '; '.join(wrong) + '.')


def _check_study(study: Settings) -> None:
    """Refuses what no task could answer; what depends on the task is refused by its variants."""
    head_shapes.parse(study.heads)
    for name, most, such in (('fractions', 1.0, '0.1 for a tenth'), ('contexts', math.inf, '30')):
        wrong = [v for v in study[name] if not isinstance(v, int | float) or not 0 < v <= most]
        if wrong:
            what = 'shares of the training items' if name == 'fractions' else 'seconds'
            raise ConfigError(
                f'study.{name}={tuple(study[name])}: {wrong[0]!r} cannot be; give {what} above '
                f'0{" and up to 1" if most == 1 else ""}, such as {such}.'
            )


def _source(card: encoders.Card, text: str) -> Source:
    widths, numbers = [layer.width for layer in card.layers], depths(card)
    learned = text in ('mix', 'mix13')
    if text == 'mix':
        layers = card.mix
    elif text == 'mix13':
        layers = tuple(range(len(widths))) if 0 in numbers else ()
    elif match := re.fullmatch(r'(\d+)[-:](\d+)', text):
        wanted = range(int(match[1]), int(match[2]) + 1)
        if not wanted or not set(wanted) <= set(numbers):
            raise ConfigError(f'source {text!r}: {card.name} has the layers {numbers} here.')
        layers = tuple(numbers.index(number) for number in wanted)
    else:
        (index,) = indices(card, text)
        return Source(card.layers[index].name, (index,))
    if not layers or len({widths[i] for i in layers}) > 1:
        raise ConfigError(
            f'source {text!r} combines layers of {card.name} whose widths differ, or that are not '
            f'kept (widths {[widths[i] for i in layers] or widths}, layers {numbers}); probe them '
            f'one by one.'
        )
    return Source(text.replace(':', '-'), layers, learned)


def _plain(value: Any) -> Any:
    """Tuples become lists, so that a record equals itself after a trip through JSON."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else value


def _flat(record: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    flat = {}
    for key, value in record.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f'{prefix}{key}.')
        else:
            flat[f'{prefix}{key}'] = value
    return flat


def _identity(record: dict[str, Any]) -> dict[str, Any]:
    flat = _flat(record)
    return {
        key: value
        for key, value in flat.items()
        if decides(key)
        and not key.startswith('study.')  # Those add files of their own.
        and not _as_before(key, value)
    }


def _as_before(key: str, value: Any) -> bool:
    """Whether a setting that came later has the value that results had before it came."""
    if key.startswith('beside.'):
        key = f'encoder.{key.rsplit(".", 1)[-1]}'
    return key in _LATER and value == _LATER[key]
