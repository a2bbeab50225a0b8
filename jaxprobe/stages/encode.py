"""Windows batched across clips at one static shape, through the encoder, averaged over time or
brought to the frame rate that is stored.

Every device always runs the same [B, S]; the rows that fill up the last batch of a shard are
zeros whose results are dropped. Dispatch is asynchronous: a few batches per device are in
flight while the next are filled, and results are fetched oldest first.
"""

import collections
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxprobe.audio.loader import Loaded
from jaxprobe.encoders.base import Encoder, Params
from jaxprobe.features.spec import StoreSpec

IN_FLIGHT = 2  # Batches per device at least: one runs while the next waits.
AHEAD = 1000.0  # Seconds of audio in flight on an accelerator: 0.1 s of work for a fast one.

Pooled = tuple[dict[int, Float[Array, 'B ...']], Bool[Array, 'B']]


class Row(NamedTuple):
    """A window on its way: which clip of the shard, which window of it, its first sample."""

    clip: int
    window: int
    start: int
    padded: bool


class Finished(NamedTuple):
    """An encoded batch: its rows, width D -> [B, (F,) Lg, D] (len(rows) count), all finite?"""

    rows: list[Row]
    groups: dict[int, np.ndarray]
    finite: np.ndarray


def batches(
    loaded: Iterable[tuple[int, Loaded]],
    spec: StoreSpec,
    blank: Callable[[], Float[np.ndarray, 'B S']] | None = None,
) -> Iterator[tuple[Float[np.ndarray, 'B S'], list[Row]]]:
    """Yields full batches of windows across clips, and last a zero-padded one.

    Args:
        loaded: clips with their places in the shard.
        spec: of the store.
        blank: hands out the array that the next batch is written to, such as `Encoding.blank`;
            a new one each time where it is None.
    """
    if blank is None:
        blank = functools.partial(np.empty, (spec.batch_windows, spec.input_samples), np.float32)
    wave, rows = blank(), []
    for clip, item in loaded:
        for window, start in enumerate(item.starts.tolist()):
            wave[len(rows)] = item.samples[start : start + spec.input_samples]
            rows.append(Row(clip, window, start, item.padded))
            if len(rows) == spec.batch_windows:
                yield wave, rows
                wave, rows = blank(), []
    if rows:
        wave[len(rows) :] = 0.0
        yield wave, rows


def pooling(
    encode: Callable[..., Any], spec: StoreSpec
) -> Callable[[Params, Float[Array, 'B S']], Pooled]:
    """Builds the function that encodes a batch and pools every layer over time, in float32.

    Args:
        encode: of an `Encoder`.
        spec: names the layers and the dtype that is stored.

    Returns:
        `(params, wave [B S]) -> (width D -> [B, Lg, D], or [B, F, Lg, D] of a store of frames,
        in the store's dtype, finite [B])`, to be compiled as one program, so that no more than
        is stored leaves the device.
    """

    def run(params: Params, wave: Float[Array, 'B S']) -> Pooled:
        states = encode(params, wave)
        if not isinstance(states, tuple):
            states = tuple(jnp.moveaxis(states, 1, 0))
        states = [state.astype(jnp.float32) for state in states]
        if spec.frames:
            pooled = [at_rate(state, spec.frames) for state in states]
        else:
            pooled = [state.mean(axis=1) for state in states]
        groups = {
            width: jnp.stack([pooled[layer] for layer in layers], axis=-2)
            for width, layers in spec.groups.items()
        }
        whole = [jnp.isfinite(one).all(axis=tuple(range(1, one.ndim))) for one in pooled]
        finite = jnp.stack(whole).all(axis=0)
        return {width: g.astype(spec.store_dtype) for width, g in groups.items()}, finite

    return run


def host_pooling(
    encode: Callable[..., Any], spec: StoreSpec
) -> Callable[[Params, Float[np.ndarray, 'B S']], tuple[dict[int, np.ndarray], np.ndarray]]:
    """`pooling` for an encoder that runs on the host: numpy, nothing compiled.

    Sums are taken in float64, because numpy adds frame after frame.
    """
    stored = jnp.dtype(spec.store_dtype)

    def run(
        params: Params, wave: Float[np.ndarray, 'B S']
    ) -> tuple[dict[int, np.ndarray], np.ndarray]:
        states = encode(params, wave)
        if spec.frames:
            pooled = [np.asarray(at_rate(jnp.asarray(state), spec.frames)) for state in states]
        else:
            pooled = [state.mean(axis=1, dtype=np.float64).astype(np.float32) for state in states]
        groups = {
            width: np.stack([pooled[layer] for layer in layers], axis=-2).astype(stored)
            for width, layers in spec.groups.items()
        }
        finite = np.stack([np.isfinite(x).all(axis=tuple(range(1, x.ndim))) for x in pooled])
        return groups, np.logical_and.reduce(finite, axis=0)

    return run


