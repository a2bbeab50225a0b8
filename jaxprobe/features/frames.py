"""Frames of a store as rows: what the bank reads of a frame task.

Rows are frames, sorted by item, window and frame: window w owns rows w F .. w F + F - 1. Windows
are read whole, so whoever asks for neighbouring frames together reads every record once.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int

from jaxprobe.core.errors import StoreError
from jaxprobe.features.reader import RowReader

Groups = dict[int, Float[np.ndarray, 'R _ _']]


class FrameReader:
    """The frames of a store's windows, read when asked for."""

    def __init__(self, windows: RowReader):
        """Takes over an open reader of a store of frames; closing it stays with its owner.

        Raises:
            StoreError: the store holds means.
        """
        self.frames = windows.spec.frames
        if not self.frames:
            raise StoreError(f'{windows.spec.name} holds means of windows, not frames.')
        self.windows = windows
        self.rows = windows.rows * self.frames

    def read(self, rows: Int[np.ndarray, 'R']) -> Groups:
        """Reads frames, in the order asked for.

        Returns:
            Width D -> float32 [R, Lg, D].
        """
        windows, place = np.unique(rows // self.frames, return_inverse=True)
        return self._picked(self.windows.read(windows), place, rows)

    def prefetched(self, chunks: Sequence[Int[np.ndarray, '_']]) -> Iterator[Groups]:
        """Reads one chunk of frames after another, in order, ahead of the consumer."""
        wanted = [np.unique(rows // self.frames, return_inverse=True) for rows in chunks]
        ahead = self.windows.prefetched([windows for windows, _ in wanted])
        for rows, (_, place), groups in zip(chunks, wanted, ahead, strict=True):
            yield self._picked(groups, place, rows)

    def _picked(self, groups: dict[int, np.ndarray], place: np.ndarray, rows: np.ndarray) -> Groups:
        within = rows % self.frames
        return {width: array[place, within] for width, array in groups.items()}
