"""From the scores of windows to the scores of items, written for one probe.

Windows are summed one after the other in window order (a gather per window index), never by
scatter: an accelerator would add in any order and two runs would differ in the last bit.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxprobe.probes.spec import ENSEMBLES

_TINY = 1e-30  # Before a logarithm.


class Ragged(NamedTuple):
    """Which rows belong to which item; `most` is the largest count (static)."""

    first: Int[Array, 'N']
    count: Int[Array, 'N']
    most: int


def fold(rows: Float[Array, 'R C'], ragged: Ragged, how: str) -> Float[Array, 'N C']:
    """The sum or the maximum over every item's windows."""
    if ragged.most == 1:
        return rows[ragged.first]
    empty, join = (0.0, jnp.add) if how == 'sum' else (-jnp.inf, jnp.maximum)
    total = jnp.full((ragged.first.shape[0], rows.shape[1]), empty, rows.dtype)

    def add(j, total):
        inside = (j < ragged.count)[:, None]
        here = rows[jnp.where(j < ragged.count, ragged.first + j, 0)]
        return jnp.where(inside, join(total, here), total)

    return jax.lax.fori_loop(0, ragged.most, add, total)


def mean(rows: Float[Array, 'R C'], ragged: Ragged) -> Float[Array, 'N C']:
    """The mean over every item's windows."""
    return fold(rows, ragged, 'sum') / ragged.count[:, None].astype(rows.dtype)


def aggregate(
    rows: Float[Array, 'R C'], ragged: Ragged, kind: str, aggregation: str
) -> Float[Array, 'N C']:
    """Item scores of a clip task; for `probs` the log-odds or log of the mean probability."""
    if aggregation != 'probs' or kind == 'regression':
        return mean(rows, ragged)
    if kind == 'multilabel':
        # Both sums, so that neither end of the odds runs into 1 - p = 0.
        yes, no = (fold(jax.nn.sigmoid(sign * rows), ragged, 'sum') for sign in (1, -1))
        return jnp.log(jnp.maximum(yes, _TINY)) - jnp.log(jnp.maximum(no, _TINY))
    return jnp.log(jnp.maximum(mean(jax.nn.softmax(rows, axis=-1), ragged), _TINY))


def ensembles(rows: Float[Array, 'R C'], ragged: Ragged) -> Float[Array, 'E N C']:
    """The four song-level scores of a key probe, in the order of `spec.ENSEMBLES`.

    vote: windows whose argmax is the key (equal votes go to the lower index); max: largest
    logit; gmean: mean logit; mean: log of the mean probability.
    """
    ballots = jax.nn.one_hot(jnp.argmax(rows, axis=-1), rows.shape[1], dtype=rows.dtype)
    by_name = {
        'vote': fold(ballots, ragged, 'sum'),
        'max': fold(rows, ragged, 'max'),
        'gmean': mean(rows, ragged),
        'mean': jnp.log(jnp.maximum(mean(jax.nn.softmax(rows, axis=-1), ragged), _TINY)),
    }
    return jnp.stack([by_name[name] for name in ENSEMBLES])