SLACK = 2  # Frames that convolutions without padding cost at the end of a window.


def at_rate(states: Float[Array, 'B T D'], frames: int) -> Float[Array, 'B F D']:
    """Brings a window's frames to another number of evenly spaced ones.

    Where there are a frame or two less than asked for, the last is repeated: convolutions cut
    them off, and frame t is still frame t. Where there are more, each is the mean of those
    whose time it covers; where there are fewer, the one that covers its time.
    """
    got = states.shape[1]
    if got == frames:
        return states
    if 0 < frames - got <= SLACK and got > 4 * SLACK:
        return jnp.pad(states, ((0, 0), (0, frames - got), (0, 0)), mode='edge')
    if got < frames:
        return states[:, np.arange(frames) * got // frames]
    edges = np.arange(frames + 1) * got // frames
    owner = np.repeat(np.arange(frames), np.diff(edges))
    sums = jax.ops.segment_sum(jnp.moveaxis(states, 1, 0), owner, frames, indices_are_sorted=True)
    return jnp.moveaxis(sums / np.diff(edges)[:, None, None].astype(np.float32), 0, 1)


def in_flight(spec: StoreSpec, platform: str) -> int:
    """Batches on their way per device.

    An accelerator needs work for as long as the host closes a shard (flushed, read back, hashed),
    which a few small batches are not. Frames are large, and few of them are held.
    """
    if platform == 'cpu' or spec.frames:
        return IN_FLIGHT
    batch = spec.batch_windows * spec.window_samples / spec.sample_rate
    return max(IN_FLIGHT, math.ceil(AHEAD / batch))


class Encoding:
    """An encoder on its devices, with the batches that are in flight."""

    def __init__(self, encoder: Encoder, spec: StoreSpec, devices: Sequence[Any]):
        """Copies the weights to every device; compilation happens with the first batch."""
        self.depth = in_flight(spec, jax.default_backend()) * len(devices)
        self._devices = list(devices)
        self._params = [jax.device_put(encoder.params, device) for device in devices]
        self._pooled = jax.jit(pooling(encoder.encode, spec))
        self._host = host_pooling(encoder.encode, spec) if encoder.host else None
        # float32 means float32 on accelerators too: TF32 would move embeddings by 1e-3.
        self._precision = 'highest' if spec.compute_dtype == 'float32' else 'default'
        self._flight: collections.deque[tuple[np.ndarray, list[Row], Pooled]] = collections.deque()
        self._turn = 0
        self._shape = (spec.batch_windows, spec.input_samples)
        self._spare: list[np.ndarray] = []

    def blank(self) -> Float[np.ndarray, 'B S']:
        """An array to fill and hand to `start`, holding anything.

        Arrays are used again: new ones would cost a page fault per page, which on a fast device
        is half of what this thread does. Not before their batch is finished: jax copies them to
        a device in its own time, and on CPUs may compute on them in place.
        """
        return self._spare.pop() if self._spare else np.empty(self._shape, np.float32)

    def start(self, wave: Float[np.ndarray, 'B S'], rows: list[Row]) -> Iterator[Finished]:
        """Dispatches a batch; yields what has to be finished to keep the flight bounded.

        Args:
            wave: handed over, not to be written to until `blank` hands it out again.
            rows: of its first len(rows) windows.
        """
        if self._host:  # Done at once; the threads that decode go on meanwhile.
            groups, finite = self._host(None, wave)
            yield Finished(rows, groups, finite)
            return
        turn = self._turn % len(self._devices)
        self._turn += 1
        with jax.default_matmul_precision(self._precision):
            pooled = self._pooled(self._params[turn], jax.device_put(wave, self._devices[turn]))
        for leaf in jax.tree.leaves(pooled):
            leaf.copy_to_host_async()
        self._flight.append((wave, rows, pooled))
        while len(self._flight) > self.depth:
            yield self._finish()

    def drain(self) -> Iterator[Finished]:
        """Finishes all batches in flight, oldest first."""
        while self._flight:
            yield self._finish()

    def _finish(self) -> Finished:
        wave, rows, pooled = self._flight.popleft()
        groups, finite = jax.device_get(pooled)
        self._spare.append(wave)
        return Finished(rows, groups, finite)
