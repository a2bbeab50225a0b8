"""What a task is: an audio collection, a target, a protocol and the metrics it is judged by.

A task is data plus two functions, `prepare` and `items`. It knows nothing of encoders, jax or
the store. `tests/contract/tasks_test.py` holds every registered task to this page.
"""

import dataclasses
import enum
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

SPLITS = ('train', 'valid', 'test')


class Beats(NamedTuple):
    """Times of an item's beats and downbeats, in seconds from the item's start, ascending."""

    beats: tuple[float, ...]
    downbeats: tuple[float, ...]


class Segments(NamedTuple):
    """Labelled stretches of an item: each reaches to the next one's start, the last to `end`.

    Label -1 marks a stretch that is neither trained on nor scored.
    """

    starts: tuple[float, ...]
    labels: tuple[int, ...]
    end: float


class Stems(NamedTuple):
    """The separate recordings that sum to an item's mixture, in the order of the task's labels."""

    paths: tuple[Path, ...]

    def __repr__(self) -> str:
        """Names without folders: what a split is must not depend on where the data lie."""
        return f'Stems({", ".join(path.name for path in self.paths)})'


Target = int | tuple[int, ...] | tuple[float, ...] | Beats | Segments | Stems


class Kind(enum.Enum):
    """What a target is, and with it the loss, the outputs and the metrics."""

    MULTICLASS = 'multiclass'  # One class index.
    MULTILABEL = 'multilabel'  # A tuple of the indices of the tags that hold.
    REGRESSION = 'regression'  # A tuple of numbers, one per output.
    KEY = 'key'  # One of 24: C..B major, then C..B minor.
    BEATS = 'beats'  # `Beats`: two outputs per frame, decoded into times.
    FRAMES = 'frames'  # `Segments`: one class per frame.
    SEPARATION = 'separation'  # `Stems`: one mask per frame, frequency and stem.

    @property
    def framewise(self) -> bool:
        """Whether frames are stored and trained on, not means of windows."""
        return self in (Kind.BEATS, Kind.FRAMES, Kind.SEPARATION)


@dataclasses.dataclass(frozen=True)
class Item:
    """One labelled thing of a data set; the unit that is scored.

    Attributes:
        id: unique within the task.
        path: the audio file.
        split: 'train', 'valid' or 'test'.
        target: see `Kind`.
        start: where the item begins in the file, in seconds.
        duration: its length in seconds; None means to the end of the file.
        group: artist, singer or song, for clustered statistics; '' where unknown.
        more: further files of the same item, whole and in order: the clips that a song was cut
            into. The windows of all its files are the item's windows.
    """

    id: str
    path: Path
    split: str
    target: Target
    start: float = 0.0
    duration: float | None = None
    group: str = ''
    more: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of its files, in order."""
        return (self.path, *self.more)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """What is known of a data set without touching the disk."""

    name: str
    title: str
    homepage: str
    licence: str
    citation: str
    how_to_get: str  # What to download and where to put it, in a few lines.
    folder: str  # Below the data directory; its existence is the one path test of `jaxprobe ls`.
    split_source: str
    items: Mapping[str, int]  # Expected items per split; empty where it depends on the user.
    hours: float  # Of audio; 0 where it depends on the user.
    broken: Mapping[str, str] = dataclasses.field(default_factory=dict)  # Excluded: id -> reason.
    split_sha256: str = ''  # As `targets.split_sha256` gives it, where it is known beforehand.
    departures: tuple[str, ...] = ()  # Where we differ from those we follow, and why.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """How probes are trained and scored; the defaults are MARBLE v1's (spec/tasks.md, 2)."""

    monitor: str  # The validation metric that schedules, stops and selects.
    hidden: tuple[int, ...] = (512,)
    dropout: float = 0.2
    batch_items: int = 64  # Items per step, with all their windows.
    epochs: int = 100
    plateau_patience: int = 5
    plateau_factor: float = 0.5
    stop_patience: int = 20
    aggregation: str = 'logits'  # Of an item's windows: 'logits', 'probs' or 'embeddings'.
    window_seconds: float = 0.0  # 0: the encoder's default.
    tail: str = 'drop'  # Of an item's remainder: 'drop', or 'overlap' (one last full window).
    select_by: str = ''  # Validation metric that chooses among cells; '' is the monitor.
    frame_rate: float = 0.0  # Frames per second that are stored and labelled; 0: window means.
    l2: float = 0.0  # Times the sum of squares of weights and biases, added to the loss.
    learning_rates: tuple[float, ...] = ()  # Of the protocol; (): those of the config.


@dataclasses.dataclass(frozen=True)
class Preparation:
    """What `prepare` found. `usable` is False when training on it would be meaningless."""

    usable: bool
    found: Mapping[str, int]  # Items per split whose audio is there.
    expected: Mapping[str, int]  # Items per split the card or the manifest asks for.
    missing: tuple[str, ...] = ()  # Every missing file, in order.
    unreadable: tuple[str, ...] = ()  # Files that are there and cannot be decoded, as far as known.
    excluded: Mapping[str, str] = dataclasses.field(default_factory=dict)  # Broken: id -> reason.
    notes: tuple[str, ...] = ()  # Of the data; every result carries them.
    split_sha256: str = ''  # Of the sorted (id, split, target) lines.
    here: tuple[str, ...] = ()  # Of this copy and this call (where it lies): for the user alone.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """A task, ready to run.

    Attributes:
        labels: names of the outputs, in index order.
        metrics: names reported, of `jaxprobe.metrics`; the first is the primary one.
        prepare: data directory -> what is there; makes synthetic data, downloads nothing.
        items: data directory -> every item, in a fixed order, broken ones left out. Raises
            DataError where the layout is not there; does not open audio.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    card: DatasetCard
    protocol: Protocol
    prepare: Callable[[Path], Preparation]
    items: Callable[[Path], list[Item]]
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    status: str = 'works'

    @property
    def primary(self) -> str:
        """The metric that is reported first and selected by unless the protocol says otherwise."""
        return self.metrics[0]
