"""Where a bank's rows come from: held on the device, or streamed from a reader with prefetch.

Both feeds hand out the same batches: a segment is a run of steps with its rows, and an
evaluation chunk a fixed number of rows in order. A streamed segment's rows are renumbered to
the order in which they were read; the numbers in them are the same.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, Shaped

from jaxprobe.probes import cells, draws
from jaxprobe.probes.items import Ragged
from jaxprobe.probes.mesh import ONE, Placement
from jaxprobe.probes.spec import BankSpec, RowReader, Split

Views = dict[int, Float[Array, '_ _ _']]

# Windows read at once where items are averaged: their rows are many times those that are kept.
_WINDOWS = 256
# Rows read at once where all are held: beside them stand a few pieces as the store has them.
_ROWS = 1024


class Batches(NamedTuple):
    """The draws of n consecutive steps, for every seed S."""

    rows: Int[Array, 'S n R']
    items: Int[Array, 'S n R']
    n_rows: Int[Array, 'S n']
    keeps: tuple[Bool[Array, 'S n R _'], ...]


class Segment(NamedTuple):
    """A run of steps: the rows it may read, its draws, and how many of its steps count."""

    data: Views
    batches: Batches
    n_steps: int


class _Drawn(NamedTuple):
    """A segment's draws on the host; fields as in `Batches`."""

    start: int
    rows: Int[np.ndarray, 'S n R']
    items: Int[np.ndarray, 'S n R']
    n_rows: Int[np.ndarray, 'S n']
    n_steps: int


class Layout(NamedTuple):
    """Static sizes of the training batches."""

    steps: int  # Per epoch.
    items: int  # Per step.
    rows: int  # Per step, padding included.
    segment: int  # Steps drawn at once.
    epochs: int = 1  # Drawn at once, where an epoch is one segment.
    seeds: int = 1  # Drawn at once.


def averaged(split: Split) -> Split:
    """One row per item: the mean of its windows' embeddings (aggregation `embeddings`)."""
    n = len(split.first)
    if isinstance(split.groups, dict):
        groups = _ItemMeans(_Memory(split.groups), split.first, split.count).read(np.arange(n))
    else:
        groups = _ItemMeans(split.groups, split.first, split.count)
    return split._replace(groups=groups, first=np.arange(n), count=np.ones(n, int))


