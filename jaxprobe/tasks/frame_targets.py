"""Targets of frames: what an item's beats or segments say of the frames of its windows.

Frame f of a window that begins at s seconds stands for the time s + f / rate. Frames of a last
window that a window before it has covered already have no target, so that no frame of an item
counts twice; neither have frames behind the end of an item that was repeated to fill its window.
An item with beats and no downbeats is one whose downbeats nobody annotated: its frames have no
target for them.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int64

from jaxprobe.tasks.base import Beats, Segments

NONE = -1  # Class of a frame without a target.


def beats(
    target: Beats, starts: Float[np.ndarray, 'W'], frames: int, rate: float, *, widen: bool
) -> Float32[np.ndarray, 'R 2']:
    """Marks the frames of beats and downbeats.

    Args:
        target: times in the item.
        starts: of the item's windows, in seconds.
        frames: per window.
        rate: frames per second.
        widen: marks the frames before and after as well, as MARBLE v1 does in training
            (`tasks/GTZAN/GTZANBT_dataset.py`).

    Returns:
        1 and 0 per frame of beat and of downbeat, R = W frames; nan where a frame of a window
        was covered before, and for downbeats where there are beats alone.
    """
    found = np.zeros((len(starts) * frames, 2), np.float32)
    for window, start in enumerate(starts):
        for column, times in enumerate((target.beats, target.downbeats)):
            place = np.round((np.asarray(times, float) - start) * rate).astype(int)
            marked = place
            if widen:
                marked = np.concatenate([place - 1, place, place + 1])
            inside = marked[(marked >= 0) & (marked < frames)]
            found[window * frames + inside, column] = 1.0
    found[covered(starts, frames, rate)] = np.nan
    if target.beats and not target.downbeats:
        found[:, 1] = np.nan
    return found


def segments(
    target: Segments, starts: Float[np.ndarray, 'W'], frames: int, rate: float
) -> Int64[np.ndarray, 'R']:
    """Classes of frames; -1 outside all segments, and where a frame was covered before."""
    time = (np.asarray(starts)[:, None] + np.arange(frames) / rate).reshape(-1)
    begins = np.asarray(target.starts, float)
    place = np.searchsorted(begins, time + 1e-6, side='right') - 1  # Not by a rounding error late.
    classes = np.asarray(target.labels, np.int64)[np.maximum(place, 0)]
    outside = (place < 0) | (time >= target.end)
    classes[outside | covered(starts, frames, rate)] = NONE
    return classes


def covered(
    starts: Float[np.ndarray, 'W'] | Sequence[float], frames: int, rate: float
) -> np.ndarray:
    """Frames [R] of windows that an earlier window of the item covers."""
    found = np.zeros((len(starts), frames), bool)
    for window in range(1, len(starts)):
        overlap = starts[window - 1] + frames / rate - starts[window]
        found[window, : max(0, round(overlap * rate))] = True
    return found.reshape(-1)


def behind(starts: Float[np.ndarray, 'W'], frames: int, rate: float, seconds: float) -> np.ndarray:
    """Frames [R] of windows that begin where an item of so many seconds has ended."""
    time = (np.asarray(starts)[:, None] + np.arange(frames) / rate).reshape(-1)
    return time >= seconds - 1e-6
