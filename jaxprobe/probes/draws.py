"""Everything random in a bank, derived from (root, task, seed, epoch, step) and from nothing else.

A layer or a learning rate never enters, so cells of one seed see the same batches and the same
dropout masks and start from the same weights, as separate runs with one seed would. Keys are
threefry by name: other generators give other numbers under vmap.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from jaxprobe.core.rng import derive

_INIT, _SHUFFLE, _DROPOUT, _MIX = range(4)


def seed_key(root: int, task: str, seed: int) -> Key[Array, '']:
    """The key from which everything of one seed of one task is drawn."""
    number = np.uint32(derive(root, 'bank', task, seed))
    return jax.random.key(number, impl='threefry2x32')


def permutation(key: Key[Array, ''], epoch: int | Int[Array, ''], n: int) -> Int[Array, 'N']:
    """The order of the items in one epoch."""
    return jax.random.permutation(jax.random.fold_in(jax.random.fold_in(key, _SHUFFLE), epoch), n)


def keep(
    key: Key[Array, ''],
    epoch: int | Int[Array, ''],
    step: int | Int[Array, ''],
    shape: tuple[int, int],
    layer: int,
    dropout: float,
) -> Bool[Array, 'R H']:
    """Which hidden units of hidden layer `layer` survive in one step.

    Rows lead the shape, so a larger row count (padding) leaves the first rows' masks as they
    were.
    """
    for number in (_DROPOUT, epoch, step, layer):
        key = jax.random.fold_in(key, number)
    return jax.random.bernoulli(key, 1 - dropout, shape)


def linear(
    key: Key[Array, ''], layer: int, n_in: int, n_out: int
) -> dict[str, Float[Array, '...']]:
    """torch's initial `nn.Linear`: weight [out, in] and bias uniform in +-1/sqrt(in)."""
    key = jax.random.fold_in(jax.random.fold_in(key, _INIT), layer)
    bound = 1 / math.sqrt(n_in)
    k_weight, k_bias = jax.random.split(key)
    return {
        'weight': jax.random.uniform(k_weight, (n_out, n_in), jnp.float32, -bound, bound),
        'bias': jax.random.uniform(k_bias, (n_out,), jnp.float32, -bound, bound),
    }


def mix_logits(key: Key[Array, ''], n_layers: int) -> Float[Array, 'L']:
    """Initial layer weights before the softmax: N(0, 1), as MARBLE v1 draws them."""
    return jax.random.normal(jax.random.fold_in(key, _MIX), (n_layers,), jnp.float32)
