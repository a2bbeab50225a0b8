"""Deformations as a config writes them: `noise:15`, `reverb:1:wet=0.3`, `lowpass:4000>noise:15`.

A step is a name, its severity and its options; steps joined by '>' are applied from left to
right. A name without a severity stands for all severities of its card, and `mir_ref` and `all`
for several names.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxprobe.core import rng
from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.deform import registry
from jaxprobe.deform.base import Card

CLEAN = 'clean'  # The name of audio that nothing has changed.


class Step(NamedTuple):
    """One deformation at one severity. `known_as` is its name in the config."""

    known_as: str
    card: Card
    severity: float
    options: tuple[tuple[str, float], ...]  # All of the card's.

    @property
    def name(self) -> str:
        """As a config writes it, options only where they are not at their defaults."""
        changed = [f'{k}={v:.10g}' for k, v in self.options if v != self.card.options[k]]
        return ':'.join([self.known_as, f'{self.severity:.10g}', *changed])

    @property
    def family(self) -> str:
        """What has one severity axis: the deformation with its options."""
        first, _, *changed = self.name.removeprefix(self.known_as).split(':')
        return ':'.join([self.known_as + first, *changed])


class Chain(NamedTuple):
    """Deformations one after another."""

    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """As a config writes it."""
        return '>'.join(step.name for step in self.steps)

    @property
    def file_name(self) -> str:
        """The name in file names, where neither ':' nor '>' can stand everywhere.

        >>> one('lowpass:4000>noise:15').file_name
        'lowpass-4000+noise-15'
        """
        return self.name.replace(':', '-').replace('>', '+').replace('/', '-')

    @property
    def title(self) -> str:
        """In tables."""
        said = [
            f'{s.card.title} {s.severity:.10g} {s.card.unit}'
            + ''.join(f', {k} {v:.10g}' for k, v in s.options if v != s.card.options[k])
            for s in self.steps
        ]
        return ', then '.join(said)

    @property
    def version(self) -> str:
        """Of the code behind every step."""
        return '>'.join(str(step.card.version) for step in self.steps)

    @property
    def random(self) -> bool:
        """Whether the root seed matters."""
        return any(step.card.random for step in self.steps)

    def apply(
        self, wave: Float[np.ndarray, 'S'], rate: int, *, root: int, clip: str
    ) -> Float[np.ndarray, 'S2']:
        """Deforms an item.

        Args:
            wave: mono samples.
            rate: Hz.
            root: the run's seed.
            clip: what identifies the item; with `root` and the name of a deformation it decides
                what that draws.

        Returns:
            float32, another array. A chain is its steps applied by themselves, one after another,
            unless it has one of them twice, whose draws then differ.
        """
        wave = np.array(wave, np.float32)
        for number, step in enumerate(self.steps):
            before = sum(s.known_as == step.known_as for s in self.steps[:number])
            random = rng.random_state(root, 'deform', step.known_as, before, clip)
            wave = step.card.apply(wave, rate, step.severity, dict(step.options), random)
        return wave


def parse(text: str) -> tuple[Chain, ...]:
    """Reads the deformations of a config, separated by commas; each once, in order.

    Raises:
        ConfigError: an unknown name or option, or a severity that cannot be.
    """
    found: dict[str, Chain] = {}
    for part in (p.strip() for p in text.split(',')):
        for chain in _expanded(part) if part else ():
            found.setdefault(chain.name, chain)
    slugs = [chain.file_name for chain in found.values()]
    twins = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if twins:
        raise ConfigError(f'deformations would share the file names {twins}; rename one.')
    return tuple(found.values())


def one(text: str) -> Chain:
    """Reads one chain, every step with its severity.

    Raises:
        ConfigError: as `parse`, or a step without a severity.
    """
    return Chain(tuple(_step(part.strip()) for part in text.split('>')))


def _expanded(part: str) -> Iterator[Chain]:
    if part in registry.SETS:
        for name in registry.SETS[part]:
            yield from _expanded(name)
    elif part in registry.DEFORMATIONS:
        for severity in registry.card(part).severities:
            yield one(f'{part}:{severity:.10g}')
    else:
        yield one(part)


def _step(text: str) -> Step:
    name, *fields = text.split(':')
    if fields and name not in registry.DEFORMATIONS and fields[0].isidentifier():
        name, fields = f'{name}:{fields[0]}', fields[1:]  # A user's own, by its dotted path.
    if ':' not in name and name not in registry.DEFORMATIONS:
        raise ConfigError(
            f'deformation {name!r} is unknown. '
            f'{suggest(name, [*registry.DEFORMATIONS, *registry.SETS])} `jaxprobe ls deformations` '
            f'says what each is; your own: `package.module:CARD:severity`.'
        )
    card = registry.card(name)
    example = f'{name}:{card.severities[0]:g}'
    if not fields:
        raise ConfigError(
            f'deformation {text!r} has no severity where it needs one: write the {card.severity} '
            f'in {card.unit}, such as {example}.'
        )
    severity = _number(fields[0], text, example)
    if not card.least <= severity <= card.most:
        raise ConfigError(
            f'deformation {text!r}: a {card.severity} of {severity:g} {card.unit} is not between '
            f'{card.least:g} and {card.most:g}.'
        )
    return Step(name, card, severity, _options(card, fields[1:], text, example))


def _options(
    card: Card, fields: list[str], text: str, example: str
) -> tuple[tuple[str, float], ...]:
    pairs = [field.partition('=') for field in fields]
    asked = {name: value for name, _, value in pairs}
    for name in asked:
        if name not in card.options:
            raise ConfigError(
                f'deformation {text!r}: no option {name!r}. {suggest(name, card.options)} An '
                f'option is written {example}:name=value.'
            )
    return tuple(
        (name, _number(asked[name], text, example) if name in asked else default)
        for name, default in card.options.items()
    )


def _number(value: str, text: str, example: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = float('nan')
    if not np.isfinite(found):
        raise ConfigError(
            f'deformation {text!r}: {value!r} is not a number; it is written like {example}.'
        )
    return found + 0.0  # No negative zero.
