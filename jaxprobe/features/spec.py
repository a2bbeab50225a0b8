"""What identifies a store, and what identifies a piece of audio in it.

A store holds the embeddings of any number of clips under one encoder setting, averaged over each
window or as frames at the rate a task needs. Its
fingerprint covers everything that can change a number in it, and nothing else: not the licences,
the tasks or the list of clips, so a store grows when a task brings new audio.
"""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.audio.decode import RESAMPLER
from jaxprobe.audio.window import Windowing
from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError
from jaxprobe.core.layers import width_groups


class Clip(NamedTuple):
    """A file, or a segment of it: seconds from `start`, to the end where duration is None."""

    path: Path
    start: float = 0.0
    duration: float | None = None

    def __str__(self) -> str:
        """The clip as an error message names it."""
        if not self.start and self.duration is None:
            return str(self.path)
        end = '' if self.duration is None else f'{self.start + self.duration:g}'
        return f'{self.path} [{self.start:g}..{end} s]'


# Fields that came after the first stores, with the value those had.
_LATER = {
    'lead_fill': 'reflect',
    'normalise': 'none',
    'options': (),
    'frames': 0,
    'deformation_seed': 0,
    'deformation_version': '',
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoreSpec:
    """Everything that can change a number in a store.

    Attributes:
        encoder: its name; the first part of the directory's name.
        weights_sha256: of the weights, 'random-<seed>' for drawn ones.
        port_version: of the encoder's code.
        layers: (name, width) of every layer, in depth order.
        compute_dtype: the encoder's.
        store_dtype: of the stored embeddings, 'float32' or 'bfloat16'.
        sample_rate: Hz.
        window_samples, hop_samples, tail, short, min_samples, lead_samples, lead_fill: see
            `Windowing`.
        deformation: 'clean', or what is done to items as they are decoded, see `deform.chain`.
        deformation_seed: the root seed where that draws; 0 else.
        deformation_version: of the code that does it.
        normalise: how items are scaled before they are cut, see `level.apply`.
        options: (name, value) of the encoder's options that are not at their defaults.
        frames: per window, evenly spaced; 0 where the window is averaged.
        batch_windows: windows per device step, the B of `[B, S]`.
    """

    encoder: str
    weights_sha256: str
    port_version: int
    layers: tuple[tuple[str, int], ...]
    compute_dtype: str = 'float32'
    store_dtype: str = 'float32'
    sample_rate: int
    window_samples: int
    hop_samples: int
    tail: str = 'drop'
    short: str = 'repeat'
    min_samples: int = 1
    lead_samples: int = 0
    pooling: str = 'mean'
    resampler: str = RESAMPLER
    deformation: str = 'clean'
    lead_fill: str = 'reflect'
    normalise: str = 'none'
    options: tuple[tuple[str, Any], ...] = ()
    frames: int = 0
    deformation_seed: int = 0
    deformation_version: str = ''
    batch_windows: int

    def __post_init__(self):
        """Refuses values that no store can have.

        Raises:
            ConfigError: a dtype that is not stored, no layers, or no windows per batch.
        """
        if self.store_dtype not in ('float32', 'bfloat16'):
            raise ConfigError(
                f'extract.dtype={self.store_dtype!r} cannot be stored: use float32 or bfloat16.'
            )
        if self.batch_windows < 1 or not self.layers:
            raise ConfigError(
                f'store of {self.encoder}: batch_windows={self.batch_windows} and '
                f'{len(self.layers)} layers; both must be at least 1.'
            )

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of all fields, 64 hex digits."""
        return fs.digest(self.record(), 64)

    @property
    def name(self) -> str:
        """The directory's name: encoder and the head of the fingerprint."""
        return f'{self.encoder}-{self.fingerprint[:12]}'

    def path(self, store_dir: Path) -> Path:
        """Where the store lies below `store_dir`."""
        return store_dir / self.name

    @property
    def windowing(self) -> Windowing:
        """How clips are cut."""
        return Windowing(
            self.window_samples,
            self.hop_samples,
            self.tail,
            self.short,
            self.min_samples,
            self.lead_samples,
            self.lead_fill,
        )

    def shape(self, width: int) -> tuple[int, ...]:
        """Of a window's record: [Lg, D], or [F, Lg, D] where frames are stored."""
        own = (len(self.groups[width]), width)
        return (self.frames, *own) if self.frames else own

    @property
    def input_samples(self) -> int:
        """The S of `[B, S]`: a window and the lead before it."""
        return self.lead_samples + self.window_samples

    @property
    def groups(self) -> dict[int, tuple[int, ...]]:
        """Layer indices by width, in order of first appearance."""
        return width_groups([width for _, width in self.layers])

    def record(self) -> dict[str, Any]:
        """The fields as JSON values; later ones only where they are not at their defaults.

        A store written before a field existed so keeps its fingerprint.
        """
        fields = dataclasses.asdict(self)
        for name, default in _LATER.items():
            if fields[name] == default:
                del fields[name]
        pairs = {'layers': [list(layer) for layer in self.layers]}
        if self.options:
            pairs['options'] = [list(option) for option in self.options]
        return fields | pairs

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> 'StoreSpec':
        """The spec whose `record` this is."""
        pairs = {k: record[k] for k in ('layers', 'options') if k in record}
        return cls(**{**record, **{k: tuple((a, b) for a, b in v) for k, v in pairs.items()}})


def embedding_name(width: int) -> str:
    """The feature that holds the layers of one width.

    >>> embedding_name(64)
    'embeddings_d64'
    """
    return f'embeddings_d{width}'
