"""Some layers of an encoder: a smaller store and fewer probes, by names or indices."""

import dataclasses

import numpy as np

from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.encoders.base import Card, Encoder


def depths(card: Card) -> list[int]:
    """The index in the whole model of every layer of a card."""
    return [layer.depth if layer.depth >= 0 else i for i, layer in enumerate(card.layers)]


def indices(card: Card, text: str) -> tuple[int, ...]:
    """Reads layers given by name or index, separated by commas, or 'all'.

    Returns:
        Their places in the card, in depth order, each once. A number means the layer of that
        index in the whole model, whichever layers are kept.

    Raises:
        ConfigError: there is no such layer; the message lists the near names.
    """
    names, numbers = [layer.name for layer in card.layers], depths(card)
    if text == 'all':
        return tuple(range(len(names)))
    picked = set()
    for part in (p.strip() for p in text.split(',')):
        if part in names:
            picked.add(names.index(part))
        elif part.isdigit() and int(part) in numbers:
            picked.add(numbers.index(int(part)))
        else:
            raise ConfigError(
                f'{card.name} has no layer {part!r}. {suggest(part, names)} '
                f'Indices: {", ".join(str(n) for n in numbers)}.'
            )
    return tuple(sorted(picked))


def subset_card(card: Card, text: str) -> Card:
    """The card of an encoder of which only some layers are kept.

    The weighted sum keeps those of its layers that are left, and goes with the last but one.
    """
    kept = indices(card, text)
    mix = tuple(new for new, old in enumerate(kept) if old in card.mix)
    numbers = depths(card)
    layers = tuple(dataclasses.replace(card.layers[i], depth=numbers[i]) for i in kept)
    return dataclasses.replace(card, layers=layers, mix=mix if len(mix) > 1 else ())


def subset(encoder: Encoder, text: str) -> Encoder:
    """An encoder that returns only the layers asked for, in depth order."""
    kept = indices(encoder.card, text)
    if len(kept) == len(encoder.card.layers):
        return encoder
    whole = encoder.encode

    def encode(params, wave):
        states = whole(params, wave)
        if isinstance(states, tuple):
            return tuple(states[i] for i in kept)
        return states[:, np.asarray(kept)]

    return encoder._replace(card=subset_card(encoder.card, text), encode=encode)
