"""Builds OpenL3 for `jaxprobe.encoders.base.load`."""

import dataclasses
import functools
from typing import Any

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Encoder, Layer
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.loading import hub
from jaxprobe.encoders.loading.identity import tensors_sha256
from jaxprobe.encoders.openl3 import model
from jaxprobe.encoders.openl3 import weights as tables
from jaxprobe.encoders.openl3.weights import Arch
from jaxprobe.encoders.options import Options

TINY = Arch(widths=(3, 4, 5, 6))


def build(
    card: Card, *, weights: str, arch: str, dtype: str, seed: int, options: Options
) -> Encoder:
    """Builds the encoder; see `jaxprobe.encoders.base.load` for the arguments.

    Raises:
        ConfigError: an unknown dtype or architecture, or published weights for a tiny one.
        WeightsError: the file is absent, damaged or belongs to another model.
    """
    sizes = _sizes(arch, weights)
    precision(dtype)  # Refuses an unknown one before anything is read.
    tensors, identity = _tensors(card, sizes, weights, seed)
    encode = functools.partial(model.encode, centred=options['frontend'] == 'librosa')
    described = describe(card, sizes, identity, weights)
    return Encoder(described, model.make_params(tensors, dtype), encode, identity)


def _sizes(arch: str, given: str) -> Arch:
    if arch not in ('', 'tiny'):
        raise ConfigError(
            f'encoder.arch={arch!r}: openl3 is one published architecture; leave it empty, or '
            f"write 'tiny' for a small one of the same code."
        )
    if arch and not given:
        raise ConfigError(
            f"encoder.arch={arch!r} needs weights of that size: encoder.weights='random', or the "
            f'path of its file. The published file has the published architecture.'
        )
    return TINY if arch else Arch()


def _tensors(card: Card, sizes: Arch, given: str, seed: int) -> tuple[dict[str, Any], str]:
    if given == 'random':
        return tables.random(sizes, seed), f'random-{seed}'
    path = hub.locate(card.weights, given, f'encoder {card.name}')
    tensors = tables.read(sizes, path)
    return tensors, tensors_sha256(tensors)


def describe(card: Card, sizes: Arch, identity: str, given: str) -> Card:
    """The card of what was built, which is another model where sizes or weights are others."""
    changes: dict[str, Any] = {}
    if sizes != Arch():
        *maps, last = sizes.widths
        widths = [*maps, last, last, last, 12 * last]
        changes['layers'] = tuple(
            Layer(layer.name, width, frames=False)
            for layer, width in zip(card.layers, widths, strict=True)
        )
    built = dataclasses.replace(card, **changes)
    return of_weights(built, identity, given, resized=sizes != Arch())
