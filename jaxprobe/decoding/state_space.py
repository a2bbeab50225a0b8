"""The bar pointer's state space: where in a beat period of which length the music is.

Source: Krebs, Böck and Widmer, "An efficient state-space model for joint tempo and meter
tracking", ISMIR 2015, sections 3.1 and 3.2, with the observation model of Böck, Krebs and Widmer,
"A multi-model approach to beat tracking", ISMIR 2014: what madmom's DBN beat tracker runs.
A state is a whole number of frames into a period; the pointer moves one frame at a time and
changes its period at beats alone.
"""

import dataclasses
import functools

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxprobe.core.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Tempo:
    """What periods there are and how they change; the defaults are madmom's for beats.

    Attributes:
        fps: frames per second of the activations.
        min_bpm, max_bpm: slowest and fastest tempo.
        transition_lambda: how strongly a period keeps its length.
        observation_lambda: one part in so many of a period counts as beat.
    """

    fps: float
    min_bpm: float = 55.0
    max_bpm: float = 215.0
    transition_lambda: float = 100.0
    observation_lambda: float = 16.0

    def __post_init__(self):
        """Refuses tempi without a period of at least one frame.

        Raises:
            ConfigError: the rate is too low for the tempi, or they are in the wrong order.
        """
        if not 0 < self.min_bpm < self.max_bpm:
            raise ConfigError(f'tempi from {self.min_bpm} to {self.max_bpm} BPM: slowest first.')
        if self.fps <= 0 or round(60 * self.fps / self.max_bpm) < 1:
            raise ConfigError(
                f'{self.fps} frames per second cannot hold beats at {self.max_bpm} BPM.'
            )

    def downbeats(self) -> 'Tempo':
        """The same for downbeats: 18 to 72 bars per minute (MARBLE v1, GTZANBT)."""
        return dataclasses.replace(self, min_bpm=18.0, max_bpm=72.0)


@dataclasses.dataclass(frozen=True, eq=False)
class StateSpace:
    """All states, by period length and then by position.

    Attributes:
        intervals: length of every period, in frames.
        first, last: the states in which each period begins and ends.
        in_beat: states that count as beat.
        log_change: log probability that a period of length i is followed by one of length j.
    """

    intervals: Int[np.ndarray, 'K']
    first: Int[np.ndarray, 'K']
    last: Int[np.ndarray, 'K']
    in_beat: Bool[np.ndarray, 'states']
    log_change: Float[np.ndarray, 'K K']


@functools.cache
def state_space(tempo: Tempo) -> StateSpace:
    """Lays out the states of a tempo range."""
    shortest, longest = (round(60 * tempo.fps / bpm) for bpm in (tempo.max_bpm, tempo.min_bpm))
    intervals = np.arange(shortest, longest + 1)
    ends = np.cumsum(intervals)
    first = ends - intervals
    position = np.concatenate([np.arange(n) / n for n in intervals])
    ratio = intervals[None, :] / intervals[:, None]
    change = np.exp(-tempo.transition_lambda * np.abs(ratio - 1.0))
    change[change <= np.spacing(1)] = 0.0  # Jumps this unlikely are impossible.
    change /= change.sum(axis=1, keepdims=True)
    with np.errstate(divide='ignore'):
        log_change = np.log(change)
    return StateSpace(
        intervals=intervals,
        first=first,
        last=ends - 1,
        in_beat=position < 1.0 / tempo.observation_lambda,
        log_change=log_change,
    )
