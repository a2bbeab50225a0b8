"""jax twins of the metrics that choose epochs: one probe's item scores in, one number out.

They agree with scikit-learn and mir_eval to 1e-6 (`tests/probes/scores_test.py`). `metrics/`
stays the authority for everything that is printed; these exist because the monitor must be
known inside the compiled epoch.

Tags without a positive (or, for ROC-AUC, without a negative) item have no score and are left
out of the macro mean; if that leaves no tag, `defined` says so before training starts.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from jaxprobe.probes import losses

_MAJOR_KEYS = 12


def accuracy(targets: Int[Array, 'N'], logits: Float[Array, 'N C']) -> Float[Array, '']:
    """Share of items whose largest logit is the target's; the first of equal logits counts."""
    return jnp.mean((jnp.argmax(logits, axis=-1) == targets).astype(jnp.float32))


def roc_auc(targets: Float[Array, 'N C'], logits: Float[Array, 'N C']) -> Float[Array, '']:
    """Macro ROC-AUC; ties count one half (the Mann-Whitney statistic)."""
    area, positives = jax.vmap(_auc_of_tag, (1, 1))(targets, logits)
    return _macro(area, (positives > 0) & (positives < targets.shape[0]))


def average_precision(
    targets: Float[Array, 'N C'], logits: Float[Array, 'N C']
) -> Float[Array, '']:
    """Macro average precision, sum of (R_n - R_{n-1}) P_n over distinct thresholds."""
    value, positives = jax.vmap(_ap_of_tag, (1, 1))(targets, logits)
    return _macro(value, positives > 0)


def r2(targets: Float[Array, 'N C'], outputs: Float[Array, 'N C']) -> Float[Array, '']:
    """1 - SSE / SST per output, then the plain mean; a constant target scores 0, or 1 if met."""
    error = jnp.sum((targets - outputs) ** 2, axis=0)
    spread = jnp.sum((targets - jnp.mean(targets, axis=0)[None, :]) ** 2, axis=0)
    # Not `spread == 0`: the float32 mean of a constant is not the constant.
    constant = jnp.max(targets, axis=0) == jnp.min(targets, axis=0)
    value = 1 - error / jnp.where(constant, 1.0, spread)
    return jnp.mean(jnp.where(constant, jnp.where(error == 0, 1.0, 0.0), value))


def weighted_key_score(targets: Int[Array, 'N'], scores: Float[Array, 'N 24']) -> Float[Array, '']:
    """MIREX key score: 1 same, .5 a fifth above, .3 relative, .2 parallel (mir_eval.key)."""
    table = jnp.asarray(key_table())
    return jnp.mean(table[targets, jnp.argmax(scores, axis=-1)])


def key_table() -> Float[np.ndarray, '24 24']:
    """Points for [reference, estimate]; 0-11 are C..B major, 12-23 C..B minor."""
    table = np.zeros((24, 24), np.float32)
    for reference in range(24):
        tonic, minor = reference % 12, reference // _MAJOR_KEYS
        fifth = (tonic + 7) % 12 + 12 * minor
        relative = (tonic + (3 if minor else 9)) % 12 + 12 * (1 - minor)
        parallel = tonic + 12 * (1 - minor)
        table[reference, [reference, fifth, relative, parallel]] = (1.0, 0.5, 0.3, 0.2)
    return table


def item_loss(
    kind: str, targets: Shaped[Array, 'N *outputs'], logits: Float[Array, 'N C']
) -> Float[Array, '']:
    """Mean loss over items, after aggregation."""
    return jnp.mean(losses.per_row(kind, logits, targets))


def of_frames(
    name: str, kind: str, targets: Shaped[Array, 'R *outputs'], logits: Float[Array, 'R C']
) -> Float[Array, '']:
    """The monitor called `name` over the frames that have a target; see `FRAME_MONITORS`."""
    if name == 'loss':
        return losses.of_frames(kind, logits, targets, len(logits))
    counts = losses.there(kind, targets)
    right = (jnp.argmax(logits, axis=-1) == targets) & counts
    return jnp.sum(right).astype(logits.dtype) / jnp.maximum(jnp.sum(counts), 1)


def monitor(
    name: str, kind: str, targets: Shaped[Array, 'N *outputs'], logits: Float[Array, 'N C']
) -> Float[Array, '']:
    """The monitor called `name`; see `spec.MONITORS`."""
    if name == 'loss':
        return item_loss(kind, targets, logits)
    function = {
        'accuracy': accuracy,
        'roc_auc': roc_auc,
        'ap': average_precision,
        'r2': r2,
        'weighted_score': weighted_key_score,
    }[name]
    return function(targets, logits)


def _macro(values: Float[Array, 'C'], there: Shaped[Array, 'C']) -> Float[Array, '']:
    return jnp.sum(jnp.where(there, values, 0.0)) / jnp.maximum(jnp.sum(there), 1)


def _below(targets: Float[Array, 'N'], scores: Float[Array, 'N']):
    """One tag's items by ascending score: target, positives below, items below (ties are not).

    A loop over items, not prefix scans: those take seconds to compile.
    """
    scores, targets = jax.lax.sort((scores, targets), num_keys=1)
    tied = jnp.concatenate([jnp.zeros((1,), bool), scores[1:] == scores[:-1]])

    def step(carry, item):
        positives, rank, below = carry
        target, is_tied = item
        below = jax.tree.map(
            lambda old, new: jnp.where(is_tied, old, new), below, (positives, rank)
        )
        return (positives + target, rank + 1, below), below

    zero = jnp.zeros((), scores.dtype)
    _, below = jax.lax.scan(step, (zero, zero, (zero, zero)), (targets, tied))
    return targets, *below


def _auc_of_tag(targets: Float[Array, 'N'], scores: Float[Array, 'N']):
    y, positives_below, items_below = _below(targets, scores)
    positive, negative = jnp.maximum(jnp.sum(y), 1), jnp.maximum(jnp.sum(1 - y), 1)
    # Shares, not counts: a product of two counts would outgrow float32's whole numbers.
    won = jnp.sum(y * ((items_below - positives_below) / negative)) / positive
    lost = jnp.sum((1 - y) * (positives_below / positive)) / negative
    return 0.5 + 0.5 * (won - lost), jnp.sum(y)


def _ap_of_tag(targets: Float[Array, 'N'], scores: Float[Array, 'N']):
    y, positives_below, items_below = _below(targets, scores)
    positive = jnp.sum(y)
    # At an item's threshold everything is taken that is not below it.
    precision = (positive - positives_below) / (y.shape[0] - items_below)
    return jnp.sum(y * precision) / jnp.maximum(positive, 1), positive
