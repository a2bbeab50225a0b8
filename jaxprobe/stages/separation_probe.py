"""Probes of source separation: masks from frozen frames, trained by window, judged by song.

Spectra are always those of 24 kHz mono waves, 2048 samples per transform, at the task's frame rate
(75 Hz: a hop of 320), whatever rate an encoder hears at, so that encoders are judged on the same
waves. Frames of an encoder are stored at its own rate where that is lower, and each stands for as
many frames of spectra as it covers. Training sees every window of the true mixtures once per epoch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxprobe.audio import loader
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Card
from jaxprobe.features.reader import RowReader
from jaxprobe.metrics import separation as metrics
from jaxprobe.probes.separation import bank
from jaxprobe.probes.separation.data import Data, Groups, Whole, Windows
from jaxprobe.probes.separation.head import MaskHead
from jaxprobe.probes.separation.spectra import Spectra
from jaxprobe.probes.spec import BankResult, BankSpec
from jaxprobe.stages import frame_probe, stem_waves
from jaxprobe.tasks import frame_targets
from jaxprobe.tasks.base import SPLITS, Item, Task

JUDGED = ('valid', 'test')


class Judged(NamedTuple):
    """What a separation bank leaves.

    Attributes:
        result: the cells, with energies of items for logits [P N 2K].
        targets: split -> reference rows [N 2K], of training too.
        best_epochs: of every cell, each target's.
    """

    result: BankResult
    targets: dict[str, Float[np.ndarray, 'N _']]
    best_epochs: list[list[int]]


class _Part(NamedTuple):
    """A split: its windows in the store, where they start, and its waves."""

    reader: RowReader
    starts: Float[np.ndarray, 'W']
    owner: Int[np.ndarray, 'W']
    paths: list[Path]


def spectra_of(task: Task) -> Spectra:
    """Sizes of the task's spectra.

    Raises:
        ConfigError: the frame rate does not divide the sample rate.
    """
    rate, n_fft = int(task.options.get('rate', 24000)), int(task.options.get('n_fft', 2048))
    hop = rate / task.protocol.frame_rate
    if hop != int(hop) or not 0 < hop <= n_fft / 2:
        raise ConfigError(
            f'{task.name}: frame_rate={task.protocol.frame_rate} makes a hop of {hop:.2f} samples '
            f'at {rate} Hz; it must be a whole number, and at most half of n_fft={n_fft}.'
        )
    return Spectra(rate, n_fft, int(hop))


def head_of(task: Task) -> MaskHead:
    """The shape of the task's heads.

    Raises:
        ConfigError: the protocol names another number of hidden layers than one, or a width that
            two directions cannot share.
    """
    hidden, both = task.protocol.hidden, task.options.get('direction', 'uni') == 'bi'
    if len(hidden) != 1 or (both and hidden[0] % 2):
        raise ConfigError(
            f'{task.name}: hidden={hidden} must be one width{", an even one" if both else ""}: '
            f'that of the LSTM and of the layers around it.'
        )
    return MaskHead(
        bins=spectra_of(task).bins,
        hidden=hidden[0],
        lstm_layers=int(task.options.get('lstm_layers', 3)),
        bidirectional=both,
        dropout=task.protocol.dropout,
    )


def record(task: Task) -> dict[str, Any]:
    """Head and spectra as results and fingerprints have them."""
    return {'head': head_of(task)._asdict(), 'spectra': spectra_of(task)._asdict()}


def stored_frames(task: Task, card: Card, samples: int) -> int:
    """Frames of embeddings that are stored of a window: the task's, or the encoder's if fewer.

    Raises:
        ConfigError: see `head_of`; here because nothing is encoded before this is asked.
    """
    head_of(task)
    rate = min(task.protocol.frame_rate, card.frame_rate)
    return max(1, round(samples / card.sample_rate * rate))


def train(
    spec: BankSpec,
    widths: tuple[int, ...],
    task: Task,
    items: Mapping[str, Sequence[Item]],
    readers: Mapping[str, RowReader],
    store_dir: Path,
    *,
    max_cells: int,
    threads: int,
    progress: Callable[[Any], Any] | None,
) -> Judged:
    """Trains a bank of mask heads and scores every item with every cell.

    Args:
        spec: of the bank.
        widths: of the layers.
        task: whose items these are.
        items: split -> its items, in the readers' order.
        readers: split -> windows of frames.
        store_dir: waves are kept in it, see `stem_waves`.
        max_cells: trained at once; 0 takes as many as memory holds.
        threads: that decode.
        progress: called after every epoch.

    Raises:
        ConfigError: the grid or the head cannot be, or not one model fits.
        DataError: stems cannot be used.
    """
    spectra, head = spectra_of(task), head_of(task)
    parts = {}
    for split in SPLITS:
        paths = stem_waves.prepare(items[split], store_dir, spectra.rate, threads=threads)
        owner = np.repeat(np.arange(len(paths)), readers[split].count)
        parts[split] = _Part(readers[split], readers[split].starts(), owner, paths)
    references = {split: _references(part) for split, part in parts.items()}
    frame_probe.check_added(task, references)
    targets = len(task.labels)
    data = Data(
        train=_windows(parts['train'], spectra),
        valid=_windows(parts['valid'], spectra),
        songs={s: _whole(parts[s], references[s][:, :targets], spectra) for s in JUDGED},
        stored=readers['train'].spec.frames,
        targets=targets,
    )
    setup = bank.set_up(spec, head, spectra, widths, data)
    result, found = bank.train(setup, max_cells=max_cells, progress=progress)
    return Judged(result, references, found.best_epoch.tolist())


def _frames(reader: RowReader, spectra: Spectra) -> int:
    """Frames of spectra that a window answers for."""
    return planned_frames(reader.spec.window_samples, reader.spec.sample_rate, spectra)


def planned_frames(samples: int, sample_rate: int, spectra: Spectra) -> int:
    """Frames of spectra that a window of so many of the encoder's samples answers for."""
    return max(1, round(samples / sample_rate * spectra.frame_rate))


