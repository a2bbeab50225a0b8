"""Builds HuBERT-like encoders for `jaxprobe.encoders.base.load`."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Encoder, Params
from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.hubert import architecture, beside, card, model
from jaxprobe.encoders.hubert import weights as tables
from jaxprobe.encoders.hubert.architecture import Architecture
from jaxprobe.encoders.hubert.card import WaveCard
from jaxprobe.encoders.loading import checkpoint, hub
from jaxprobe.encoders.options import Options

NAMES = ('model.safetensors', 'pytorch_model.bin')  # Of weights in a Hugging Face folder.


def build(
    found: WaveCard, *, weights: str, arch: str, dtype: str, seed: int, options: Options
) -> Encoder:
    """Builds the encoder; see `jaxprobe.encoders.base.load` for the arguments.

    Raises:
        ConfigError: an unknown dtype or architecture, or published weights for a tiny one.
        WeightsError: the file is absent, damaged or belongs to another model.
    """
    numbers = precision(dtype)
    final_norm, zscore = options['hidden_states'] == '4.x', options['normalise'] == 'window'

    def graph(a: Architecture) -> nnx.Module:
        return model.hubert(a, numbers, final_norm=final_norm, zscore=zscore)

    return assemble(
        found, graph, architecture.from_config, weights, arch, seed, str(options['normalise'])
    )


def assemble(
    found: WaveCard,
    graph_of: Callable[[Architecture], nnx.Module],
    read: architecture.ReadFn,
    weights: str,
    arch: str,
    seed: int,
    normalise: str,
) -> Encoder:
    """Fills a graph with weights; what HuBERT and data2vec share.

    Args:
        found: the card.
        graph_of: makes the module for an architecture.
        read: reads the family's config.json.
        weights: as `base.load`.
        arch: as `base.load`.
        seed: as `base.load`.
        normalise: the option.
    """
    a = architecture.resolve(found.name, found.architecture, found.sample_rate, arch, read)
    if arch and not weights:
        raise ConfigError(
            f"encoder.arch={arch!r} needs weights of that size: encoder.weights='random', or the "
            f'path of its checkpoint. The published file has the published architecture.'
        )
    path, said = None, ''
    if weights != 'random':  # First of all, so that what is missing is known at once.
        path = locate(found, weights)
        if not arch:
            beside.check_config(found, path, read)
        said = beside.remark(found, path, normalise)
    tensors = checkpoint.read(path) if path else {}
    graph, template = leaves.abstract(lambda: graph_of(a))
    if path is None:
        arrays, identity = leaves.random(template, seed, found.name), f'random-{seed}'
    else:
        identity, shapes = fs.sha256(path), leaves.shapes(template)
        arrays = tables.fill(shapes, tensors, str(path), dict(found.heads))

    def encode(params: Params, wave: Float[Array | np.ndarray, 'B S']) -> Float[Array, 'B L T D']:
        return leaves.module(graph, params)(jnp.asarray(wave))

    described = describe(found, a, identity, str(path) if weights else '', said)
    if arch not in ('', 'tiny'):  # A config decides on norms that no shape shows.
        identity += f'-{fs.digest(a._asdict(), 8)}'
    return Encoder(described, leaves.place(template, arrays), encode, identity)


def locate(found: WaveCard, weights: str) -> Path:
    """The weights file: the one named, in either format that Hugging Face folders hold.

    Raises:
        WeightsError: it is nowhere.
    """
    if weights and Path(weights).expanduser().is_dir():
        folder = Path(weights).expanduser()
        for name in (found.weights.filename, *NAMES):
            if (folder / name).is_file():
                return folder / name
    elif not weights and found.weights.kind == 'hub':
        for name in (found.weights.filename, *NAMES):
            cached = hub.cached(dataclasses.replace(found.weights, filename=name))
            if cached:
                return cached
    return hub.locate(found.weights, weights, f'encoder {found.name}')


def describe(found: WaveCard, a: Architecture, identity: str, given: str, said: str) -> WaveCard:
    """The card of what was built, which is another model where sizes or weights are others.

    Args:
        found: the card of the published model.
        a: what was built.
        identity: the file's sha256, or 'random-<seed>'.
        given: the file that the user named, '' for the published one's place.
        said: a remark on the weights, '' for none.
    """
    changes: dict[str, Any] = {'title': found.title}
    published = a == found.architecture
    if not published:
        changes = {
            'title': f'{found.title}, architecture of {a.depth} blocks of width {a.width}',
            'architecture': a,
            'layers': card.layers(a),
            'mix': tuple(range(1, a.depth + 1)),
            'frame_rate': found.sample_rate / architecture.hop(a),
            'min_samples': architecture.field(a),
            'gflop_per_second': architecture.gflop_per_second(
                a, found.sample_rate, found.window_seconds
            ),
        }
    described = of_weights(
        dataclasses.replace(found, **changes),
        identity,
        given,
        found.weights.sha256,
        resized=not published,
        sha256=identity,
    )
    if said:
        return dataclasses.replace(described, title=f'{described.title}; {said}')
    return described