def merged(split: Split, most: int) -> Split:
    """Runs of up to `most` consecutive windows of an item become one row, their mean.

    The last run of an item has what is left of its windows.
    """
    runs = -(-split.count // most)  # Per item.
    place = np.arange(runs.sum()) - np.repeat(np.cumsum(runs) - runs, runs)
    first = np.repeat(split.first, runs) + place * most
    count = np.minimum(most, np.repeat(split.first + split.count, runs) - first)
    groups = _ItemMeans(reader_of(split), first, count)
    if isinstance(split.groups, dict):
        groups = groups.read(np.arange(len(first)))
    return split._replace(groups=groups, first=np.cumsum(runs) - runs, count=runs)


class _Memory(NamedTuple):
    """Rows in memory, read like rows of a store."""

    groups: dict[int, Shaped[np.ndarray, '_ _ _']]

    def read(self, rows: Int[np.ndarray, 'R']) -> dict[int, Shaped[np.ndarray, '_ _ _']]:
        return {width: array[rows] for width, array in self.groups.items()}

    def prefetched(self, chunks: Sequence[np.ndarray]) -> Iterator[dict[int, np.ndarray]]:
        return (self.read(rows) for rows in chunks)


class _ItemMeans(NamedTuple):
    """A reader of items that averages the rows of each.

    It reads some windows at a time, items whole, so that never all those of a chunk are held.
    """

    reader: RowReader
    first: Int[np.ndarray, 'N']
    count: Int[np.ndarray, 'N']

    def read(self, rows: Int[np.ndarray, 'R']) -> dict[int, Shaped[np.ndarray, '_ _ _']]:
        (groups,) = self.prefetched([rows])
        return groups

    def prefetched(self, chunks: Sequence[np.ndarray]) -> Iterator[dict[int, np.ndarray]]:
        pieces = [self._pieces(rows) for rows in chunks]
        each = [piece for several in pieces for piece in several]
        windows = self.reader.prefetched([_windows(self.first[p], self.count[p]) for p in each])
        means = (self._means(piece, groups) for piece, groups in zip(each, windows))
        for rows, several in zip(chunks, pieces):
            yield _joined(itertools.islice(means, len(several)), len(rows))

    def _pieces(self, items: np.ndarray) -> list[np.ndarray]:
        last = np.cumsum(self.count[items]) - 1
        return np.split(items, np.flatnonzero(np.diff(last // _WINDOWS)) + 1)

    def _means(self, items: np.ndarray, groups: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
        count = self.count[items]
        start = np.cumsum(count) - count
        return {
            width: np.add.reduceat(array.astype(np.float32, copy=False), start, axis=0)
            / count[:, None, None].astype(np.float32)
            for width, array in groups.items()
        }


def _joined(parts: Iterator[dict[int, np.ndarray]], n: int) -> dict[int, np.ndarray]:
    """Consecutive rows by width, `n` in all, as one array of each width."""
    out: dict[int, np.ndarray] = {}
    begin = end = 0
    for part in parts:
        for width, rows in part.items():
            if width not in out:
                out[width] = np.empty((n, *rows.shape[1:]), rows.dtype)
            end = begin + len(rows)
            out[width][begin:end] = rows
        begin = end
    return out


def _windows(first: Int[np.ndarray, 'N'], count: Int[np.ndarray, 'N']) -> Int[np.ndarray, 'R']:
    """The rows of items, item after item."""
    start = np.cumsum(count) - count
    return np.repeat(first - start, count) + np.arange(count.sum())


def reader_of(split: Split) -> RowReader:
    """The split's rows as a reader, wherever they are."""
    return _Memory(split.groups) if isinstance(split.groups, dict) else split.groups


def n_rows(split: Split) -> int:
    """How many rows the split's items span."""
    return int((split.first + split.count).max())


def ragged(split: Split) -> Ragged:
    """The split's item table, for aggregation."""
    first, count = jnp.asarray(split.first, jnp.int32), jnp.asarray(split.count, jnp.int32)
    return Ragged(first, count, int(split.count.max()))


def by_frame(split: Split) -> Ragged:
    """The table of a frame task's split: every frame is scored by itself."""
    rows = n_rows(split)
    return Ragged(jnp.arange(rows), jnp.ones(rows, jnp.int32), 1)


def step_rows(spec: BankSpec, split: Split) -> int:
    """Rows of a training step, padding included: the most that any step meets."""
    n = len(split.first)
    if split.count.min() == split.count.max():
        return min(spec.batch_items, n) * int(split.count[0])
    rows = _most_rows(spec, split.count)
    if split.chosen is not None:  # Never fewer than for all items: one program serves both.
        rows = max(rows, _most_rows(spec, split.count[split.chosen]))
    return -(-rows // 16) * 16


def layout(
    spec: BankSpec,
    split: Split,
    memory: float,
    row_bytes: int = 0,
    rows: int = 0,
    most_epochs: int = 1,
    seeds: int = 0,
) -> Layout:
    """Fixes the static sizes of training.

    The row count of a step is the largest that any step of any epoch of these seeds meets:
    the draws are known beforehand, and the worst conceivable batch can be many times larger.
    The sizes are those of all items, whichever are trained on; only the number of steps is not.
    `memory` bounds the bytes of one segment: its masks, and `row_bytes` for every row where rows
    are streamed. `rows` are those of a step where they are known already (`step_rows`),
    `most_epochs` bounds those that are drawn at once, and `seeds` is how many are; 0: all.
    """
    n = len(split.first)
    steps = math.ceil(n / spec.batch_items)
    items = min(spec.batch_items, n)
    rows = rows or step_rows(spec, split)
    seeds = seeds or spec.seeds
    per_step = seeds * rows * max(1, sum(spec.hidden) + row_bytes)
    segments = math.ceil(steps / max(1, int(memory // per_step)))
    taken = math.ceil(len(trained_on(split)) / spec.batch_items)
    epochs = int(memory // (per_step * steps)) if segments == 1 else 1
    epochs = max(1, min(epochs, most_epochs, spec.epochs))
    return Layout(taken, items, rows, math.ceil(steps / segments), epochs, seeds)


def trained_on(split: Split) -> Int[np.ndarray, 'K']:
    """The items of a split that are trained on."""
    return np.arange(len(split.first)) if split.chosen is None else split.chosen


def _most_rows(spec: BankSpec, count: Int[np.ndarray, 'N']) -> int:
    steps = math.ceil(len(count) / spec.batch_items)
    padded = np.zeros(steps * spec.batch_items, np.int64)
    most = 0
    for origin in draws.origins(spec.root_seed, spec.task, range(spec.seeds)):
        for epoch in range(spec.epochs):
            padded[: len(count)] = count[draws.order(origin, epoch, len(count))]
            most = max(most, int(padded.reshape(steps, -1).sum(-1).max()))
    return most


def batch_rows(
    order: Int[np.ndarray, 'K'],
    split: Split,
    steps: range,
    sizes: Layout,
    frames: bool = False,
    owner: Int[np.ndarray, 'N'] | None = None,
) -> tuple[Int[np.ndarray, 'n R'], Int[np.ndarray, 'n R'], Int[np.ndarray, 'n']]:
    """The rows of some steps of one epoch: each item's windows, item after item.

    Args:
        order: of the items trained on.
        split: their rows.
        steps: of the epoch.
        sizes: of the batches.
        frames: whether every row has a target of its own.
        owner: whose target an item is trained with; None: its own.

    Returns:
        Row of every place, and where its target is (its item, or in a frame task the row
        itself), 0 in places beyond a step's rows; and how many rows each step has (at least 1,
        also beyond the epoch's end).
    """
    rows = np.zeros((len(steps), sizes.rows), np.int32)
    items = np.zeros_like(rows)
    filled = np.ones(len(steps), np.int32)
    for place, step in enumerate(steps):
        batch = order[step * sizes.items : (step + 1) * sizes.items]
        count = split.count[batch]
        total = int(count.sum())
        rows[place, :total] = _windows(split.first[batch], count)
        whose = batch if owner is None else owner[batch]
        labelled = _windows(split.first[whose], count) if frames else np.repeat(whose, count)
        items[place, :total] = labelled
        filled[place] = max(total, 1)
    return rows, items, filled


@partial(jax.jit, static_argnames=('rows', 'hidden', 'dropout'))
def draw_keeps(
    keys: Key[Array, 'S'],
    epochs: Int[Array, 'n'],
    steps: Int[Array, 'n'],
    *,
    rows: int,
    hidden: tuple[int, ...],
    dropout: float,
) -> tuple[Bool[Array, 'S n R _'], ...]:
    """The dropout masks of some steps, each of its epoch, one array per hidden layer."""

    def of_layer(i: int, width: int):
        def one(key, epoch, step):
            return draws.keep(key, epoch, step, i, (rows, width), dropout)

        return jax.vmap(jax.vmap(one, (None, 0, 0)), (0, None, None))(keys, epochs, steps)

    return tuple(of_layer(i, width) for i, width in enumerate(hidden))


class Whole(NamedTuple):
    """What whole epochs run on: all rows, those of validation in chunks, and draws of epochs."""

    data: Views
    valid: dict[int, Float[Array, 'n _ _ _']]
    # Of `Layout.epochs` epochs from one on, for some seeds: `[S E n ...]`.
    batches: Callable[[int, range], Batches]
    epochs: int
    steps: int


class Feed(NamedTuple):
    """A bank's data: `segments(epoch, seeds)` for training, `valid()` and `test()` for evaluation.

    `whole` is there where an epoch needs nothing but what is on the device.
    """

    segments: Callable[[int, range], Iterator[Segment]]
    valid: Callable[[], Iterator[Views]]
    test: Callable[[], Iterator[Views]]
    whole: Whole | None = None


def chunk_views(
    split: Split, the_plan: cells.Plan, size: int, placement: Placement = ONE
) -> Iterator[dict[int, dict[int, Float[np.ndarray, '_ _ _']]]]:
    """The rows of a split in order, `size` at a time, the last chunk filled with zeros.

    Yields:
        Place along the mesh axis `data`, of this process -> its rows of a chunk.
    """
    reader, total = reader_of(split), n_rows(split)
    each = size // placement.data
    chunks = [
        [np.arange(*_within(start + place * each, each, total)) for place in placement.shares]
        for start in range(0, total, size)
    ]
    # Of the last chunk there may be nothing for this process, and no reader is asked for nothing.
    wanted = [rows if len(rows) else np.zeros(1, int) for rows in map(np.concatenate, chunks)]
    for parts, groups in zip(chunks, reader.prefetched(wanted)):
        views, stop = cells.read_views(groups, the_plan), 0
        found = {}
        for place, rows in zip(placement.shares, parts):
            start, stop = stop, stop + len(rows)
            own = {pad: array[:, start:stop] for pad, array in views.items()}
            found[place] = _filled(own, each - len(rows))
        yield found


def _within(start: int, count: int, total: int) -> tuple[int, int]:
    """Where `count` rows from `start` on begin and end, of `total`."""
    return min(start, total), min(start + count, total)


def _filled(views: dict[int, np.ndarray], short: int) -> dict[int, np.ndarray]:
    """Views with as many rows of zeros more; themselves, not copied, where none is short."""
    if not short:
        return views
    return {p: np.pad(v, ((0, 0), (0, short), (0, 0))) for p, v in views.items()}


def passing(
    split: Split, the_plan: cells.Plan, chunk: int, placement: Placement = ONE
) -> Callable[[], Iterator[Views]]:
    """The rows of a split as they are read, chunk by chunk; nothing of them is held."""
    return lambda: map(placement.rows, chunk_views(split, the_plan, chunk, placement))


def resident(
    spec: BankSpec,
    the_plan: cells.Plan,
    splits: tuple[Split, Split, Split],
    sizes: Layout,
    chunk: int,
    placement: Placement = ONE,
) -> Feed:
    """Holds all rows on the device; an epoch touches the host for nothing but its numbers."""
    train, *judged = splits
    data = placement.rows(_shares(train, the_plan, placement))
    held = [placement.rows(_stacked(chunk_views(s, the_plan, chunk, placement))) for s in judged]

    def segments(epoch: int, seeds: range) -> Iterator[Segment]:
        for drawn in _draws(spec, train, sizes, epoch, seeds):
            batches = placement.everywhere(_batches(spec, drawn, epoch, seeds))
            yield Segment(data, batches, drawn.n_steps)

    def batches(epoch: int, seeds: range) -> Batches:
        # Epochs beyond the last are drawn where the last stretch is short, and never run.
        several = [min(epoch + k, spec.epochs - 1) for k in range(sizes.epochs)]
        drawn = [next(_draws(spec, train, sizes, e, seeds)) for e in several]
        return placement.everywhere(_batches_of(spec, drawn, several, seeds))

    valid, test = (partial(_chunks, stacked) for stacked in held)
    if sizes.segment < sizes.steps:
        return Feed(segments, valid, test)
    whole = Whole(data, held[0], batches, sizes.epochs, sizes.steps)
    return Feed(segments, valid, test, whole)


def _shares(
    split: Split, the_plan: cells.Plan, placement: Placement
) -> dict[int, dict[int, Float[np.ndarray, '_ _ _']]]:
    """A split's rows by place along `data`, at each place equally many; read piece by piece."""
    reader, total = reader_of(split), n_rows(split)
    each = -(-total // placement.data)
    out = {
        place: {
            pad: np.zeros((len(views), each, pad), np.float32)
            for pad, views in the_plan.views.items()
        }
        for place in placement.shares
    }
    pieces = [
        (place, start, np.arange(start, min(start + _ROWS, stop)))
        for place in placement.shares
        for start, stop in [_within(place * each, each, total)]
        for start in range(start, stop, _ROWS)
    ]
    read = reader.prefetched([rows for *_, rows in pieces])
    for (place, start, rows), groups in zip(pieces, read):
        for pad, views in cells.read_views(groups, the_plan).items():
            begin = start - place * each
            out[place][pad][:, begin : begin + len(rows)] = views
    return out


def _stacked(
    chunks: Iterator[dict[int, dict[int, np.ndarray]]],
) -> dict[int, dict[int, Float[np.ndarray, 'n _ _ _']]]:
    several = list(chunks)
    return {
        place: {pad: np.stack([chunk[place][pad] for chunk in several]) for pad in views}
        for place, views in several[0].items()
    }


def _chunks(stacked: dict[int, Float[Array, 'n _ _ _']]) -> Iterator[Views]:
    for place in range(len(next(iter(stacked.values())))):
        yield {pad: chunks[place] for pad, chunks in stacked.items()}


def streamed(
    spec: BankSpec,
    the_plan: cells.Plan,
    splits: tuple[Split, Split, Split],
    sizes: Layout,
    chunk: int,
    placement: Placement = ONE,
) -> Feed:
    """Reads every segment's rows ahead of training, from where the split keeps them."""
    train, valid, test = splits
    reader = reader_of(train)

    def segments(epoch: int, seeds: range) -> Iterator[Segment]:
        drawn = list(_draws(spec, train, sizes, epoch, seeds))
        wanted = [segment.rows[_real(segment)] for segment in drawn]
        for segment, groups in zip(drawn, reader.prefetched(wanted)):
            real = _real(segment)
            local = np.zeros(real.shape, np.int32)
            local[real] = np.arange(real.sum(), dtype=np.int32)
            views = cells.read_views(groups, the_plan)
            views = _filled(views, local.size - int(real.sum()))
            batches = _batches(spec, segment._replace(rows=local), epoch, seeds)
            yield Segment(
                placement.everywhere(views), placement.everywhere(batches), segment.n_steps
            )

    return Feed(
        segments,
        passing(valid, the_plan, chunk, placement),
        passing(test, the_plan, chunk, placement),
    )


def _real(drawn: _Drawn) -> Bool[np.ndarray, 'S n R']:
    """Which places of a segment hold a row of the split."""
    _, n, places = drawn.rows.shape
    real = np.arange(places)[None, None, :] < drawn.n_rows[:, :, None]
    return real & (np.arange(n) < drawn.n_steps)[None, :, None]


def _draws(
    spec: BankSpec, train: Split, sizes: Layout, epoch: int, seeds: range
) -> Iterator[_Drawn]:
    """The draws of an epoch for some seeds, segment by segment, still on the host."""
    origins = draws.origins(spec.root_seed, spec.task, seeds)
    taken = trained_on(train)
    orders = [taken[draws.order(origin, epoch, len(taken))] for origin in origins]
    owners = [None if train.borrowed is None else train.borrowed[seed] for seed in seeds]
    for start in range(0, sizes.steps, sizes.segment):
        steps = range(start, start + sizes.segment)
        drawn = [
            batch_rows(order, train, steps, sizes, spec.frames, owner)
            for order, owner in zip(orders, owners, strict=True)
        ]
        rows, items, filled = (np.stack(arrays) for arrays in zip(*drawn))
        yield _Drawn(start, rows, items, filled, min(sizes.segment, sizes.steps - start))


def _batches(spec: BankSpec, drawn: _Drawn, epoch: int, seeds: range) -> Batches:
    return jax.tree.map(lambda leaf: leaf[:, 0], _batches_of(spec, [drawn], [epoch], seeds))


def _batches_of(
    spec: BankSpec, drawn: Sequence[_Drawn], epochs: Sequence[int], seeds: range
) -> Batches:
    """The draws of segments of equally many steps, each of its epoch: `[S E n ...]`."""
    rows, items, filled = (
        np.stack(arrays, axis=1) for arrays in zip(*((d.rows, d.items, d.n_rows) for d in drawn))
    )
    _, several, steps, places = rows.shape
    keeps = ()
    if spec.dropout and spec.hidden:
        origins = draws.origins(spec.root_seed, spec.task, seeds)
        keeps = draw_keeps(
            jnp.stack([draws.dropout_key(origin) for origin in origins]),
            jnp.asarray(np.repeat(np.asarray(epochs, np.int32), steps)),
            jnp.asarray(np.concatenate([np.arange(d.start, d.start + steps) for d in drawn])),
            rows=places,
            hidden=spec.hidden,
            dropout=spec.dropout,
        )
        keeps = tuple(m.reshape(len(seeds), several, steps, *m.shape[2:]) for m in keeps)
    return Batches(jnp.asarray(rows), jnp.asarray(items), jnp.asarray(filled), keeps)
