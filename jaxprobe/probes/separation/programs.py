"""The compiled programs of separation, made from shapes alone, and the memory they need.

The same programs are asked for when a run is planned, before it starts and while it runs; each is
compiled once.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxprobe.probes import draws
from jaxprobe.probes.schedule import Patience
from jaxprobe.probes.separation import chunk
from jaxprobe.probes.separation import head as heads
from jaxprobe.probes.separation.chunk import Batch, Recipe, Song

_ANY = Patience(higher=False, plateau=1, factor=0.5, stop=1, epochs=1)  # No matter of shapes.


def _array(shape: tuple[int, ...], dtype: Any) -> Any:
    """Stands for an array where only shapes are asked for."""
    return jax.ShapeDtypeStruct(shape, dtype)


_NUMBER = _array((), jnp.int32)


class Shape(NamedTuple):
    """Sizes of what is read: views, windows per step, frames per window, width, targets."""

    views: int
    windows: int
    stored: int
    width: int
    targets: int


def chunk_shapes(recipe: Recipe, shape: Shape, models: int) -> chunk.Chunk:
    """Shapes of so many models."""
    origin = draws.Origin(0, '', 0)
    made = heads.init(origin, recipe.head, shape.width, mixed=len(recipe.mixed))
    return chunk.shapes(*made, models, _ANY)


def state_bytes(recipe: Recipe, shape: Shape, models: int) -> float:
    """Bytes of so many models between steps, their best epochs' parameters among them."""
    leaves = jax.tree.leaves(chunk_shapes(recipe, shape, models))
    return float(sum(leaf.size * leaf.dtype.itemsize for leaf in leaves))


@functools.lru_cache(maxsize=64)
def training(recipe: Recipe, shape: Shape, models: int) -> Any:
    """`chunk.train`, compiled and not run."""
    made = chunk_shapes(recipe, shape, models)
    key = jax.eval_shape(lambda: jax.random.key(0, impl='threefry2x32'))
    step = jax.jit(functools.partial(chunk.train, recipe=recipe), donate_argnums=0)
    rate, batch = made.kept.schedule.rate, batch_shapes(recipe, shape)
    return step.lower(made.learner, rate, made.who, batch, key, _NUMBER, _NUMBER).compile()


@functools.lru_cache(maxsize=64)
def judging(recipe: Recipe, shape: Shape, models: int) -> Any:
    """`chunk.judge`, compiled and not run."""
    made = chunk_shapes(recipe, shape, models)
    judge = jax.jit(functools.partial(chunk.judge, recipe=recipe))
    held = made.learner.params, made.learner.stats
    return judge.lower(*held, made.who, batch_shapes(recipe, shape)).compile()


@functools.lru_cache(maxsize=64)
def listening(recipe: Recipe, shape: Shape, size: tuple[int, int]) -> Any:
    """`chunk.listen` for songs of so many windows and frames, compiled and not run."""
    windows, frames = size
    head = jax.tree.map(
        lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype),
        chunk_shapes(recipe, shape, 1).kept[:2],
    )
    song = Song(
        _floats(shape.views, windows, shape.stored, shape.width),
        _floats(shape.targets + 1, recipe.spectra.samples(frames)),
        _array((frames,), jnp.int32),
        _NUMBER,
        _NUMBER,
    )
    listen = jax.jit(functools.partial(chunk.listen, recipe=recipe))
    return listen.lower(*head, _NUMBER, _NUMBER, song).compile()


def program_bytes(compiled: Any) -> float:
    """What the compiler says a program needs at its peak; 0 where it does not say."""
    found = compiled.memory_analysis()
    if found is None:
        return 0.0
    return float(
        found.argument_size_in_bytes
        + found.output_size_in_bytes
        - found.alias_size_in_bytes
        + found.temp_size_in_bytes
    )


def batch_shapes(recipe: Recipe, shape: Shape) -> Batch:
    """Shapes of a step's windows."""
    return Batch(
        _floats(shape.views, shape.windows, shape.stored, shape.width),
        _floats(shape.windows, shape.targets + 1, recipe.spectra.samples(recipe.frames)),
        _array((shape.windows, recipe.frames), bool),
        _array((shape.windows,), bool),
    )


def _floats(*shape: int) -> Any:
    return _array(shape, jnp.float32)
