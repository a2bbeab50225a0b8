"""Probes of frames: trained like any bank, then judged by item.

The scores of every frame of every cell go to a scratch file as cells finish, so that no memory
has to hold them; decoding turns them into the numbers of items that are stored, from which every
score can be computed again. Where decoding all cells would cost more than
`probe.decode_budget` allows, those are decoded that the monitor selects, per source the best rate,
and the record says so; the others have no score.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.encoders.base import Card, Encoder
from jaxprobe.encoders.pooled import pooled
from jaxprobe.encoders.subset import subset
from jaxprobe.features.frames import FrameReader
from jaxprobe.features.reader import RowReader
from jaxprobe.metrics import beats as beat_metrics
from jaxprobe.metrics import extra, kinds
from jaxprobe.metrics import frames as frame_metrics
from jaxprobe.probes import bank
from jaxprobe.probes.checkpoint import Checkpoint
from jaxprobe.probes.spec import BankResult, BankSpec, Split, nowhere
from jaxprobe.tasks import frame_targets
from jaxprobe.tasks.base import SPLITS, Beats, Item, Kind, Segments, Task

JUDGED = ('valid', 'test')


class Judged(NamedTuple):
    """What a frame bank leaves: its cells, and per split what items are scored by.

    Attributes:
        result: the cells, with the statistics of items for logits [P N K].
        targets: split -> reference rows [N K'], of training too.
        decoded: 'all', or why not all cells have scores.
    """

    result: BankResult
    targets: dict[str, Float[np.ndarray, 'N _']]
    decoded: str


class _Part(NamedTuple):
    """A split: its items, its frames as rows, and which row belongs to which item.

    Attributes:
        seconds: length of every item's windows together, or of the item where it is shorter.
        counts: rows that are frames of their own, not covered before, nor behind a short item.
    """

    items: Sequence[Item]
    split: Split
    owner: Int[np.ndarray, 'R']
    counts: Bool[np.ndarray, 'R']
    seconds: Float[np.ndarray, 'N']
    rate: float


def encoder_of(encoder: Encoder, task: Task, pooling: str = 'mean') -> Encoder:
    """The encoder as a task reads it: only layers that have frames, where frames are wanted.

    Args:
        encoder: as loaded, or as this returned it.
        task: of frames or of windows.
        pooling: statistics that are layers of a task of windows.

    Raises:
        ConfigError: it has no frames.
    """
    if not task.kind.framewise:
        return pooled(encoder, pooling)
    names = frame_layers(encoder.card)
    if not names:
        raise ConfigError(
            f'{task.name} needs frames, and {encoder.card.name} has clip-level layers only.'
        )
    return subset(encoder, ','.join(names))


def frame_layers(card: Card) -> list[str]:
    """Names of the layers that have frames."""
    return [layer.name for layer in card.layers if layer.frames]


def frames_per_window(task: Task, samples: int, sample_rate: int) -> int:
    """How many frames a window is stored as; 0 for tasks of means.

    Raises:
        ConfigError: the task names no rate, or its window is shorter than a frame.
    """
    if not task.kind.framewise:
        return 0
    frames = round(samples / sample_rate * task.protocol.frame_rate)
    if frames < 1:
        raise ConfigError(
            f'{task.name}: frame_rate={task.protocol.frame_rate} leaves no frame in a window of '
            f'{samples / sample_rate:.3f} s.'
        )
    return frames


def train(
    spec: BankSpec,
    widths: tuple[int, ...],
    task: Task,
    items: Mapping[str, Sequence[Item]],
    readers: Mapping[str, RowReader],
    scratch: Path,
    *,
    data: str,
    max_cells: int,
    budget: float,
    progress: Callable[[Any], Any] | None,
    chosen: Int[np.ndarray, 'K'] | None = None,
    vary: Callable[[dict[str, Split], Int[np.ndarray, 'W'] | None], dict[str, Split]] | None = None,
    devices: Sequence[Any] | None = None,
    keeps: bool = True,
    checkpoint: Checkpoint | None = None,
) -> Judged | None:
    """Trains a bank on frames and scores its cells by item.

    Args:
        spec: of the bank; its kind is what frames are trained as.
        widths: of the layers.
        task: whose items these are.
        items: split -> its items, in the readers' order.
        readers: split -> windows of frames.
        scratch: a file for the frames' scores; it is removed.
        data, max_cells, progress: as `bank.train`.
        budget: decoding steps (frames times states times cells) that are spent at most.
        chosen: the training items that are trained on; None for all.
        vary: makes the splits of what they would be and of the training windows of `chosen`.
        devices, checkpoint: as `bank.train`.
        keeps: False where another process that trains along scores the cells.

    Returns:
        The outcome; None where this process does not keep it.

    Raises:
        ConfigError, DataError: as `bank.train`.
    """
    parts = {s: _part(task, items[s], readers[s], widen=s == 'train') for s in SPLITS}
    if vary is not None:
        owner = np.repeat(np.arange(len(items['train'])), readers['train'].count)
        windows = None if chosen is None else np.flatnonzero(np.isin(owner, chosen))
        made = vary({s: part.split for s, part in parts.items()}, windows)
        parts = {s: part._replace(split=made[s]) for s, part in parts.items()}
    references = {s: _references(task, parts[s]) for s in SPLITS}
    check_added(task, references)
    rows = {s: len(parts[s].owner) for s in JUDGED}
    n_cells = len(spec.sources) * len(spec.learning_rates) * spec.seeds
    trained = functools.partial(
        bank.train,
        spec,
        widths,
        *(parts[s].split for s in SPLITS),
        data=data,
        max_cells=max_cells,
        progress=progress,
        devices=devices,
        checkpoint=checkpoint,
    )
    if not keeps:
        trained(take=nowhere)
        return None
    with _scratch(scratch, n_cells, sum(rows.values()), spec.outputs) as held:

        def take(cells: np.ndarray, split: str, scores: np.ndarray) -> None:
            begin = 0 if split == 'valid' else rows['valid']
            held[cells, begin : begin + rows[split]] = scores[:, : rows[split]]

        result = trained(take=take)
        chosen, decoded = _affordable(task, spec, result, parts, budget)
        found = {}
        for split, begin in (('valid', 0), ('test', rows['valid'])):
            scores = held[:, begin : begin + rows[split]]
            found[split] = _statistics(task, parts[split], scores, chosen)
    result = result._replace(valid_logits=found['valid'], test_logits=found['test'])
    return Judged(result, references, decoded)


def check_added(task: Task, references: Mapping[str, Float[np.ndarray, 'N _']]) -> None:
    """Asks metrics that were added what constants earn: before hours of training, not after.

    Raises:
        ConfigError: one of them answers with something that is no number.
        DataError: one is defined for no constant.
    """
    kind = task.kind.value
    for name in kinds.added(kind, task.metrics, task.labels):
        for split in JUDGED:
            asked = references['train'], references[split], len(task.labels)
            if np.isnan(extra.constants(kind, name, *asked)['best_constant']):
                raise DataError(
                    f'{task.name}: metric {name!r} is defined for no constant answer on the '
                    f'{split} items. It is given the reference rows and the statistics of items '
                    f'that jaxprobe/metrics/{kind}.py describes.'
                )


@contextlib.contextmanager
def _scratch(path: Path, cells: int, rows: int, outputs: int) -> Iterator[np.ndarray]:
    """Half precision on disk: 2 bytes per cell, frame and output."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        held = np.memmap(path, np.float16, 'w+', shape=(cells, rows, outputs))
        fs.reserve(path, held.nbytes)
        yield held
        del held
    except OSError as error:
        raise fs.named(error, path) from None
    finally:
        path.unlink(missing_ok=True)


def _part(task: Task, items: Sequence[Item], reader: RowReader, *, widen: bool) -> _Part:
    frames = reader.spec.frames
    rate = frames * reader.spec.sample_rate / reader.spec.window_samples
    starts, targets, counts = reader.starts(), [], []
    ends = starts[reader.first + reader.count - 1] + frames / rate
    short = (reader.padded > 0) & (reader.seconds > 0)
    ends[short] = np.minimum(ends, reader.seconds)[short]
    for item, first, count, end in zip(items, reader.first, reader.count, ends, strict=True):
        own = starts[first : first + count]
        behind = frame_targets.behind(own, frames, rate, end)
        counts.append(~(frame_targets.covered(own, frames, rate) | behind))
        if task.kind is Kind.BEATS:
            times = cast(Beats, item.target)
            found = frame_targets.beats(times, own, frames, rate, widen=widen)
            found[behind] = np.nan
        else:
            labelled = cast(Segments, item.target)
            found = frame_targets.segments(labelled, own, frames, rate)
            found[behind] = frame_targets.NONE
            if item.split in JUDGED and (found == frame_targets.NONE).all():
                raise DataError(
                    f'{task.name}: no frame of {item.id} ({item.path}) has a label: it lasts '
                    f'{end:.2f} s, and all of its labelled segments lie elsewhere. Mend its '
                    f'annotation, or leave it out.'
                )
        targets.append(found)
    split = Split(
        groups=FrameReader(reader),
        first=np.arange(reader.rows) * frames,
        count=np.full(reader.rows, frames),
        targets=np.concatenate(targets),
    )
    owner = np.repeat(np.arange(len(items)), reader.count * frames)
    return _Part(items, split, owner, np.concatenate(counts), ends, rate)


def decoding_steps(frames: int, rate: float) -> int:
    """What decoding beats and downbeats of one cell costs: frames times states."""
    return frames * sum(len(space.in_beat) for space in _spaces(rate))


def _affordable(
    task: Task, spec: BankSpec, result: BankResult, parts: Mapping[str, _Part], budget: float
) -> tuple[Bool[np.ndarray, 'P'], str]:
    """Which cells are scored: all, or per source the rate that the monitor likes best."""
    everything = np.ones(len(result.source), bool)
    if task.kind is not Kind.BEATS:
        return everything, 'all'
    frames = sum(len(parts[s].owner) for s in JUDGED)
    if len(everything) * decoding_steps(frames, parts['valid'].rate) <= budget:
        return everything, 'all'
    shape = (len(spec.sources), len(spec.learning_rates), spec.seeds)
    seen = result.best_monitor.reshape(shape).mean(axis=2)
    seen = np.where(np.isfinite(seen), seen if spec.higher_is_better else -seen, -np.inf)
    best = seen.argmax(axis=1)
    chosen = np.zeros(shape, bool)
    chosen[np.arange(len(best)), best] = True
    why = f'per source the rate with the best {spec.monitor}: all would exceed probe.decode_budget'
    return chosen.reshape(-1), why


def _spaces(rate: float) -> tuple[Any, Any]:
    from jaxprobe.decoding.state_space import Tempo, state_space

    return state_space(Tempo(rate)), state_space(Tempo(rate).downbeats())


def _statistics(
    task: Task,
    part: _Part,
    scores: Float[np.ndarray, 'P R C'],
    chosen: Bool[np.ndarray, 'P'],
) -> Float[np.ndarray, 'P N K']:
    """The numbers of every item that its scores are made of; nan for cells that are not chosen."""
    rows = [np.flatnonzero((part.owner == i) & part.counts) for i in range(len(part.items))]
    judge = _beats if task.kind is Kind.BEATS else _classes
    found = None
    for cell in np.flatnonzero(chosen):
        own = scores[cell].astype(np.float32)
        if not np.isfinite(own).all():  # It diverged before its first epoch counted.
            continue
        statistics = judge(task, part, own, rows)
        if found is None:
            found = np.full((len(chosen), *statistics.shape), np.nan)
        found[cell] = statistics
    if found is None:
        columns = beat_metrics.COLUMNS
        if task.kind is not Kind.BEATS:
            columns = len(task.labels) ** 2 + len(frame_metrics.SONG)
        found = np.full((len(chosen), len(part.items), columns), np.nan)
    return found


def _beats(
    task: Task, part: _Part, scores: Float[np.ndarray, 'R 2'], rows: Sequence[np.ndarray]
) -> Float[np.ndarray, 'N 8']:
    """Beats and downbeats decoded apart, as MARBLE does."""
    from jaxprobe.decoding import beats
    from jaxprobe.decoding.state_space import Tempo

    del task
    lengths = np.array([len(own) for own in rows])
    padded = np.zeros((2, len(rows), lengths.max()), np.float32)
    for i, own in enumerate(rows):
        with np.errstate(over='ignore'):  # A score of -89 is a chance of 0.
            padded[:, i, : len(own)] = 1 / (1 + np.exp(-scores[own].T.astype(np.float32)))
    tempo = Tempo(part.rate)
    on_beats = beats.decode(padded[0], lengths, tempo)
    downbeats = beats.decode(padded[1], lengths, tempo.downbeats())
    return np.stack(
        [
            beat_metrics.statistics(cast(Beats, item.target), estimate)
            for item, estimate in zip(part.items, zip(on_beats, downbeats), strict=True)
        ]
    )


def _classes(
    task: Task, part: _Part, scores: Float[np.ndarray, 'R C'], rows: Sequence[np.ndarray]
) -> Float[np.ndarray, 'N _']:
    answer, outputs = scores.argmax(axis=1), len(task.labels)
    return np.stack(
        [
            frame_metrics.statistics(part.split.targets[own], answer[own], outputs, part.rate)
            for own in rows
        ]
    )


def _references(task: Task, part: _Part) -> Float[np.ndarray, 'N _']:
    if task.kind is Kind.BEATS:
        pairs = zip(part.items, part.seconds, strict=True)
        return np.stack(
            [beat_metrics.reference_row(cast(Beats, i.target), float(s)) for i, s in pairs]
        )
    outputs = len(task.labels)
    return np.stack(
        [
            frame_metrics.reference_row(part.split.targets[part.owner == i], outputs)
            for i in range(len(part.items))
        ]
    )
