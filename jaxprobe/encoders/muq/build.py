"""Builds MuQ and MusicFM encoders for `jaxprobe.encoders.base.load`."""

import dataclasses
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders.base import Card, Encoder, Layer, Params
from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.loading import checkpoint, hub
from jaxprobe.encoders.muq import architecture, card, model
from jaxprobe.encoders.muq import weights as tables
from jaxprobe.encoders.muq.architecture import Architecture


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
    path, identity, tensors = None, f'random-{seed}', {}
    if weights != 'random':  # First of all, so that what is missing is known at once.
        path = hub.locate(found.weights, weights, f'encoder {found.name}')
        identity, tensors = _identity(found, path, ours=not weights), checkpoint.read(path)
    graph, template = leaves.abstract(lambda: model.MelConformer(a, numbers))
    if path is None:
        arrays = leaves.random(template, seed, found.name) | model.constants(a)
    else:
        shapes = leaves.shapes(template)
        filled = tables.fill(found.name, a, shapes, tensors, str(path))
        arrays = model.constants(a) | filled

    def encode(params: Params, wave: Float[Array | np.ndarray, 'B S']) -> Float[Array, 'B L T D']:
        return leaves.module(graph, params)(jnp.asarray(wave))

    described = describe(found, a, identity, str(path) if weights else '')
    if arch not in ('', 'tiny'):  # A config brings statistics that no layer or width shows.
        identity += f'-{fs.digest(a._asdict(), 8)}'
    return Encoder(described, leaves.place(template, arrays), encode, identity)


def describe(found: Card, a: Architecture, identity: str, given: str) -> Card:
    """The card of what was built, which is another model where sizes or weights are others.

    Args:
        found: the card of the published model.
        a: what was built.
        identity: the file's sha256, or 'random-<seed>'.
        given: the file that the user named, '' for the hub's.
    """
    changes: dict[str, Any] = {'title': found.title}
    published = a == architecture.resolve(found.name, '')
    if not published:
        layers = ('stem', *(f'block{k}' for k in range(1, a.depth + 1)))
        changes = {
            'title': f'{found.title}, architecture of {a.depth} blocks of width {a.width}',
            'layers': tuple(Layer(name, a.width) for name in layers),
            'mix': tuple(range(1, a.depth + 1)),
            'gflop_per_second': architecture.gflop_per_second(a, found.window_seconds),
        }
    return of_weights(
        dataclasses.replace(found, **changes),
        identity,
        given,
        found.weights.sha256,
        resized=not published,
        sha256=identity,
    )


def _identity(found: Card, path: Path, *, ours: bool) -> str:
    """The file's sha256, after a look whether it is the file it is taken for.

    Args:
        found: whose weights they should be.
        path: the file.
        ours: True where the file came from the hub's cache and not from the user.

    Raises:
        WeightsError: it is a sister's published file, or a damaged or outdated download.
    """
    sha256 = fs.sha256(path)
    for sister in (card.MUQ, card.MUSICFM_MSD, card.MUSICFM_FMA):
        if sister.name != found.name and sister.weights.sha256 == sha256:
            raise WeightsError(
                f'{path} is the published file of {sister.name}, not of {found.name}. Both have '
                f'the same tensors but other input statistics, so the numbers would be silently '
                f'wrong. Use --config.encoder.name={sister.name}.'
            )
    if ours and found.weights.sha256 not in ('', sha256):
        raise WeightsError(
            f'{path} has sha256 {sha256}, the published file has {found.weights.sha256}: the '
            f'download is damaged or of another date (MusicFM files from before 13 February 2024 '
            f'are wrong, say their authors). Remove it and fetch it again; if you mean it, name '
            f'it: --config.encoder.weights={path}.'
        )
    return sha256
