"""Everything random in a bank, derived from (root, task, seed, epoch, step) and from nothing else.

A layer or a learning rate never enters, so cells of one seed see the same batches and the same
dropout masks and start from the same weights, as separate runs with one seed would.

Dropout masks are drawn where they are used, by threefry (by name: other generators give other
numbers under vmap). Initial weights and item orders are small and wanted on the host too, for
streaming, so they come from numpy's frozen legacy streams; that also saves their compilation.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from jaxprobe.core.rng import derive, random_state


class Origin(NamedTuple):
    """What the draws of one seed of one task start from."""

    root: int
    task: str
    seed: int


def origins(root: int, task: str, seeds: Iterable[int]) -> tuple[Origin, ...]:
    """The origins of some seeds."""
    return tuple(Origin(root, task, seed) for seed in seeds)


def order(origin: Origin, epoch: int, n: int) -> Int[np.ndarray, 'N']:
    """The order of the items in one epoch."""
    return random_state(origin.root, 'bank', origin.task, origin.seed, 'order', epoch).permutation(
        n
    )


def borrowed(origins: Sequence[Origin], n: int) -> Int[np.ndarray, 'S N']:
    """For every seed a permutation of the items, by which targets are shuffled as a control."""
    return np.stack(
        [random_state(o.root, 'bank', o.task, o.seed, 'shuffled').permutation(n) for o in origins]
    )


def linear(
    origin: Origin, layer: int, n_in: int, n_out: int
) -> dict[str, Float[np.ndarray, '...']]:
    """torch's initial `nn.Linear`: weight [out, in] and bias uniform in +-1/sqrt(in)."""
    random = _stream(origin, 'linear', layer)
    bound = 1 / math.sqrt(n_in)
    weight = random.uniform(-bound, bound, (n_out, n_in))
    return {
        'weight': weight.astype(np.float32),
        'bias': random.uniform(-bound, bound, n_out).astype(np.float32),
    }


def mix_logits(origin: Origin, n_layers: int) -> Float[np.ndarray, 'L']:
    """Initial layer weights before the softmax: N(0, 1), as MARBLE v1 draws them."""
    random = _stream(origin, 'mix')
    return random.standard_normal(n_layers).astype(np.float32)


def dropout_key(origin: Origin) -> Key[Array, '']:
    """The key of every dropout mask of one seed."""
    number = np.uint32(derive(origin.root, 'bank', origin.task, origin.seed, 'dropout'))
    return jax.random.key(number, impl='threefry2x32')


def keep(
    key: Key[Array, ''],
    epoch: int | Int[Array, ''],
    step: int | Int[Array, ''],
    layer: int,
    shape: tuple[int, int],
    dropout: float,
) -> Bool[Array, 'R H']:
    """Which units of hidden layer `layer` survive in one step.

    Rows lead the shape, so a larger row count (padding) leaves the first rows' masks as they
    were.
    """
    for number in (epoch, step, layer):
        key = jax.random.fold_in(key, number)
    return jax.random.bernoulli(key, 1 - dropout, shape)


def _stream(origin: Origin, *names: object) -> np.random.RandomState:
    return random_state(origin.root, 'bank', origin.task, origin.seed, *names)
