"""Builds MuQ and MusicFM encoders for `jaxprobe.encoders.base.load`."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders.base import Card, Encoder, Layer, Params, WeightsRef
from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.loading import checkpoint, hub
from jaxprobe.encoders.muq import architecture, card, model
from jaxprobe.encoders.muq import weights as tables


def build(found: Card, *, weights: str, arch: str, dtype: str, seed: int) -> Encoder:
    """Builds the encoder; see `jaxprobe.encoders.base.load` for the arguments.

    Raises:
        ConfigError: an unknown dtype or architecture, or published weights for a tiny one.
        WeightsError: the file is absent, damaged or belongs to another model.
    """
    a, numbers = architecture.resolve(found.name, arch), precision(dtype)
    if arch and not weights:
        raise ConfigError(
            f"encoder.arch={arch!r} needs weights of that size: encoder.weights='random', or the "
            f'path of its checkpoint. The published file has the published architecture.'
        )
    graph, template = leaves.abstract(lambda: model.MelConformer(a, numbers))
    if weights == 'random':
        arrays, identity = leaves.random(template, seed, found.name), f'random-{seed}'
        arrays |= model.constants(a)
    else:
        path = hub.locate(found.weights, weights, f'encoder {found.name}')
        identity = _identity(found, path, arch)
        shapes = leaves.shapes(template)
        filled = tables.fill(found.name, a, shapes, checkpoint.read(path), str(path))
        arrays = model.constants(a) | filled

    def encode(params: Params, wave: Float[Array | np.ndarray, 'B S']) -> Float[Array, 'B L T D']:
        return leaves.module(graph, params)(jnp.asarray(wave))

    if arch not in ('', 'tiny'):  # A config brings statistics that no layer or width shows.
        identity += f'-{fs.digest(a._asdict(), 8)}'
    described = describe(found, a, weights, seed)
    return Encoder(described, leaves.place(template, arrays), encode, identity)


def describe(found: Card, a: architecture.Architecture, weights: str, seed: int) -> Card:
    """The card of what was built, which a config or random weights make another model."""
    changes: dict = {}
    if a != architecture.resolve(found.name, ''):
        layers = ('stem', *(f'block{k}' for k in range(1, a.depth + 1)))
        changes = {
            'title': f'{found.title}, architecture of {a.depth} blocks of width {a.width}',
            'layers': tuple(Layer(name, a.width) for name in layers),
            'mix': tuple(range(1, a.depth + 1)),
            'gflop_per_second': architecture.gflop_per_second(a, found.window_seconds),
        }
    if weights == 'random':
        changes |= {
            'title': f'{changes.get("title", found.title)}, RANDOM weights',
            'weights': WeightsRef(kind='none', source=f'drawn from seed {seed}'),
            'weights_licence': 'none: random weights',
            'training_data': 'none: random weights',
        }
    return dataclasses.replace(found, **changes)


def _identity(found: Card, path: Path, arch: str) -> str:
    """The file's sha256, after a look whether it is the published file of a sister model."""
    sha256 = fs.sha256(path)
    sisters = (card.MUQ, card.MUSICFM_MSD, card.MUSICFM_FMA)
    for sister in sisters:
        if sister.name != found.name and sister.weights.sha256 == sha256:
            raise WeightsError(
                f'{path} is the published file of {sister.name}, not of {found.name}. Both have '
                f'the same tensors but other input statistics, so the numbers would be silently '
                f'wrong. Use --config.encoder.name={sister.name}.'
            )
    return sha256
