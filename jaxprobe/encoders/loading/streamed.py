"""Stacks the layers of a model that is larger than the memory it is read through.

A stack is allocated once, on its device; the file is mapped anew for every group of layers and let
go after it, since what a mapping has touched counts as held until the mapping ends. So the host
holds the pages of one group and one copied tensor beside the stacks (which are themselves host
memory on a CPU).
"""

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

# The tensors of a checkpoint by their names; called once per group.
Source = Callable[[], Mapping[str, np.ndarray]]


def stack(
    source: Source,
    groups: Sequence[Mapping[str, Sequence[str]]],
    dtypes: Mapping[str, Any],
) -> tuple[dict[str, Array], str]:
    """Fills stacks [groups, members, *shape] tensor by tensor.

    Args:
        source: maps the file; what it returned before has been let go when it is called again.
        groups: our leaf -> their tensors, the members in order; every group names the same leaves
            with as many members.
        dtypes: our leaf -> what the stack holds; None keeps the tensors' own dtype.

    Returns:
        Our leaf -> stack on the default device; and the sha256 of names, shapes, dtypes and
        bytes of all tensors in the order read, as the file has them.
    """
    digest, stacks = hashlib.sha256(), {}
    for index, group in enumerate(groups):
        tensors = source()
        for leaf, names in group.items():
            for member, name in enumerate(names):
                part = np.ascontiguousarray(tensors[name])
                digest.update(f'{name} {part.dtype.str} {part.shape}\n'.encode())
                digest.update(part.reshape(-1).view(np.uint8).data)
                held = np.array(part, dtype=dtypes[leaf] or part.dtype)  # No longer the mapping's.
                if leaf not in stacks:
                    shape = (len(groups), len(names), *held.shape)
                    stacks[leaf] = jnp.zeros(shape, held.dtype)
                stacks[leaf] = _filled(stacks[leaf], held, index, member)
                stacks[leaf].block_until_ready()  # Or copies would queue up.
                del part, held
        del tensors
    return stacks, digest.hexdigest()


@functools.partial(jax.jit, donate_argnums=0)
def _filled(
    stack: Array, part: Array | np.ndarray, group: int | Array, member: int | Array
) -> Array:
    """The stack with one tensor in its place; the memory is the one that was given."""
    return stack.at[group, member].set(part)
