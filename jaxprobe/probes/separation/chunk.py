"""A chunk: as many models of one family and seed as are trained together, and its programs.

A model is one cell's head for one target; four separate trainings of one seed see the same
windows, masks and initial weights, and so do models here. Every leaf of `Chunk` leads with the
model axis (the optimiser's step count aside: models run in step). `head` and `spectra` are mapped
over models here and nowhere else.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, Shaped

from jaxprobe.probes import draws, schedule
from jaxprobe.probes.schedule import Either, Patience, Schedule
from jaxprobe.probes.separation import head as heads
from jaxprobe.probes.separation import spectra
from jaxprobe.probes.separation.head import MaskHead
from jaxprobe.probes.separation.spectra import Spectra

# Adam as torch has it; rates are applied outside, one per model.
_ADAM = optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)


class Recipe(NamedTuple):
    """What a program must know when it is compiled."""

    head: MaskHead
    spectra: Spectra
    mixed: tuple[int, ...]  # Views that are mixed; () where each model picks one.
    frames: int  # T, of spectra per window.
    block: int  # Frames of a song that are filtered together.


class Batch(NamedTuple):
    """Windows: of V views [V B Fs D], mixture and K stems [B K+1 S], and what counts.

    A window of Fs stored frames answers for T frames of spectra, of which `counts` are scored.
    """

    views: Float[Array, 'V B Fs D']
    waves: Float[Array, 'B K S']
    counts: Bool[Array, 'B T']
    real: Bool[Array, 'B']


class Song(NamedTuple):
    """An item whole: its windows, its waves with their context, and which mask is whose.

    `place[t]` is the frame, counted through all windows, whose mask frame t of the song has.
    """

    views: Float[Array, 'V W Fs D']
    waves: Float[Array, 'K S']
    place: Int[Array, 'T']
    frames: Int[Array, '']
    samples: Int[Array, '']


class Who(NamedTuple):
    """What each model reads and learns."""

    view: Int[Either, 'P']
    target: Int[Either, 'P']


class Learner(NamedTuple):
    """What a training step changes."""

    params: Any
    stats: Any
    adam: Any
    loss: Float[Either, 'P']  # Sum over the steps of this epoch.


class Kept(NamedTuple):
    """The best epoch so far, and the schedule."""

    params: Any
    stats: Any
    schedule: Schedule


class Chunk(NamedTuple):
    """P models."""

    learner: Learner
    kept: Kept
    who: Who


def start(
    params: Any,
    stats: Any,
    rates: Float[np.ndarray, 'P'],
    who: Who,
    filler: Bool[np.ndarray, 'P'],
    patience: Patience,
) -> Chunk:
    """A chunk that has not run; `filler` marks slots without a model."""
    zeros = jax.tree.map(
        lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(_ADAM.init, params)
    )
    learner = Learner(params, stats, zeros, np.zeros(rates.shape, np.float32))
    made = Chunk(learner, Kept(params, stats, schedule.start(rates, filler, patience)), who)
    # Copies, as the learner is donated to the first step and belongs to nobody else.
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), made)


def shapes(params: Any, stats: Any, models: int, patience: Patience) -> Chunk:
    """Shapes of a chunk of heads like this one; nothing is made."""

    def wide(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((models, *leaf.shape), leaf.dtype)

    def made(params: Any, stats: Any) -> Chunk:
        numbers, none = np.zeros(models, np.int32), np.zeros(models, bool)
        rates = np.zeros(models, np.float32)
        return start(params, stats, rates, Who(numbers, numbers), none, patience)

    return jax.eval_shape(made, *jax.tree.map(wide, (params, stats)))


def train(
    learner: Learner,
    rate: Float[Array, 'P'],
    who: Who,
    batch: Batch,
    key: Key[Array, ''],
    epoch: Int[Array, ''],
    step: Int[Array, ''],
    *,
    recipe: Recipe,
) -> Learner:
    """Runs one training step. Finished models train on; nothing of theirs is kept."""
    head = recipe.head
    magnitudes = _magnitudes(recipe.spectra, batch.waves)
    windows, frames = batch.counts.shape
    keeps = tuple(
        draws.keep(key, epoch, step, layer, (windows * frames, head.hidden), head.dropout).reshape(
            windows, frames, head.hidden
        )
        for layer in range(head.lstm_layers - 1)
        if head.dropout
    )

    def loss_of(params, stats, view, target):
        x = _read(params, batch.views, view, recipe)
        mask, stats = heads.apply(params, stats, x, batch.real, keeps, head.dropout)
        error, count = _error(mask, magnitudes, target, batch.counts)
        return error / jnp.maximum(count, 1), stats

    value_and_grad = jax.value_and_grad(loss_of, has_aux=True)
    (value, stats), grads = jax.vmap(value_and_grad)(
        learner.params, learner.stats, who.view, who.target
    )
    updates, adam = _ADAM.update(grads, learner.adam)
    params = jax.tree.map(lambda p, u: p - _column(rate, p) * u, learner.params, updates)
    return Learner(params, stats, adam, learner.loss + value)


def judge(
    params: Any, stats: Any, who: Who, batch: Batch, *, recipe: Recipe
) -> tuple[Float[Array, 'P'], Float[Array, '']]:
    """Sum over frames of the error of validation windows, and how many frames that are."""
    magnitudes = _magnitudes(recipe.spectra, batch.waves)

    def of_one(params, stats, view, target):
        mask, _ = heads.apply(params, stats, _read(params, batch.views, view, recipe))
        return _error(mask, magnitudes, target, batch.counts)

    error, count = jax.vmap(of_one)(params, stats, who.view, who.target)
    return error, count[0]


@partial(jax.jit, static_argnames='patience', donate_argnums=0)
def keep(kept: Kept, learner: Learner, monitor: Float[Array, 'P'], *, patience: Patience) -> Kept:
    """Takes in an epoch: the schedule, and the parameters where it was the best."""
    finite = jnp.isfinite(learner.loss) & jnp.isfinite(monitor)
    state, improved = schedule.advance(kept.schedule, monitor, finite, patience)

    def best(new, old):
        return jnp.where(_column(improved, new), new, old)

    params = jax.tree.map(best, learner.params, kept.params)
    return Kept(params, jax.tree.map(best, learner.stats, kept.stats), state)


def listen(
    params: Any,
    stats: Any,
    view: Int[Array, ''],
    target: Int[Array, ''],
    song: Song,
    *,
    recipe: Recipe,
) -> Float[Array, '']:
    """Energy of what one model's estimate of its target in a song gets wrong.

    Masks of windows become the masks of the song's frames, the Wiener step filters the mixture's
    spectra, and the error is that of samples.
    """
    sizes, frames = recipe.spectra, song.place.shape[0]
    there = (jnp.arange(frames) < song.frames)[:, None]
    of_mixture = jnp.where(there, spectra.analyse(sizes, song.waves[0]), 0)
    mask, _ = heads.apply(params, stats, _read(params, song.views, view, recipe))
    mask = mask.reshape(-1, mask.shape[-1])[song.place]
    gain = spectra.wiener_gain(mask, jnp.abs(of_mixture), recipe.block)
    estimate = spectra.synthesise(sizes, of_mixture * gain, song.frames)
    begin = sizes.n_fft // 2
    true = song.waves[1 + target][begin : begin + len(estimate)]
    sounding = jnp.arange(len(estimate)) < song.samples
    return jnp.sum(jnp.where(sounding, true - estimate, 0) ** 2)


def _read(
    params: Any, views: Float[Array, 'V B Fs D'], view: Int[Array, ''], recipe: Recipe
) -> Float[Array, 'B T D']:
    """What a model reads: its view or its mix, each stored frame for as long as it stands."""
    if recipe.mixed:
        x = heads.blend(params, views[jnp.asarray(recipe.mixed)])
    else:
        x = views[view]
    stored, frames = x.shape[1], recipe.frames
    return x if stored == frames else x[:, np.arange(frames) * stored // frames]


def _magnitudes(sizes: Spectra, waves: Float[Array, 'B K S']) -> Float[Array, 'K B T F']:
    """One recording after another: the frames of a transform take much room."""
    return jax.lax.map(
        lambda wave: jnp.abs(spectra.analyse(sizes, wave)), jnp.moveaxis(waves, 1, 0)
    )


def _error(
    mask: Float[Array, 'B T F'],
    magnitudes: Float[Array, 'K B T F'],
    target: Int[Array, ''],
    counts: Bool[Array, 'B T'],
) -> tuple[Float[Array, ''], Float[Array, '']]:
    error = jnp.mean((mask * magnitudes[0] - magnitudes[1 + target]) ** 2, axis=-1)
    return jnp.sum(jnp.where(counts, error, 0.0)), jnp.sum(counts).astype(error.dtype)


def _column(vector: Shaped[Either, 'P'], like: Float[Array, 'P ...']) -> Shaped[Either, 'P ...']:
    return vector.reshape(vector.shape + (1,) * (like.ndim - 1))
