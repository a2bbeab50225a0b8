"""Choices that an encoder offers beside its published default, and peers' ways of using it.

`--config.encoder.options='frontend=librosa,hop=0.5'` sets options one by one;
`--config.encoder.preset=mir_ref` sets the windows and options that a peer or a paper uses.
"""

import dataclasses
from collections.abc import Mapping, Sequence

from jaxprobe.core.errors import ConfigError, suggest

Value = str | float | int | bool
Options = Mapping[str, Value]

_BOOLS = {'true': True, 'false': False}


@dataclasses.dataclass(frozen=True)
class Option:
    """One choice of an encoder.

    Attributes:
        name: as it is written in `options`.
        default: what the published model or its reference does.
        values: all that can be chosen; () admits any value of the default's type.
        what: one line for `jaxprobe ls encoders NAME`.
    """

    name: str
    default: Value
    values: tuple[Value, ...] = ()
    what: str = ''


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """How a peer or a paper cuts and reads an encoder.

    Attributes:
        name: 'marble_v1', 'jukemir', 'mir_ref', ...
        what: one line, with the source.
        window_seconds: 0 keeps the task's or the card's.
        hop_seconds: from one window to the next; 0 keeps the card's.
        tail: 'drop', 'overlap' or 'pad' (zeros); '' keeps the task's.
        short: 'repeat', 'refuse' or 'pad' (zeros); '' keeps the card's.
        options: values it sets; what the user sets beside the preset wins.
    """

    name: str
    what: str
    window_seconds: float = 0.0
    hop_seconds: float = 0.0
    tail: str = ''
    short: str = ''
    options: Options = dataclasses.field(default_factory=dict)


def parse(text: str) -> dict[str, str]:
    """Reads 'name=value,other=value'; the values are still text.

    Raises:
        ConfigError: a part without '=', or a name given twice.

    >>> parse('hop=0.5, frontend=librosa')
    {'hop': '0.5', 'frontend': 'librosa'}
    """
    found: dict[str, str] = {}
    for part in (part.strip() for part in text.split(',') if part.strip()):
        name, equals, value = (piece.strip() for piece in part.partition('='))
        if not equals or not name or name in found:
            slip = 'stands twice' if name in found else "has no '='"
            raise ConfigError(
                f'encoder.options={text!r}: {part!r} {slip}. Write name=value pairs separated by '
                f'commas.'
            )
        found[name] = value
    return found


def complete(encoder: str, known: Sequence[Option], asked: Options) -> dict[str, Value]:
    """A value for every option: what was asked for, and the defaults.

    Args:
        encoder: its name, for messages.
        known: the options of its card.
        asked: name -> value; text is read as the type of the option's default.

    Raises:
        ConfigError: an option or a value that the encoder does not have.
    """
    names = [option.name for option in known]
    for name in asked:
        if name not in names:
            has = suggest(name, names) if names else 'It has none.'
            raise ConfigError(f'{encoder} has no option {name!r}. {has}')
    return {
        option.name: _value(encoder, option, asked.get(option.name, option.default))
        for option in known
    }


def changed(known: Sequence[Option], values: Options) -> tuple[tuple[str, Value], ...]:
    """The options that are not at their defaults, in the card's order: what identifies a store."""
    return tuple(
        (option.name, values[option.name])
        for option in known
        if values[option.name] != option.default
    )


NO_PRESET = Preset(name='', what='the defaults')


def preset(encoder: str, known: Sequence[Preset], name: str) -> Preset:
    """Finds a preset; '' is the one that changes nothing.

    Raises:
        ConfigError: there is no such preset.
    """
    if not name:
        return NO_PRESET
    for one in known:
        if one.name == name:
            return one
    names = [one.name for one in known]
    has = suggest(name, names) if names else 'It has none.'
    raise ConfigError(f'{encoder} has no preset {name!r}. {has}')


def _value(encoder: str, option: Option, given: Value) -> Value:
    """Reads a value as the type of the option's default, and holds it to what can be chosen."""
    kind = type(option.default)
    value = given
    if isinstance(given, str) and kind is not str:
        try:
            value = _BOOLS[given.lower()] if kind is bool else kind(given)
        except (ValueError, KeyError):
            value = given
    elif kind is float and type(given) is int:
        value = float(given)
    if type(value) is not kind or (option.values and value not in option.values):
        can = ', '.join(str(v) for v in option.values) or f'any {kind.__name__}'
        raise ConfigError(f'{encoder}: option {option.name}={given!r} must be one of: {can}.')
    return value
