"""Builds MULE for `jaxprobe.encoders.base.load`."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card, Encoder, Layer
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.described import of_weights
from jaxprobe.encoders.loading import hub
from jaxprobe.encoders.loading.identity import tensors_sha256
from jaxprobe.encoders.mule import architecture, model
from jaxprobe.encoders.mule import weights as tables
from jaxprobe.encoders.mule.architecture import TINY, Arch
from jaxprobe.encoders.options import Options

GAIN = {'mono_x1': 1.0, 'official': 0.5}


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
    gain = GAIN[str(options['level'])]
    encode = functools.partial(model.encode, arch=sizes, gain=gain)
    described = describe(card, sizes, identity, weights)
    return Encoder(described, model.make_params(tensors, dtype), encode, identity)


def _sizes(arch: str, given: str) -> Arch:
    if arch not in ('', 'tiny'):
        raise ConfigError(
            f'encoder.arch={arch!r}: mule is one published architecture; leave it empty, or '
            f"write 'tiny' for a small one of the same code."
        )
    if arch and not given:
        raise ConfigError(
            f"encoder.arch={arch!r} needs weights of that size: encoder.weights='random', or the "
            f'path of its file. The published file has the published architecture.'
        )
    return TINY if arch else Arch()


def _tensors(card: Card, sizes: Arch, given: str, seed: int) -> tuple[dict[str, np.ndarray], str]:
    if given == 'random':
        return tables.random(sizes, seed), f'random-{seed}'
    path = Path(given).expanduser() if given else None
    if path is None or not path.is_dir():  # A folder may be either form: `tables` looks.
        path = hub.locate(card.weights, given, f'encoder {card.name}')
    tensors = tables.read(sizes, path)
    return tensors, tensors_sha256(tensors)


def describe(card: Card, sizes: Arch, identity: str, given: str) -> Card:
    """The card of what was built, which is another model where sizes or weights are others."""
    changes: dict[str, Any] = {}
    if sizes != Arch():
        points = architecture.probe_points(sizes)
        changes['layers'] = tuple(Layer(name, width, frames=False) for name, width in points)
    built = dataclasses.replace(card, **changes)
    return of_weights(built, identity, given, resized=sizes != Arch())