def _waves(path: Path) -> Float[np.ndarray, 'K S']:
    return np.load(path, mmap_mode='r')


def _references(part: _Part) -> Float[np.ndarray, 'N _']:
    rows = [metrics.reference_row(w[1:], w[0]) for w in map(_waves, part.paths)]
    return np.stack(rows)


def _windows(part: _Part, spectra: Spectra) -> Windows:
    frames = _frames(part.reader, spectra)
    lengths = np.array([_waves(path).shape[1] for path in part.paths])

    def one(rows: Int[np.ndarray, 'B']) -> tuple[Groups, Float[np.ndarray, 'B K S']]:
        begin = np.round(part.starts[rows] * spectra.rate).astype(int) - spectra.n_fft // 2
        waves = [
            stem_waves.cut(_waves(part.paths[part.owner[row]]), int(at), spectra.samples(frames))
            for row, at in zip(rows, begin, strict=True)
        ]
        return part.reader.read(rows), np.stack(waves)

    def read(lists: Sequence[Int[np.ndarray, '_']]) -> Iterator[Any]:
        ahead = loader.ahead(lists, one, lambda rows: 1.0, threads=2, budget=2.0)
        return (found for _, found in ahead)

    return Windows(_counts(part, lengths, frames, spectra), read)


def _counts(
    part: _Part, lengths: Int[np.ndarray, 'N'], frames: int, spectra: Spectra
) -> Bool[np.ndarray, 'W T']:
    """Frames within their item that no window before has had."""
    time = part.starts[:, None] + np.arange(frames)[None] / spectra.frame_rate
    inside = time * spectra.rate < lengths[part.owner][:, None]
    covered = [
        frame_targets.covered(part.starts[part.owner == n], frames, spectra.frame_rate)
        for n in range(len(lengths))
    ]
    return inside & ~np.concatenate(covered).reshape(inside.shape)


def _whole(part: _Part, energies: Float[np.ndarray, 'N K'], spectra: Spectra) -> Whole:
    frames = _frames(part.reader, spectra)
    first, count = part.reader.first, part.reader.count
    songs = list(range(len(part.paths)))

    def one(n: int) -> tuple[Groups, Float[np.ndarray, 'K S'], Int[np.ndarray, 'T']]:
        rows = np.arange(first[n], first[n] + count[n])
        waves = np.array(_waves(part.paths[n]))
        place = places(part.starts[rows], frames, spectra, waves.shape[1])
        return part.reader.read(rows), waves, place

    def read() -> Iterator[Any]:
        ahead = loader.ahead(songs, one, lambda n: 1.0, threads=2, budget=2.0)
        return (found for _, found in ahead)

    longest = max(_waves(path).shape[1] for path in part.paths)
    return Whole(energies, read, (int(count.max()), longest))


def places(
    starts: Float[np.ndarray, 'W'], frames: int, spectra: Spectra, samples: int
) -> Int[np.ndarray, 'T']:
    """For every frame of an item's spectra the frame, through all windows, that answers for it.

    That is the nearest one of the first window that reaches over it; behind the last window its
    last frame answers.
    """
    time = np.arange(spectra.frames(samples)) / spectra.frame_rate
    half = 0.5 / spectra.frame_rate
    ends = starts + frames / spectra.frame_rate
    window = np.minimum(np.searchsorted(ends, time + half, side='left'), len(starts) - 1)
    within = np.round((time - starts[window]) * spectra.frame_rate).astype(int)
    return window * frames + np.clip(within, 0, frames - 1)
