"""Cutting an item into windows of one length; what happens to tails and to short items.

A window may come with a lead: samples that stand before it, for an encoder whose first frame
reaches back. Before the item's start they are the item's own reflection, or zeros.
"""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxprobe.audio.decode import AudioError
from jaxprobe.core.errors import ConfigError

TAILS = ('drop', 'overlap', 'pad')
SHORTS = ('repeat', 'refuse', 'pad')
LEADS = ('reflect', 'zeros')


@dataclasses.dataclass(frozen=True)
class Windowing:
    """How items become windows.

    Attributes:
        samples: length of a window.
        hop: from one window's start to the next.
        tail: 'drop' leaves out what does not fill a last window; 'overlap' adds one last full
            window that ends where the item ends; 'pad' adds one last window, a hop after the
            last full one, that zeros fill up.
        short: an item shorter than one window is repeated until it fills one ('repeat'), filled
            up with zeros ('pad'), or an error ('refuse').
        min_samples: an item with fewer samples is an error whatever `short` says.
        lead: samples before each window that are handed over with it; they change neither how
            many windows there are nor where they start.
        lead_fill: what the lead is before the item's start: its reflection, or zeros.
    """

    samples: int
    hop: int
    tail: str = 'drop'
    short: str = 'repeat'
    min_samples: int = 1
    lead: int = 0
    lead_fill: str = 'reflect'

    def __post_init__(self):
        """Refuses values that make no sense.

        Raises:
            ConfigError: an unknown policy, a length below 1, or a lead below 0.
        """
        for name, known in (('tail', TAILS), ('short', SHORTS), ('lead_fill', LEADS)):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f'windowing: {name}={getattr(self, name)!r} must be one of {", ".join(known)}.'
                )
        if self.samples < 1 or self.hop < 1:
            raise ConfigError(f'windowing: {self.samples} samples and hop {self.hop} must be >= 1.')
        if self.lead < 0:
            raise ConfigError(f'windowing: a lead of {self.lead} samples must be >= 0.')


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
    >>> starts(10, Windowing(samples=4, hop=4, tail='pad'))
    array([0, 4, 8])
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
    if w.tail != 'drop' and found[-1] + w.samples < n_samples:
        last = n_samples - w.samples if w.tail == 'overlap' else found[-1] + w.hop
        if last < n_samples:  # A hop longer than the window may leave nothing to pad.
            found = np.append(found, last)
    return found


def extended(wave: Float[np.ndarray, 'samples'], w: Windowing) -> Float[np.ndarray, 'extended']:
    """What windows are taken from: the one that starts at `s` is `[s : s + w.lead + w.samples]`.

    Args:
        wave: the item's samples, at least one. A segment of a longer file is an item like any
            other: what the file has before it is not looked at.
        w: the windowing.

    Returns:
        The item, first repeated or zero-filled to one window where it is shorter, with zeros
        after it where its last window is padded, then with `w.lead` samples before it: zeros, or
        what mirrors its start without repeating its first sample (numpy's 'reflect', back and
        forth where the lead is longer than the item). Not a copy if none of it is needed.

    >>> extended(np.array([1.0, 2, 3]), Windowing(samples=4, hop=4, lead=2))
    array([3., 2., 1., 2., 3., 1.])
    """
    if len(wave) < w.samples and w.short != 'pad':
        wave = np.resize(wave, w.samples)  # numpy's resize repeats.
    needed = w.samples if len(wave) < w.samples else int(starts(len(wave), w)[-1]) + w.samples
    if needed > len(wave):
        wave = np.pad(wave, (0, needed - len(wave)))
    if not w.lead:
        return wave
    mirror = w.lead_fill == 'reflect'
    return np.pad(wave, (w.lead, 0), mode='reflect' if mirror else 'constant')


def cut(
    wave: Float[np.ndarray, 'samples'], w: Windowing
) -> tuple[Float[np.ndarray, 'R S'], Bool[np.ndarray, 'R']]:
    """Cuts an item into windows.

    Args:
        wave: the item's samples.
        w: the windowing.

    Returns:
        The windows, a copy, each with its lead before it (S = lead + samples); and which of them
        are padded (repeated, or filled up with zeros).

    Raises:
        AudioError: too_short.
    """
    at = starts(len(wave), w)
    padded = at + w.samples > len(wave)
    whole = extended(wave, w)
    return np.stack([whole[i : i + w.lead + w.samples] for i in at]), padded
