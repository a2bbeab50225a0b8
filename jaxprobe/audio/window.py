"""Cutting an item into windows of one length; what happens to tails and to short items."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxprobe.audio.decode import AudioError
from jaxprobe.core.errors import ConfigError

TAILS = ('drop', 'overlap')
SHORTS = ('repeat', 'refuse')


@dataclasses.dataclass(frozen=True)
class Windowing:
    """How items become windows.

    Attributes:
        samples: length of a window.
        hop: from one window's start to the next.
        tail: 'drop' leaves out what does not fill a last window; 'overlap' adds one last full
            window that ends where the item ends.
        short: an item shorter than one window is repeated until it fills one ('repeat'), or is
            an error ('refuse').
        min_samples: an item with fewer samples is an error whatever `short` says.
    """

    samples: int
    hop: int
    tail: str = 'drop'
    short: str = 'repeat'
    min_samples: int = 1

    def __post_init__(self):
        """Refuses values that make no sense.

        Raises:
            ConfigError: an unknown policy, or a length below 1.
        """
        if self.tail not in TAILS or self.short not in SHORTS:
            raise ConfigError(
                f'windowing: tail={self.tail!r} must be one of {", ".join(TAILS)} and '
                f'short={self.short!r} one of {", ".join(SHORTS)}.'
            )
        if self.samples < 1 or self.hop < 1:
            raise ConfigError(f'windowing: {self.samples} samples and hop {self.hop} must be >= 1.')


def starts(n_samples: int, w: Windowing) -> Int[np.ndarray, 'R']:
    """Lists where the windows of an item begin, in samples.

    Args:
        n_samples: length of the item.
        w: the windowing.

    Returns:
        At least one start; an item shorter than a window has exactly one, at 0.

    Raises:
        AudioError: too_short.

    >>> starts(10, Windowing(samples=4, hop=4)), starts(10, Windowing(4, 4, tail='overlap'))
    (array([0, 4]), array([0, 4, 6]))
    """
    if n_samples < max(w.min_samples, 1):
        raise AudioError(
            'too_short', None, f'{n_samples} samples; the encoder needs {max(w.min_samples, 1)}'
        )
    if n_samples < w.samples:
        if w.short == 'refuse':
            raise AudioError(
                'too_short', None, f'{n_samples} samples; one window is {w.samples}, not padded'
            )
        return np.zeros(1, np.int64)
    found = np.arange(0, n_samples - w.samples + 1, w.hop)
    if w.tail == 'overlap' and found[-1] + w.samples < n_samples:
        found = np.append(found, n_samples - w.samples)
    return found


def cut(
    wave: Float[np.ndarray, 'samples'], w: Windowing
) -> tuple[Float[np.ndarray, 'R S'], Bool[np.ndarray, 'R']]:
    """Cuts an item into windows.

    Args:
        wave: the item's samples.
        w: the windowing.

    Returns:
        The windows, a copy, and which of them are padded (repeated to fill the window).

    Raises:
        AudioError: too_short.
    """
    at = starts(len(wave), w)
    padded = np.full(len(at), len(wave) < w.samples)
    if len(wave) < w.samples:
        return np.resize(wave, (1, w.samples)), padded  # numpy's resize repeats.
    return np.stack([wave[i : i + w.samples] for i in at]), padded
