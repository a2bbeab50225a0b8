"""A block: as many cells of one family as are trained together, and its compiled programs.

Every leaf of `Block` leads with the cell axis (the optimiser's step count aside: cells run in
step). A program is compiled once per family and size; finished cells are repacked into fewer
blocks of the same size, so that stopping early costs no compilation.

The functions of one probe (`heads`, `losses`, `items`, `scores`) are mapped over cells here and
nowhere else.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Shaped

from jaxprobe.probes import heads, items, losses, schedule, scores
from jaxprobe.probes.data import Batches
from jaxprobe.probes.schedule import Either, Patience, Schedule

# Adam as torch has it; rates are applied outside, one per cell.
_ADAM = optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)


class Recipe(NamedTuple):
    """What a program must know when it is compiled."""

    kind: str
    dropout: float
    monitor: str
    aggregation: str
    patience: Patience
    mixed: tuple[int, ...]  # Views that are mixed; () where each cell picks one.
    frames: bool = False  # Targets belong to rows.
    l2: float = 0.0  # 0 adds no operation: numbers stay as they are without it.
    tf32: bool = False  # Matrix products in TF32.

    @property
    def precision(self) -> Any:
        """Of the matrix products."""
        return heads.TF32 if self.tf32 else heads.FLOAT32


class Learner(NamedTuple):
    """What a training step changes."""

    params: Any
    adam: Any
    loss: Float[Either, 'P']  # Sum over the steps of this epoch.


class Kept(NamedTuple):
    """The best epoch so far: parameters, schedule, and the key ensemble that was best then."""

    params: Any
    schedule: Schedule
    ensemble: Int[Either, 'P']


class Block(NamedTuple):
    """K cells of a family."""

    learner: Learner
    kept: Kept
    view: Int[Either, 'P']
    seed: Int[Either, 'P']  # Index into the seed axis of the batches.


def start(
    params: Any,
    rates: Float[np.ndarray, 'P'],
    view: Int[np.ndarray, 'P'],
    seed: Int[np.ndarray, 'P'],
    filler: Bool[np.ndarray, 'P'],
    patience: Patience,
) -> Block:
    """A block that has not run, on the host.

    Args:
        params: one head per cell, on the host.
        rates, view, seed: see `Block` and `schedule.Schedule`.
        filler: slots without a cell; they count as finished.
        patience: the protocol's numbers.
    """
    zeros = jax.tree.map(
        lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(_ADAM.init, params)
    )
    learner = Learner(params, zeros, np.zeros(rates.shape, np.float32))
    state = schedule.start(rates, filler, patience)
    return Block(learner, Kept(params, state, np.zeros(rates.shape, np.int32)), view, seed)


class Validation(NamedTuple):
    """The rows of validation on the device, in chunks, and what their scores are held against."""

    chunks: Float[Array, 'n V R D']
    targets: Shaped[Array, 'N *outputs']
    first: Int[Array, 'N']
    count: Int[Array, 'N']


@partial(jax.jit, static_argnames=('recipe', 'most'), donate_argnums=0)
def epochs(
    learner_and_kept: tuple[Learner, Kept],
    view: Int[Array, 'P'],
    seed: Int[Array, 'P'],
    data: Float[Array, 'V M D'],
    targets: Shaped[Array, 'N *outputs'],
    batches: Batches,
    n_steps: int | Int[Array, ''],
    n_epochs: int | Int[Array, ''],
    valid: Validation,
    *,
    recipe: Recipe,
    most: int,
) -> tuple[Learner, Kept]:
    """Runs whole epochs, validation and schedule included, without a word from the host.

    Args:
        learner_and_kept: of the block; donated.
        view, seed: see `Block`.
        data, targets: of training.
        batches: the draws of a number of epochs, `[S E n ...]`.
        n_steps: steps of an epoch, at most n.
        n_epochs: epochs to run, at most E.
        valid: the rows of validation.
        recipe, most: see `judge`.
    """

    def epoch(e, state: tuple[Learner, Kept]) -> tuple[Learner, Kept]:
        learner, kept = state
        learner = learner._replace(loss=jnp.zeros_like(learner.loss))
        drawn = jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, e, 1, False), batches)
        rate = kept.schedule.rate
        learner = train(learner, rate, view, seed, data, targets, drawn, n_steps, recipe=recipe)
        rows = jax.lax.map(
            lambda chunk: forward(learner.params, view, chunk, recipe=recipe), valid.chunks
        )
        joined = jnp.moveaxis(rows, 0, 1).reshape(rows.shape[1], -1, rows.shape[3])
        kept = judge(
            kept,
            learner.params,
            learner.loss,
            (joined,),
            valid.targets,
            valid.first,
            valid.count,
            recipe=recipe,
            most=most,
        )
        return learner, kept

    return jax.lax.fori_loop(0, n_epochs, epoch, learner_and_kept)


@partial(jax.jit, static_argnames='recipe', donate_argnums=0)
def train(
    learner: Learner,
    rate: Float[Array, 'P'],
    view: Int[Array, 'P'],
    seed: Int[Array, 'P'],
    data: Float[Array, 'V M D'],
    targets: Shaped[Array, 'N *outputs'],
    batches: Batches,
    n_steps: int | Int[Array, ''],
    *,
    recipe: Recipe,
) -> Learner:
    """Runs `n_steps` training steps. Finished cells train on; nothing of theirs is kept."""

    def loss_of(params, x, targets, keeps, n_rows):
        blended = heads.blend(params, x, recipe.precision)
        logits = heads.apply(params, blended, keeps, recipe.dropout, recipe.precision)
        if recipe.frames:
            loss = losses.of_frames(recipe.kind, logits, targets, n_rows)
        else:
            loss = losses.masked_mean(losses.per_row(recipe.kind, logits, targets), n_rows)
        return loss + recipe.l2 * losses.squares(params) if recipe.l2 else loss

    def step(i, learner: Learner) -> Learner:
        rows = batches.rows[:, i]
        if recipe.mixed:
            x = data[jnp.asarray(recipe.mixed)[None, :, None], rows[:, None, :]][seed]
        else:
            x = data[view[:, None], rows[seed]][:, None]
        wanted = targets[batches.items[:, i]][seed]
        keeps = tuple(mask[:, i][seed] for mask in batches.keeps)
        value, grads = jax.vmap(jax.value_and_grad(loss_of))(
            learner.params, x, wanted, keeps, batches.n_rows[:, i][seed]
        )
        updates, adam = _ADAM.update(grads, learner.adam)
        params = jax.tree.map(lambda p, u: p - _column(rate, p) * u, learner.params, updates)
        return Learner(params, adam, learner.loss + value)

    return jax.lax.fori_loop(0, n_steps, step, learner)


@partial(jax.jit, static_argnames='recipe')
def forward(
    params: Any,
    view: Int[Array, 'P'],
    data: Float[Array, 'V R D'],
    *,
    recipe: Recipe,
) -> Float[Array, 'P R C']:
    """Scores the rows of one evaluation chunk."""

    def score(params: Any, x: Float[Array, 'R D']) -> Float[Array, 'R C']:
        return heads.apply(params, x, precision=recipe.precision)

    if recipe.mixed:
        mixed = data[jnp.asarray(recipe.mixed)]
        return jax.vmap(lambda p: score(p, heads.blend(p, mixed, recipe.precision)))(params)
    return jax.vmap(lambda p, v: score(p, data[v]))(params, view)


@partial(jax.jit, static_argnames=('recipe', 'most'), donate_argnums=0)
def judge(
    kept: Kept,
    params: Any,
    loss: Float[Array, 'P'],
    chunks: Sequence[Float[Array, 'P R C']],
    targets: Shaped[Array, 'N *outputs'],
    first: Int[Array, 'N'],
    count: Int[Array, 'N'],
    *,
    recipe: Recipe,
    most: int,
) -> Kept:
    """Takes in an epoch: the monitor on validation, the schedule, the best parameters."""
    rows = jnp.concatenate(chunks, axis=1)
    ragged = items.Ragged(first, count, most)

    def of_one(rows):
        if recipe.frames:
            own = rows[: len(targets)]  # The last chunk is filled up.
            return scores.of_frames(recipe.monitor, recipe.kind, targets, own), jnp.int32(0)
        if recipe.kind != 'key':
            score = items.aggregate(rows, ragged, recipe.kind, recipe.aggregation)
            return scores.monitor(recipe.monitor, recipe.kind, targets, score), jnp.int32(0)
        four = items.ensembles(rows, ragged)
        value = jax.vmap(scores.weighted_key_score, (None, 0))(targets, four)
        best = jnp.argmax(value).astype(jnp.int32)
        if recipe.monitor == 'loss':
            mean = items.mean(rows, ragged)
            return scores.item_loss(recipe.kind, targets, mean), best
        return value[best], best

    monitor, ensemble = jax.vmap(of_one)(rows)
    if recipe.l2 and recipe.monitor == 'loss':  # As Keras counts it.
        monitor = monitor + recipe.l2 * jax.vmap(losses.squares)(params)
    finite = jnp.isfinite(loss) & jnp.isfinite(monitor) & jnp.all(jnp.isfinite(rows), (1, 2))
    state, improved = schedule.advance(kept.schedule, monitor, finite, recipe.patience)

    def keep(new, old):
        return jnp.where(_column(improved, new), new, old)

    best = jax.lax.cond(
        jnp.any(improved), lambda: jax.tree.map(keep, params, kept.params), lambda: kept.params
    )
    return Kept(best, state, keep(ensemble, kept.ensemble))


@partial(jax.jit, static_argnames=('recipe', 'most'))
def item_scores(
    chunks: Sequence[Float[Array, 'P R C']],
    ensemble: Int[Array, 'P'],
    first: Int[Array, 'N'],
    count: Int[Array, 'N'],
    *,
    recipe: Recipe,
    most: int,
) -> Float[Array, 'P N C']:
    """Item scores of a split from its rows' scores."""
    ragged = items.Ragged(first, count, most)

    def of_one(rows, ensemble):
        if recipe.frames:
            return rows[: len(first)]  # Frames are their own items.
        if recipe.kind == 'key':
            return items.ensembles(rows, ragged)[ensemble]
        return items.aggregate(rows, ragged, recipe.kind, recipe.aggregation)

    return jax.vmap(of_one)(jnp.concatenate(chunks, axis=1), ensemble)


def _column(vector: Shaped[Either, 'P'], like: Shaped[Array, 'P ...']) -> Shaped[Either, 'P ...']:
    return vector.reshape(vector.shape + (1,) * (like.ndim - 1))
