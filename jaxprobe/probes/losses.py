"""Losses, written for one probe: a number per row or per item, before any mean.

multiclass and key: cross-entropy; multilabel: binary cross-entropy, mean over tags;
regression: squared error, mean over outputs. No class weights. `total` is the masked mean.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped


def per_row(
    kind: str, logits: Float[Array, 'R C'], targets: Shaped[Array, 'R *outputs']
) -> Float[Array, 'R']:
    """The loss of every row. `targets` are class indices [R], or [R, C] tags or values."""
    if kind in ('multiclass', 'key'):
        chosen = jnp.take_along_axis(logits, targets[:, None], axis=-1)[:, 0]
        return jax.nn.logsumexp(logits, axis=-1) - chosen
    if kind == 'multilabel':
        losses = jax.nn.relu(logits) - logits * targets + jnp.log1p(jnp.exp(-jnp.abs(logits)))
        return jnp.mean(losses, axis=-1)
    return jnp.mean((logits - targets) ** 2, axis=-1)


def masked_mean(losses: Float[Array, 'R'], n_rows: Shaped[Array, '']) -> Float[Array, '']:
    """The mean over the first `n_rows` rows; the rest is padding and weighs nothing."""
    mask = jnp.arange(losses.shape[0]) < n_rows
    return jnp.sum(jnp.where(mask, losses, 0.0)) / n_rows.astype(losses.dtype)
