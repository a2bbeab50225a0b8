"""The mask head, written for one probe: Open-Unmix's network on frozen frames (spec/tasks.md 7.10).

    [mix ->] fc1 -> BN -> tanh -> LSTM -> (beside what entered it) fc2 -> BN -> ReLU -> fc3 -> BN
    -> scale and shift per frequency -> ReLU

Linear layers have no bias. The answer multiplies the mixture's magnitudes. Parameters are a dict
of arrays in torch's shapes; running means and variances of the batch norms stand apart, as they
are no matter of the optimiser. Open-Unmix's learned shift and scale of the input are left out: fc1
and its batch norm can do all they do.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxprobe.core.rng import random_state
from jaxprobe.probes import draws

Params = dict[str, Any]
Stats = dict[str, dict[str, Any]]  # Of bn1, bn2 and bn3: mean and var.

_PRECISION = jax.lax.Precision.HIGHEST
_EPSILON, _MOMENTUM = 1e-5, 0.1  # torch's, of batch norms.


class MaskHead(NamedTuple):
    """Shape of a head: F frequencies, H units, layers of LSTM, dropout between those."""

    bins: int = 1025
    hidden: int = 512
    lstm_layers: int = 3
    bidirectional: bool = False
    dropout: float = 0.4

    @property
    def directions(self) -> int:
        """1 or 2; of two, each has half of the units."""
        return 2 if self.bidirectional else 1


def init(
    origin: draws.Origin, head: MaskHead, n_in: int, *, mixed: int = 0, pad_to: int = 0
) -> tuple[Params, Stats]:
    """Draws one head, on the host, as torch draws its parts.

    Args:
        origin: of the seed; heads of one shape and seed start equal, whatever target they learn.
        head: its shape.
        n_in: width D of the embeddings.
        mixed: number of layers whose weights are learned; 0 for a fixed source.
        pad_to: width of the rows it will be fed; columns beyond `n_in` meet zeros.
    """
    units, each = head.hidden, head.hidden // head.directions
    fc1 = _uniform(origin, 'fc1', (units, n_in), n_in)
    params: Params = {
        'fc1': np.pad(fc1, ((0, 0), (0, max(0, pad_to - n_in)))),
        'lstm': tuple(
            tuple(_lstm(origin, (layer, way), units, each) for way in range(head.directions))
            for layer in range(head.lstm_layers)
        ),
        'fc2': _uniform(origin, 'fc2', (units, 2 * each * head.directions), 2 * units),
        'fc3': _uniform(origin, 'fc3', (head.bins, units), units),
        'output_scale': np.ones(head.bins, np.float32),
        'output_mean': np.ones(head.bins, np.float32),
    }
    stats: Stats = {}
    for name, width in (('bn1', units), ('bn2', units), ('bn3', head.bins)):
        ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
        params[name] = {'scale': ones, 'shift': zeros}
        stats[name] = {'mean': zeros, 'var': ones}
    if mixed:
        params['mix'] = draws.mix_logits(origin, mixed)
    return params, stats


def blend(params: Params, x: Float[Array, 'L B T D']) -> Float[Array, 'B T D']:
    """The softmax-weighted sum of layers; for a fixed source the one view there is."""
    if 'mix' not in params:
        return x[0]
    return jnp.einsum('l,lbtd->btd', jax.nn.softmax(params['mix']), x, precision=_PRECISION)


def apply(
    params: Params,
    stats: Stats,
    x: Float[Array, 'B T D'],
    real: Bool[Array, 'B'] | None = None,
    keeps: Sequence[Bool[Array, 'B T H']] = (),
    dropout: float = 0.0,
) -> tuple[Float[Array, 'B T F'], Stats]:
    """Runs one head over windows.

    Args:
        params, stats: from `init`.
        x: the windows, already blended.
        real: in training, which windows batch norms see, the others being there for the shape;
            None to evaluate, with the running means.
        keeps: one mask per LSTM layer but the last; none to evaluate.
        dropout: share dropped; survivors are scaled by 1 / (1 - dropout).

    Returns:
        The masks, at least 0, and the running means after this batch.
    """
    new: Stats = {}

    def norm(name: str, x: Float[Array, 'B T _']) -> Float[Array, 'B T _']:
        out, new[name] = _batch_norm(params[name], stats[name], x, real)
        return out

    x = jnp.tanh(norm('bn1', _linear(params['fc1'], x)))
    inner = x
    for layer, ways in enumerate(params['lstm']):
        if layer and len(keeps):
            inner = inner * (keeps[layer - 1].astype(x.dtype) * (1 / (1 - dropout)))
        found = [_run(way, inner, reverse=bool(k)) for k, way in enumerate(ways)]
        inner = jnp.concatenate(found, axis=-1)
    x = jnp.concatenate([x, inner], axis=-1)
    x = jax.nn.relu(norm('bn2', _linear(params['fc2'], x)))
    x = norm('bn3', _linear(params['fc3'], x))
    x = x * params['output_scale'][None, None] + params['output_mean'][None, None]
    return jax.nn.relu(x), new


def _linear(weight: Float[Array, 'O I'], x: Float[Array, 'B T I']) -> Float[Array, 'B T O']:
    return jnp.matmul(x, weight.T, precision=_PRECISION)


def _batch_norm(
    params: Params, stats: Params, x: Float[Array, 'B T C'], real: Bool[Array, 'B'] | None
) -> tuple[Float[Array, 'B T C'], Params]:
    """torch's: the batch's own moments in training, of which the running ones take a tenth."""
    if real is None:
        mean, var, new = stats['mean'], stats['var'], stats
    else:
        weight = real.astype(x.dtype)[:, None, None]
        count = jnp.sum(weight) * x.shape[1]
        mean = jnp.sum(x * weight, axis=(0, 1)) / count
        var = jnp.sum((x - mean[None, None]) ** 2 * weight, axis=(0, 1)) / count
        unbiased = var * count / jnp.maximum(count - 1, 1)
        new = {
            'mean': (1 - _MOMENTUM) * stats['mean'] + _MOMENTUM * mean,
            'var': (1 - _MOMENTUM) * stats['var'] + _MOMENTUM * unbiased,
        }
    scale = params['scale'] * jax.lax.rsqrt(var + _EPSILON)
    return (x - mean[None, None]) * scale[None, None] + params['shift'][None, None], new


def _run(p: Params, x: Float[Array, 'B T I'], *, reverse: bool) -> Float[Array, 'B T H']:
    """One direction of one layer; gates in torch's order: input, forget, cell, output."""
    into = _linear(p['weight_ih'], x) + (p['bias_ih'] + p['bias_hh'])[None, None]

    def step(carry, z):
        h, c = carry
        z = z + jnp.matmul(h, p['weight_hh'].T, precision=_PRECISION)
        i, f, g, o = jnp.split(z, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((x.shape[0], p['weight_hh'].shape[1]), x.dtype)
    _, out = jax.lax.scan(step, (zero, zero), jnp.moveaxis(into, 1, 0), reverse=reverse)
    return jnp.moveaxis(out, 0, 1)


def _lstm(origin: draws.Origin, place: tuple[int, int], n_in: int, units: int) -> Params:
    shapes = {
        'weight_ih': (4 * units, n_in),
        'weight_hh': (4 * units, units),
        'bias_ih': (4 * units,),
        'bias_hh': (4 * units,),
    }
    return {
        name: _uniform(origin, f'lstm {place} {name}', shape, units)
        for name, shape in shapes.items()
    }


def _uniform(
    origin: draws.Origin, name: str, shape: tuple[int, ...], fan_in: int
) -> Float[np.ndarray, '...']:
    random = random_state(origin.root, 'bank', origin.task, origin.seed, 'mask head', name)
    bound = 1 / math.sqrt(fan_in)
    return random.uniform(-bound, bound, shape).astype(np.float32)


def count(head: MaskHead, n_in: int) -> int:
    """Parameters of a head, running means not counted."""
    units, each = head.hidden, head.hidden // head.directions
    lstm = 4 * each * (units + each + 2) * head.directions * head.lstm_layers
    linear = units * (n_in + 2 * each * head.directions + head.bins)
    return lstm + linear + sum(itertools.repeat(2 * units, 2)) + 4 * head.bins
