"""Statistics over the frames of a window, each a layer of its own: one extraction keeps them all.

The mean is what every protocol we follow takes, and the default; the others are departures. An
encoder whose layers are statistics returns one frame per window, which is then what is stored.
"""

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.encoders.base import Card, Encoder, Layer

MEAN = 'mean'


def _mean(frames: Any, xp: ModuleType) -> Any:
    return frames.mean(axis=1)


def _mean_std(frames: Any, xp: ModuleType) -> Any:
    return xp.concatenate([frames.mean(axis=1), frames.std(axis=1)], axis=-1)


def _max(frames: Any, xp: ModuleType) -> Any:
    return frames.max(axis=1)


# Statistic -> (frames [B T D], numpy or jax.numpy) -> [B D], or [B 2D] of mean and deviation (of
# the frames themselves, not an estimate).
STATISTICS: dict[str, Callable[[Any, ModuleType], Any]] = {
    MEAN: _mean,
    'mean+std': _mean_std,
    'max': _max,
}


def parse(text: str) -> tuple[str, ...]:
    """Reads `config.extract.pooling`: names of statistics, separated by commas.

    Raises:
        ConfigError: a name is unknown, or there twice, or there is none.
    """
    names = tuple(part.strip() for part in text.split(','))
    for name in names:
        if name not in STATISTICS:
            raise ConfigError(f'extract.pooling: no {name!r}. {suggest(name, STATISTICS)}')
    if len(set(names)) < len(names):
        raise ConfigError(f'extract.pooling={text!r} names a statistic twice')
    return names


def pooled_card(card: Card, pooling: str) -> Card:
    """The card of an encoder whose layers are statistics; the card itself for the mean alone.

    Layers come statistic by statistic, each in depth order, as `<layer>:<statistic>`; means keep
    the layer's name. The learned sum mixes the first statistic.

    Raises:
        ConfigError: a statistic is unknown, or a layer has no frames to take it of.
    """
    names = parse(pooling)
    if names == (MEAN,) or card.pooling == pooling:
        return card
    single = [layer.name for layer in card.layers if not layer.frames]
    if single:
        framed = [layer.name for layer in card.layers if layer.frames]
        rest = f' Keep others: --config.encoder.layers={",".join(framed)}.' if framed else ''
        raise ConfigError(
            f'extract.pooling={pooling} cannot be used with {card.name}: {", ".join(single)} '
            f'have one output per window, of which there are no statistics over time.{rest}'
        )
    layers = tuple(
        Layer(
            layer.name if name == MEAN else f'{layer.name}:{name}',
            layer.width * (2 if name == 'mean+std' else 1),
            frames=False,
            depth=layer.depth if layer.depth >= 0 else index,
        )
        for name in names
        for index, layer in enumerate(card.layers)
    )
    return dataclasses.replace(card, layers=layers, pooling=pooling)


def pooled(encoder: Encoder, pooling: str) -> Encoder:
    """An encoder whose layers are statistics of its windows' frames, taken in float32.

    Raises:
        ConfigError: see `pooled_card`.
    """
    card = pooled_card(encoder.card, pooling)
    if card is encoder.card:
        return encoder
    whole, statistics = encoder.encode, [STATISTICS[name] for name in parse(pooling)]

    def on_device(params: Any, wave: Any) -> tuple[Any, ...]:
        import jax.numpy as jnp

        states = whole(params, wave)
        if not isinstance(states, tuple):
            states = tuple(jnp.moveaxis(states, 1, 0))
        framed = [state.astype(jnp.float32) for state in states]
        return tuple(one(state, jnp)[:, None] for one in statistics for state in framed)

    def on_host(params: Any, wave: Any) -> tuple[Any, ...]:
        # numpy adds frame after frame: float64, as the mean of such encoders is taken.
        framed = [state.astype(np.float64) for state in whole(params, wave)]
        found = [one(state, np)[:, None] for one in statistics for state in framed]
        return tuple(state.astype(np.float32) for state in found)

    return encoder._replace(card=card, encode=on_host if encoder.host else on_device)
