"""Builds the EffNet-Discogs encoders for `jaxprobe.encoders.base.load`."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Encoder, Layer
from jaxprobe.encoders.blocks.precision import Precision, precision
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.effnet_discogs import architecture, frontend, inlining, layers, ops, program
from jaxprobe.encoders.effnet_discogs.architecture import Arch
from jaxprobe.encoders.effnet_discogs.layers import Found, Map
from jaxprobe.encoders.effnet_discogs.program import Program
from jaxprobe.encoders.loading import frozen_graph, hub
from jaxprobe.encoders.loading.frozen_graph import Graph

Network = Callable[[Any, Float[Array, 'B T F']], tuple[Array, ...]]
ROWS = 64  # The published graphs' batch.


def build(card: Card, *, weights: str, arch: str, dtype: str, seed: int) -> Encoder:
    """Builds either model; see `jaxprobe.encoders.base.load`.

    Raises:
        ConfigError: an architecture or dtype that does not exist here, or the published weights
            for the tiny one.
        WeightsError: the file is absent, damaged, or of another model.
    """
    sizes, numbers = architecture.resolve(arch, card.layers[-1].width), precision(dtype)
    if arch and not weights:
        raise ConfigError(
            f"encoder.arch={arch!r} needs encoder.weights='random', or the path of a graph of "
            f'that size: the published file is an EfficientNet-B0.'
        )
    if weights == 'random':
        graph, source = architecture.graph(sizes, ROWS, seed, card.name), f'random {card.name}'
        identity = f'random-{seed}'
    else:
        path = hub.locate(card.weights, weights, f'encoder {card.name}')
        graph, source, identity = frozen_graph.read(path), str(path), fs.sha256(path)
    weights_of, network = opened(graph, sizes, numbers, source)
    params = {
        'graph': weights_of,
        'window': jnp.asarray(frontend.hann(), jnp.float32),
        'mel': jnp.asarray(frontend.mel_filters(), jnp.float32),
    }

    def encode(params: Any, wave: Float[Array | np.ndarray, 'B S']) -> tuple[Array, ...]:
        mel = frontend.log_mel(params['window'], params['mel'], jnp.asarray(wave))
        return network(params['graph'], mel)

    return Encoder(_described(card, sizes, identity, weights), params, encode, identity)


def opened(
    graph: Graph, sizes: Arch, numbers: Precision, source: str
) -> tuple[dict[str, Array], Network]:
    """Makes a graph ready to run.

    Args:
        graph: as read or as built.
        sizes: what it should be.
        numbers: the compute dtype.
        source: what the user knows the graph by.

    Returns:
        Its weights, and `(weights, mel [B 128 96]) -> layers` in depth order.

    Raises:
        WeightsError: it is another network, or cannot be run.
    """
    flat = inlining.flatten(graph, source, ops.of_constants)
    found = layers.find(flat, sizes, source)
    prepared = program.prepare(flat, found.refs, source)
    return program.parameters(prepared, numbers), _by_rows(prepared, found, numbers)


def _by_rows(prepared: Program, found: Found, numbers: Precision) -> Network:
    """The network for any number of rows.

    A graph is frozen for a batch (64, or 1). Where that number stands only in shapes that begin
    with it, the graph runs for the rows there are; where it does not, rows are encoded in groups
    of that size, the last one filled up with zeros that are dropped again.
    """

    def network(weights: Any, mel: Float[Array, 'B T F']) -> tuple[Array, ...]:
        values = program.run(prepared, weights, mel, found.refs, numbers)
        *maps, embedding, predictions = (value.astype(jnp.float32) for value in values)
        pooled = [_over_mel(m, value) for m, value in zip(found.maps, maps, strict=True)]
        return *pooled, embedding[:, None], predictions[:, None]

    def grouped(weights: Any, mel: Float[Array, 'B T F']) -> tuple[Array, ...]:
        rows, size = mel.shape[0], prepared.baked
        mel = jnp.pad(mel, ((0, -rows % size), (0, 0), (0, 0)))
        groups = mel.reshape(-1, size, *mel.shape[1:])
        done = lax.map(lambda group: network(weights, group), groups)
        return tuple(layer.reshape(-1, *layer.shape[2:])[:rows] for layer in done)

    return network if not prepared.baked or layers.any_rows(prepared, found) else grouped


def _over_mel(layer: Map, value: Float[Array, 'B X Y Z']) -> Float[Array, 'B T D']:
    """The mean over mel bands, time before channels."""
    return value.transpose(0, layer.time, layer.mel, layer.channel).mean(axis=2)


def _described(card: Card, sizes: Arch, identity: str, weights: str) -> Card:
    """The card of what was built."""
    changes: dict[str, Any] = {'title': card.title}
    if sizes != architecture.resolve('', sizes.outputs):
        names = (*sizes.names, 'top')
        widths = (*(stage.width for stage in sizes.stages), sizes.top)
        changes['title'] += ', tiny'
        changes['layers'] = (
            *(Layer(name, width) for name, width in zip(names, widths, strict=True)),
            Layer('embedding', sizes.top, frames=False),
            Layer('predictions', sizes.outputs, frames=False),
        )
    resized = 'layers' in changes
    built = dataclasses.replace(card, **changes)
    return of_weights(built, identity, weights, resized=resized, sha256=identity)
