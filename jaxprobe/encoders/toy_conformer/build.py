"""Builds the random control for `jaxprobe.encoders.base.load`."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.core.errors import ConfigError, WeightsError, suggest
from jaxprobe.encoders.base import Card, Encoder, Layer, Params
from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.toy_conformer import model

SIZES = {'': model.FULL, 'tiny': model.TINY}


def build(found: Card, *, weights: str, arch: str, dtype: str, seed: int) -> Encoder:
    """Builds the control; see `jaxprobe.encoders.base.load` for the arguments.

    Raises:
        ConfigError: an unknown architecture or dtype.
        WeightsError: weights were given; there is nothing they could be.
    """
    if arch not in SIZES:
        raise ConfigError(f'encoder.arch={arch!r}: {found.name} has two. {suggest(arch, SIZES)}')
    if weights not in ('', 'random'):
        raise WeightsError(
            f'encoder.weights={weights!r}: {found.name} is a control whose weights are always '
            f'drawn from the seed. Leave weights empty, or choose another encoder.'
        )
    size, numbers = SIZES[arch], precision(dtype)
    graph, template = leaves.abstract(lambda: model.ToyConformer(size, numbers))
    arrays = leaves.random(template, seed, found.name) | model.constants(size)

    def encode(params: Params, wave: Float[Array | np.ndarray, 'B S']) -> Float[Array, 'B L T D']:
        return leaves.module(graph, params)(jnp.asarray(wave))

    described = found if not arch else _tiny(found, size)
    return Encoder(described, leaves.place(template, arrays), encode, f'random-{seed}')


def _tiny(found: Card, size: model.ToySize) -> Card:
    names = ('stem', *(f'block{k}' for k in range(1, size.conformer.depth + 1)))
    return dataclasses.replace(
        found,
        title=f'{found.title}, tiny',
        layers=tuple(Layer(name, size.conformer.width) for name in names),
        mix=tuple(range(1, size.conformer.depth + 1)),
    )
