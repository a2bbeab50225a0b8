"""What a case is, and what came of it."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

RATE = 16000  # Of the encoder, and of files that say nothing else: decoding is exact then.
WINDOW = 16000
LEAST = 400  # Samples; fbank_chroma's.

ACCEPT, REFUSE, EITHER = 'accept', 'refuse', 'either'
VIOLATION = 'VIOLATION'


class Heard(NamedTuple):
    """A file of audio, and what must come of it.

    Attributes:
        path: what is handed to the package.
        verdict: `ACCEPT`, `REFUSE` or `EITHER`.
        wave: mono samples at `rate`, None where nothing is known of them.
        rate: of `wave`, in Hz.
        error: largest allowed rms of the difference, as a share of the wave's rms; 0 is exact
            (to float32's rounding of a mean).
        start, duration: of the clip, in seconds.
        more: samples that a codec may add behind the end, to fill its last block.
    """

    path: Path
    verdict: str = EITHER
    wave: np.ndarray | None = None
    rate: int = RATE
    error: float = 0.0
    start: float = 0.0
    duration: float | None = None
    more: int = 0


class Wanted(NamedTuple):
    """An item as the table was made to mean it; `label` is text, a set, numbers, or a target."""

    path: Path | str
    split: str
    label: Any
    start: float = 0.0
    duration: float | None = None
    there: bool = True  # Whether its audio can be used.


class Listed(NamedTuple):
    """A table, and what must come of it.

    Attributes:
        options: of the task `task`.
        verdict: `ACCEPT`, `REFUSE` or `EITHER`.
        wanted: items in order; () where nothing is known of them.
        names: what an error must mention, besides that it is one of ours.
        notes: what the remarks of `prepare` must mention.
    """

    options: dict[str, Any]
    verdict: str
    wanted: tuple[Wanted, ...] = ()
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    task: str = 'own_data'
    data: Path = Path('data')


class Case(NamedTuple):
    """One input. `make` writes it below a folder of its own, drawing from a generator."""

    id: str
    family: str
    make: Callable[[Path, np.random.Generator], Heard | Listed]

    @property
    def is_audio(self) -> bool:
        """Whether it is a file of audio, not a table."""
        return self.id.startswith('audio/')

    def generator(self, seed: int) -> np.random.Generator:
        """Its own randomness: the same alone and among others."""
        return np.random.default_rng([seed, zlib.crc32(self.id.encode())])

    def folder(self, root: Path) -> Path:
        """Where it is written."""
        return root / f'{zlib.crc32(self.id.encode()):08x}'


class Outcome(NamedTuple):
    """What a case came to ('accepted', 'refused', 'quarantined', `VIOLATION`...), and in words."""

    id: str
    family: str
    outcome: str
    what: str = ''
