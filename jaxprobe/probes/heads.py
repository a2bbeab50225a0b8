"""The head, written for one probe: [mix ->] (Linear -> ReLU -> Dropout)* -> Linear.

Parameters are a dict: `layers`, a tuple of {weight [out, in], bias [out]} as torch stores them
(so the gradient of a weight needs no transposed pass over it), and `mix` [L] where the layer
weights are learned. There is no normalisation and no dropout on the input (spec/tasks.md, 2).
"""

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxprobe.probes import draws

Params = dict[str, Any]

# On accelerators the default would be tensor cores at 10 bits: to be asked for by name.
FLOAT32 = jax.lax.Precision.HIGHEST
TF32 = jax.lax.DotAlgorithmPreset.TF32_TF32_F32


def init(
    origin: draws.Origin,
    n_in: int,
    hidden: Sequence[int],
    n_out: int,
    *,
    mixed: int = 0,
    pad_to: int = 0,
) -> Params:
    """Draws one head, on the host.

    Args:
        origin: of the seed; heads of one shape and seed start equal.
        n_in: width D of the embeddings.
        hidden: widths of the hidden layers.
        n_out: number of outputs C.
        mixed: number of layers whose weights are learned; 0 for a fixed source.
        pad_to: width of the rows it will be fed; columns beyond `n_in` meet zeros, and stay zero.
    """
    widths = [n_in, *hidden, n_out]
    layers = [draws.linear(origin, i, a, b) for i, (a, b) in enumerate(itertools.pairwise(widths))]
    if pad_to > n_in:
        layers[0]['weight'] = np.pad(layers[0]['weight'], ((0, 0), (0, pad_to - n_in)))
    params: Params = {'layers': tuple(layers)}
    if mixed:
        params['mix'] = draws.mix_logits(origin, mixed)
    return params


def blend(
    params: Params, x: Float[Array, 'L R D'], precision: Any = FLOAT32
) -> Float[Array, 'R D']:
    """The softmax-weighted sum of layers; for a fixed source the one view there is."""
    if 'mix' not in params:
        return x[0]
    return jnp.einsum('l,lrd->rd', jax.nn.softmax(params['mix']), x, precision=precision)


def apply(
    params: Params,
    x: Float[Array, 'R D'],
    keeps: Sequence[Bool[Array, 'R H']] = (),
    dropout: float = 0.0,
    precision: Any = FLOAT32,
) -> Float[Array, 'R C']:
    """Runs one head over rows.

    Args:
        params: from `init`.
        x: the rows, already blended.
        keeps: one mask per hidden layer; none when the head is being evaluated.
        dropout: share dropped; survivors are scaled by 1 / (1 - dropout).
        precision: of the matrix products, `FLOAT32` or `TF32`.
    """
    *inner, last = params['layers']
    # Rows run along columns inside: then neither the product with a weight, nor that weight's
    # gradient, has to turn the weight about, which is far larger than the rows of a step are.
    x = x.T
    for i, layer in enumerate(inner):
        x = jax.nn.relu(_linear(layer, x, precision))
        if keeps:
            x = x * (keeps[i].T.astype(x.dtype) * (1 / (1 - dropout)))
    return _linear(last, x, precision).T


def _linear(layer: Params, x: Float[Array, 'A R'], precision: Any) -> Float[Array, 'B R']:
    return jnp.matmul(layer['weight'], x, precision=precision) + layer['bias'][:, None]
