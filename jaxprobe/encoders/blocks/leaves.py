"""A flax module as a flat dict of named leaves and back: the boundary the rest never crosses.

`{'stem.linear.kernel': array, ...}` is what checkpoints fill, what fingerprints name and what
`encode` takes; graph definitions stay inside the family that made them.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxprobe.core import rng

Leaves = dict[str, jax.Array]


def abstract(make: Callable[[], nnx.Module]) -> tuple[Any, dict[str, jax.ShapeDtypeStruct]]:
    """Splits a module that is never allocated.

    Returns:
        The graph definition, and every leaf's shape and dtype by dotted name.
    """
    graph, state = nnx.split(nnx.eval_shape(make))
    flat = nnx.to_flat_state(state)
    return graph, {'.'.join(str(part) for part in path): leaf.get_value() for path, leaf in flat}


def module(graph: Any, leaves: Mapping[str, Any]) -> Any:
    """Puts leaves back into their module; cheap, and meant for inside `encode`."""
    tree: dict[Any, Any] = {}
    for name, leaf in leaves.items():
        *parents, last = (int(part) if part.isdigit() else part for part in name.split('.'))
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        node[last] = leaf
    return nnx.merge(graph, tree)


def shapes(template: Mapping[str, jax.ShapeDtypeStruct]) -> dict[str, tuple[int, ...]]:
    """The template as the loader wants it."""
    return {name: tuple(leaf.shape) for name, leaf in template.items()}


def place(template: Mapping[str, jax.ShapeDtypeStruct], arrays: Mapping[str, np.ndarray]) -> Leaves:
    """Puts host arrays on the device in the template's dtypes, one at a time."""
    return {
        name: jnp.asarray(np.ascontiguousarray(arrays[name]), dtype=leaf.dtype)
        for name, leaf in template.items()
    }


def random(
    template: Mapping[str, jax.ShapeDtypeStruct], seed: int, name: str
) -> dict[str, np.ndarray]:
    """Draws every leaf from its own seed: norms are identities, biases zero, kernels uniform.

    The bound `sqrt(3 / fan_in)` keeps the variance of what passes through, so that an untrained
    stack neither fades nor bursts; it is a control, not a starting point for training.

    Args:
        template: the leaves, by dotted name.
        seed: the run's seed.
        name: whose weights they are; another encoder draws others.
    """
    return {leaf: _draw(leaf, t.shape, seed, name) for leaf, t in template.items()}


def _draw(leaf: str, shape: tuple[int, ...], seed: int, name: str) -> np.ndarray:
    kind = leaf.rsplit('.', 1)[-1]
    if kind == 'scale':
        return np.ones(shape, np.float32)
    if kind != 'kernel':
        return np.zeros(shape, np.float32)
    bound = math.sqrt(3.0 / math.prod(shape[:-1]))
    state = rng.random_state(seed, name, leaf)
    return state.uniform(-bound, bound, shape).astype(np.float32)
