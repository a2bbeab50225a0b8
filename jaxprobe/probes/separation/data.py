"""What the bank of separation reads: windows in steps, and items whole, as songs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from jaxprobe.probes import cells
from jaxprobe.probes.separation.chunk import Batch, Recipe, Song

Groups = dict[int, Float[np.ndarray, '_ _ _ _']]  # Width -> windows, frames, layers, width.
_WINDOWS = 8  # Songs are filled up to whole multiples, so that few sizes are compiled.


class Windows(NamedTuple):
    """The windows of a split.

    Attributes:
        counts: which frames of spectra are trained on or scored.
        read: lists of rows -> for each list, in order, width -> embeddings [B, Fs, Lg, D] and
            waves [B, K+1, S], mixture first, with half a transform of context at both ends.
    """

    counts: Bool[np.ndarray, 'W T']
    read: Callable[
        [Sequence[Int[np.ndarray, '_']]], Iterator[tuple[Groups, Float[np.ndarray, 'B K S']]]
    ]


class Whole(NamedTuple):
    """The items of a split as songs.

    Attributes:
        energies: of every item's targets.
        read: all items in order, each as (embeddings of its windows, its waves [K+1, S] without
            context, for every frame of its spectra the frame of its windows that answers).
        longest: windows and samples of the longest item.
    """

    energies: Float[np.ndarray, 'N K']
    read: Callable[[], Iterator[tuple[Groups, Float[np.ndarray, 'K S'], Int[np.ndarray, 'T']]]]
    longest: tuple[int, int]


class Data(NamedTuple):
    """What a bank reads. `stored` frames of embeddings per window, K targets."""

    train: Windows
    valid: Windows
    songs: Mapping[str, Whole]
    stored: int
    targets: int


def batches(
    windows: Windows, plan: cells.Plan, pad: int, rows: Int[np.ndarray, 'W'], size: int
) -> Iterator[Batch]:
    """Steps of `size` windows in the order of `rows`, the last filled up with copies.

    Args:
        windows: of a split.
        plan: says which views of width `pad` there are.
        pad: width that is read.
        rows: which windows, in which order.
        size: windows per step.
    """
    lists = [rows[at : at + size] for at in range(0, len(rows), size)]
    for own, (groups, waves) in zip(lists, windows.read(lists), strict=True):
        real = np.arange(size) < len(own)
        fill = np.where(real, np.arange(size), 0)
        counts = windows.counts[own][fill] & real[:, None]
        views = read_views(groups, plan, pad)[:, fill]
        yield Batch(*map(jnp.asarray, (views, waves[fill], counts, real)))


def read_views(groups: Groups, plan: cells.Plan, pad: int) -> Float[np.ndarray, 'V B Fs D']:
    """What probes of one width read: layers, averaged where a source averages."""
    shape = next(iter(groups.values())).shape[:2]
    flat = {w: a.reshape(-1, *a.shape[2:]) for w, a in groups.items()}
    views = cells.read_views(flat, plan)[pad]
    return views.reshape(views.shape[0], *shape, views.shape[-1])


def song_size(recipe: Recipe, windows: int, samples: int) -> tuple[int, int]:
    """Windows and frames of spectra that a song is filled up to."""
    frames = recipe.spectra.frames(samples)
    return -(-windows // _WINDOWS) * _WINDOWS, -(-frames // recipe.block) * recipe.block


def song(
    groups: Groups,
    waves: Float[np.ndarray, 'K S'],
    place: Int[np.ndarray, 'T'],
    plan: cells.Plan,
    pad: int,
    recipe: Recipe,
) -> tuple[tuple[int, int], Song]:
    """An item filled up to a size that is compiled; the first arguments are `Whole.read`'s."""
    sizes, views = recipe.spectra, read_views(groups, plan, pad)
    size = windows, frames = song_size(recipe, views.shape[1], waves.shape[1])
    half = sizes.n_fft // 2
    whole = np.zeros((len(waves), sizes.samples(frames)), np.float32)
    padded = np.pad(waves, ((0, 0), (half, half)), mode='reflect')[:, : whole.shape[1]]
    whole[:, : padded.shape[1]] = padded
    made = (
        np.pad(views, ((0, 0), (0, windows - views.shape[1]), (0, 0), (0, 0))),
        whole,
        np.pad(place, (0, frames - len(place))).astype(np.int32),
        np.int32(sizes.frames(waves.shape[1])),
        np.int32(waves.shape[1]),
    )
    return size, Song(*map(jnp.asarray, made))
