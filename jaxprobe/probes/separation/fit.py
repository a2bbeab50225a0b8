"""How many models train at once: a formula says how many might, the compiler whether they do.

The very programs that will run are compiled before anything else, and the memory that the compiler
gave each is added up; where it exceeds what there is, fewer models are tried. Decided from the
machine's total memory, so that the same run is cut the same way every time.
"""

from collections.abc import Callable
from typing import NamedTuple

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import memory
from jaxprobe.probes.separation import head as heads
from jaxprobe.probes.separation.head import MaskHead

_SHARE = 0.65  # Of what a bank may use: fragments, and batches on their way.


class Cut(NamedTuple):
    """Models at once, the bytes their programs need, and those there are."""

    models: int
    bytes: float
    usable: float


def usable_bytes() -> float:
    """Memory that models may plan with."""
    return _SHARE * memory.usable_bytes()


def model_bytes(head: MaskHead, width: int, windows: int, frames: int) -> float:
    """About what training one model takes: parameters, and what its gradient remembers."""
    per_frame = width + 6 * head.hidden + 14 * head.hidden * head.lstm_layers + 8 * head.bins
    return 4.0 * (5 * heads.count(head, width) + windows * frames * per_frame)


def cut(
    models: int,
    each: float,
    most: int,
    needed_by: Callable[[int], float],
    usable: float | None = None,
) -> Cut:
    """Chooses how many models train at once.

    Args:
        models: that there are, in the largest group that can train together.
        each: bytes of one, by `model_bytes`.
        most: the user's bound; 0 for none.
        needed_by: a number of models -> bytes their programs need.
        usable: bytes to plan with; None asks the machine.

    Raises:
        ConfigError: not even one fits.
    """
    usable = usable_bytes() if usable is None else usable
    size = max(1, min(models, int(usable // each), most or models))
    while True:
        size = -(-models // -(-models // size))  # Equally full chunks.
        needed = needed_by(size)
        if needed <= usable:
            return Cut(size, needed, usable)
        if size == 1:
            raise ConfigError(
                f'not one separation model fits: its programs need {needed / 1e9:.2f} GB, and '
                f'{usable / 1e9:.2f} GB can be used. Use a smaller batch_items, shorter '
                f'window_seconds or fewer hidden units.'
            )
        size = max(1, min(size - 1, int(size * usable / needed)))
