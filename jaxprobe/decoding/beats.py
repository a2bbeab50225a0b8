"""Beat times from beat activations: the most likely path of the bar pointer, for many at once.

Cells and clips are one batch axis. Only where a period begins does a state have more than one
predecessor, so the way back is kept for those states alone: two bytes per period length and frame.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxprobe.decoding.state_space import Tempo, state_space

FLOOR = 1e-12  # Of a probability, so that a certain activation leaves a way out.
_CHUNK_BYTES = 256e6  # Of scores and ways back that one call holds.


def decode(
    activations: Float[np.ndarray, 'B T'], lengths: Int[np.ndarray, 'B'], tempo: Tempo
) -> list[Float[np.ndarray, '_']]:
    """Finds the beats of every sequence.

    Args:
        activations: probability of a beat per frame, in [0, 1]; rows are cells times clips.
        lengths: frames of each row that count; what comes after is not looked at.
        tempo: of the beats, or `tempo.downbeats()`.

    Returns:
        Times in seconds per row, each the most active frame of a stretch that the path counts
        as beat (madmom's `correct`); none for a row without any activation.

    Raises:
        ValueError: lengths beyond T, or activations outside [0, 1].
    """
    if len(lengths) and (lengths.min() < 0 or lengths.max() > activations.shape[1]):
        raise ValueError(f'lengths up to {lengths.max()} for {activations.shape[1]} frames')
    if not ((activations >= 0) & (activations <= 1)).all():
        raise ValueError('activations must be probabilities in [0, 1], without nan')
    space = state_space(tempo)
    per_row = 4 * 3 * len(space.in_beat) + activations.shape[1] * (4 + 2 * len(space.intervals))
    size = max(1, int(_CHUNK_BYTES / per_row))
    found = []
    for start in range(0, len(activations), size):
        part = activations[start : start + size].astype(np.float32)
        own = lengths[start : start + size]
        rows = np.pad(part, ((0, min(size, len(activations)) - len(part)), (0, 0)))
        padded = np.pad(own, (0, len(rows) - len(own)))
        in_beat = np.asarray(most_likely(jnp.asarray(rows), jnp.asarray(padded), tempo=tempo))
        found += [_peaks(a[:n], b[:n], tempo) for a, b, n in zip(part, in_beat, own)]
    return found


@partial(jax.jit, static_argnames='tempo')
def most_likely(
    activations: Float[Array, 'B T'], lengths: Int[Array, 'B'], *, tempo: Tempo
) -> Bool[Array, 'B T']:
    """Whether the most likely path counts each frame as beat (Viterbi, uniform start)."""
    space = state_space(tempo)
    first, last = jnp.asarray(space.first), jnp.asarray(space.last)
    log_change = jnp.asarray(space.log_change, jnp.float32)
    beat = jnp.asarray(space.in_beat)
    begins = jnp.zeros(len(space.in_beat), bool).at[first].set(True)
    period = jnp.asarray(np.repeat(np.arange(len(space.intervals)), space.intervals))
    log_beat = jnp.log(jnp.maximum(activations, FLOOR))
    log_rest = jnp.log(jnp.maximum((1 - activations) / (tempo.observation_lambda - 1), FLOOR))
    frames = jnp.arange(activations.shape[1])

    def forward(score, frame):
        time, on, off = frame
        # From the end of any period to the beginning of each: [B from to].
        ways = score[:, last, None] + log_change[None]
        came_from = jnp.argmax(ways, axis=1)
        moved = jnp.roll(score, 1, axis=1).at[:, first].set(jnp.max(ways, axis=1))
        seen = moved + jnp.where(beat[None], on[:, None], off[:, None])
        seen = seen - jnp.max(seen, axis=1, keepdims=True)  # Keeps float32 exact enough.
        counts = (time < lengths)[:, None]
        return jnp.where(counts, seen, score), came_from.astype(jnp.int16)

    start = jnp.zeros((activations.shape[0], len(space.in_beat)), jnp.float32)
    score, came_from = jax.lax.scan(forward, start, (frames, log_beat.T, log_rest.T))

    def back(state, frame):
        time, origins = frame
        origin = jnp.take_along_axis(origins, period[state][:, None], axis=1)[:, 0]
        before = jnp.where(begins[state], last[origin], state - 1)
        counts = time < lengths
        return jnp.where(counts, before, state), jnp.where(counts, beat[state], False)

    end = jnp.argmax(score, axis=1)
    _, in_beat = jax.lax.scan(back, end, (frames, came_from), reverse=True)
    return in_beat.T


def _peaks(
    activation: Float[np.ndarray, 'frames'], in_beat: Bool[np.ndarray, 'frames'], tempo: Tempo
) -> Float[np.ndarray, '_']:
    """The most active frame of every stretch in beat, in seconds."""
    if not activation.any():
        return np.zeros(0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], in_beat, [False]]).astype(np.int8)))
    stretches = edges.reshape(-1, 2).tolist()
    frames = [left + int(np.argmax(activation[left:right])) for left, right in stretches]
    return np.array(frames, float) / tempo.fps
