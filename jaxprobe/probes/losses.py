"""Losses, written for one probe: a number per row or per item, before any mean.

multiclass and key: cross-entropy; multilabel: binary cross-entropy, mean over tags;
regression: squared error, mean over outputs. No class weights. `squares` is what L2
regularisation weighs.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped


def per_row(
    kind: str, logits: Float[Array, 'R C'], targets: Shaped[Array, 'R *outputs']
) -> Float[Array, 'R']:
    """The loss of every row. `targets` are class indices [R], or [R, C] tags or values."""
    if kind in ('multiclass', 'key'):
        chosen = jnp.take_along_axis(logits, targets[:, None], axis=-1)[:, 0]
        return jax.nn.logsumexp(logits, axis=-1) - chosen
    if kind == 'multilabel':
        return jnp.mean(_per_tag(logits, targets), axis=-1)
    return jnp.mean((logits - targets) ** 2, axis=-1)


def _per_tag(logits: Float[Array, 'R C'], targets: Shaped[Array, 'R C']) -> Float[Array, 'R C']:
    return jax.nn.relu(logits) - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))


def there(kind: str, targets: Shaped[Array, 'R *outputs']) -> Bool[Array, 'R']:
    """Frames that have a target: a class, or a number for some tag."""
    if kind == 'multiclass':
        return targets >= 0
    return jnp.any(jnp.isfinite(targets), axis=-1)


def of_frames(
    kind: str,
    logits: Float[Array, 'R C'],
    targets: Shaped[Array, 'R *outputs'],
    n_rows: Shaped[Array, ''] | int,
) -> Float[Array, '']:
    """The mean over those of the first `n_rows` rows that have a target; 0 where none has.

    A tag of which a frame has no number (nan) adds nothing to the frame's loss.
    """
    counts = there(kind, targets) & (jnp.arange(logits.shape[0]) < n_rows)
    if kind == 'multiclass':
        rows = per_row(kind, logits, jnp.maximum(targets, 0))
    else:
        each = _per_tag(logits, jnp.nan_to_num(targets))
        rows = jnp.mean(jnp.where(jnp.isfinite(targets), each, 0.0), axis=-1)
    losses = jnp.where(counts, rows, 0.0)
    return jnp.sum(losses) / jnp.maximum(jnp.sum(counts), 1).astype(losses.dtype)


def masked_mean(losses: Float[Array, 'R'], n_rows: Shaped[Array, '']) -> Float[Array, '']:
    """The mean over the first `n_rows` rows; the rest is padding and weighs nothing."""
    mask = jnp.arange(losses.shape[0]) < n_rows
    return jnp.sum(jnp.where(mask, losses, 0.0)) / n_rows.astype(losses.dtype)


def squares(params: dict[str, Any]) -> Float[Array, '']:
    """Sum of squares of a head's weights and biases; the logits of a learned mix are left free."""
    return sum(
        (jnp.sum(leaf**2) for leaf in jax.tree.leaves(params['layers'])), start=jnp.zeros(())
    )
