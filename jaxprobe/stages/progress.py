"""Progress of long work: rate and time left, a bar on a terminal, a line now and then in a log."""

import sys
import time
from typing import Any

from tqdm import tqdm

from jaxprobe.probes.spec import Progress

_LOG_SECONDS = 10.0  # Between lines where nobody watches.


def pace(value: float) -> str:
    """Writes a rate: whole from ten on, else two digits, so that slow is not nothing.

    >>> pace(126.4), pace(3.14159), pace(0.0421)
    ('126', '3.1', '0.042')
    """
    return f'{value:.0f}' if value >= 10 or not value else f'{value:.2g}'


def _bar(label: str, total: float | int) -> Any:
    watched = sys.stderr.isatty()
    # `postfix` may be any object the format can index; the type stubs know strings only.
    options: dict[str, Any] = {'postfix': ['']}
    return tqdm(
        total=total,
        desc=f'   {label}',
        bar_format='{desc}: {percentage:3.0f}% {postfix[0]}',
        **options,
        mininterval=0.2 if watched else _LOG_SECONDS,
        ascii=not watched,
        dynamic_ncols=watched,
    )


class Encoding:
    """Follows an extraction: seconds of audio, times real time, time left."""

    def __init__(self, label: str):
        """Shows nothing until the first batch is done."""
        self._label = label
        self._bar: Any = None
        self._began = time.monotonic()

    def __call__(self, done: float, total: float) -> None:
        """Takes seconds of audio done and to do."""
        if self._bar is None:
            self._bar = _bar(f'{self._label}: encoding', total)
        rate = done / max(1e-9, time.monotonic() - self._began)
        left = (total - done) / max(1e-9, rate)
        self._bar.postfix = [
            f'of {total:.0f} s of audio, {pace(rate)} x real time, {left:.0f} s left'
        ]
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Ends the line."""
        if self._bar is not None:
            self._bar.close()


class Decoding:
    """Follows files that are decoded for their samples alone."""

    def __init__(self, label: str, total: int):
        """Takes how many files there are."""
        self._bar = _bar(f'{label}: decoding', total)
        self._bar.postfix = [f'of {total} files']

    def __call__(self) -> None:
        """Counts a file."""
        self._bar.update(1)

    def close(self) -> None:
        """Ends the line."""
        self._bar.close()


class Training:
    """Follows a bank: epoch, cells still training, epochs per second, time left at most.

    Where cells are trained in waves the bar is that of all waves.
    """

    def __init__(self, label: str):
        """Shows nothing until the first epoch is done."""
        self._label = label
        self._bar: Any = None

    def __call__(self, at: Progress) -> None:
        """Takes where the bank stands after an epoch."""
        if self._bar is None:
            self._bar = _bar(f'{self._label}: training', at.waves * at.epochs)
        left = f'{pace(at.epochs_per_second)} epochs/s, at most {at.seconds_left:.0f} s left'
        wave = f'wave {at.wave + 1} of {at.waves}, ' if at.waves > 1 else ''
        text = f'{wave}epoch {at.epoch + 1} of {at.epochs}, {at.alive} of {at.cells} cells, {left}'
        self._bar.postfix = [text]
        # All cells may stop before the last epoch; then the wave is done, whatever its share.
        here = at.epoch + 1 if at.alive else at.epochs
        self._bar.update(at.wave * at.epochs + here - self._bar.n)

    def close(self) -> None:
        """Ends the line."""
        if self._bar is not None:
            self._bar.close()
