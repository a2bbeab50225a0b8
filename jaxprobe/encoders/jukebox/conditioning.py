"""What the prior is told of a song: length, place in it, artist and genre, all as jukemir says.

jukemir conditions every clip on a song of 62 s by an unknown artist of an unknown genre, from its
start, whatever the clip is. The labels are the same for all clips, so their embeddings are one
constant [n_ctx D] made of some 57 rows, which is added to the positions once, at load.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxprobe.encoders.jukebox.architecture import Architecture
from jaxprobe.encoders.jukebox.card import HOP, SAMPLE_RATE

SONG_SAMPLES = 62 * SAMPLE_RATE // HOP * HOP  # 2 734 080: the shortest round song above 60 s.
UNKNOWN = 0  # Row of the unknown artist, and of the unknown genre.


class Bins(NamedTuple):
    """Rows of the three tables of times: of the song's length, then per token."""

    total: int
    absolute: Int[np.ndarray, 'T']
    relative: Int[np.ndarray, 'T']


def bins(a: Architecture) -> Bins:
    """The rows of the tables of times for a clip at the start of the song, [n_ctx].

    Token i stands at sample 128 i; the song's length lies between `min_seconds` and
    `max_seconds`, a place between 0 and `max_seconds`, a share between 0 and 1. Computed in
    float32, as the reference does.
    """
    longest = np.float32(a.max_seconds * SAMPLE_RATE)
    shortest = np.float32(a.min_seconds * SAMPLE_RATE)
    song, clip = np.float32(SONG_SAMPLES), np.float32(a.n_ctx * HOP)
    steps = np.arange(a.n_ctx, dtype=np.float32) / np.float32(a.n_ctx)
    return Bins(
        total=int(np.floor(a.times * ((song - shortest) / (longest - shortest)))),
        absolute=np.floor(a.times * (clip * steps / longest)).astype(np.int64),
        relative=np.floor(a.times * (clip / song * steps)).astype(np.int64),
    )


def labels(
    a: Architecture,
    total: Float[np.ndarray, 'rows D'],
    absolute: Float[np.ndarray, 'rows D'],
    relative: Float[np.ndarray, 'rows D'],
) -> Float[np.ndarray, 'T D']:
    """What is added to every token for its time, from the tables of times: [n_ctx D]."""
    rows = bins(a)
    return total[rows.total][None] + absolute[rows.absolute] + relative[rows.relative]


def start(
    artist: Float[np.ndarray, 'artists D'], genre: Float[np.ndarray, 'genres D']
) -> Float[np.ndarray, 'D']:
    """What stands in for the token before the first: an unknown artist and genre."""
    return artist[UNKNOWN] + genre[UNKNOWN]
