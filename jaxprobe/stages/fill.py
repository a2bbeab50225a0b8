"""Shards from first decoded clip to sidecar.

The device does not wait at the end of a shard: batches of the next one run while the last
results of this one come back and its file is closed.
"""

import collections
import contextlib
import functools
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxprobe.audio import loader
from jaxprobe.audio.decode import AudioError
from jaxprobe.deform import chain as deform
from jaxprobe.features import writer
from jaxprobe.features.manifest import Entry, Planned
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.stages.encode import Encoding, Finished, batches

Advance = Callable[[float], None]  # Called with the seconds of audio that are through.


class Job(NamedTuple):
    """A clip of a shard that is to be written."""

    shard: int
    planned: Planned
    clip: Clip


Decoded = tuple[Job, loader.Loaded | AudioError]


def fill(
    store: Path,
    spec: StoreSpec,
    encoding: Encoding,
    jobs: Sequence[Job],
    threads: int,
    advance: Advance,
) -> Generator[tuple[int, list[Entry]], None, None]:
    """Writes shard after shard, yielding each with its clips when it is whole.

    Args:
        store: its directory.
        spec: of the store.
        encoding: the encoder on its devices.
        jobs: the clips, shard by shard.
        threads: that decode.
        advance: told of progress.
    """
    with contextlib.closing(decoded(jobs, spec, threads, encoding.depth)) as clips:
        results = _results(clips, spec, encoding, advance)
        # A shard's results end where the next one's begin, or where there are no more; by then
        # all of its clips have passed.
        for shard, group in itertools.groupby(results, key=lambda pair: pair[0]):
            with writer.shard(store, shard.index) as written:
                for _, finished in group:
                    if finished:
                        shard.record(finished, written.write)
                written.entries.extend(shard.entries)
            yield shard.index, shard.entries


def decoded(
    jobs: Sequence[Job], spec: StoreSpec, threads: int, depth: int = 1
) -> Generator[Decoded, None, None]:
    """Decodes clips in threads, in order; a clip that cannot be used comes as its error.

    Args:
        jobs: the clips.
        spec: of the store.
        threads: that decode.
        depth: batches in flight; twice as much audio is held ready, so that the batches which
            are next can be filled while those run.
    """
    window_seconds = spec.window_samples / spec.sample_rate
    chain = deform.one(spec.deformation) if spec.deformation != deform.CLEAN else None

    def load(job: Job) -> loader.Loaded | AudioError:
        change = chain and functools.partial(
            chain.apply, root=spec.deformation_seed, clip=job.planned.key
        )
        try:
            return loader.load(*job.clip, spec.sample_rate, spec.windowing, spec.normalise, change)
        except AudioError as error:
            return error

    def cost(job: Job) -> float:
        return max(job.planned.seconds, window_seconds)

    budget = 2 * depth * spec.batch_windows * window_seconds
    return loader.ahead(jobs, load, cost, threads=threads, budget=budget)


def _results(
    clips: Iterable[Decoded], spec: StoreSpec, encoding: Encoding, advance: Advance
) -> Iterator[tuple['_Filling', Finished | None]]:
    """Takes every clip through the encoder; yields results in order, each with its shard.

    A shard without a single usable clip has one result, None.
    """
    owners: collections.deque[_Filling] = collections.deque()  # Of the batches in flight.
    for index, group in itertools.groupby(clips, key=lambda pair: pair[0].shard):
        shard = _Filling(index, spec, advance)
        empty = True
        for wave, rows in batches(shard.usable(group), spec, encoding.blank):
            empty = False
            owners.append(shard)
            for finished in encoding.start(wave, rows):
                yield owners.popleft(), finished
        if empty:
            for finished in encoding.drain():
                yield owners.popleft(), finished
            yield shard, None
    for finished in encoding.drain():
        yield owners.popleft(), finished


class _Filling:
    """The clips of one shard as they pass: decoded, batched, encoded, recorded."""

    def __init__(self, index: int, spec: StoreSpec, advance: Advance):
        self.index = index
        self.entries: list[Entry] = []
        self._spec = spec
        self._advance = advance
        self._window_seconds: list[float] = []  # Per clip: progress that one window makes.

    def usable(self, clips: Iterable[Decoded]) -> Iterator[tuple[int, loader.Loaded]]:
        """Notes every clip, and yields those that can be encoded with their place."""
        for job, found in clips:
            key, seconds = job.planned
            if isinstance(found, AudioError):
                self.entries.append(Entry(key, 0, 0, 0, found.reason))
                self._window_seconds.append(0.0)
                self._advance(seconds)
                continue
            n = len(found.starts)
            last = found.starts[-1] / self._spec.sample_rate if self._spec.frames else 0.0
            silent = int(found.silent.sum())
            padded = n * found.padded
            self.entries.append(Entry(key, n, padded, silent, last=float(last), sound=found.sound))
            self._window_seconds.append(seconds / n)
            yield len(self.entries) - 1, found

    def record(self, finished: Finished, write: Callable[[bytes], None]) -> None:
        """Writes the windows of a batch."""
        rate = self._spec.sample_rate
        for i, row in enumerate(finished.rows):
            entry = self.entries[row.clip]
            values = {width: group[i] for width, group in finished.groups.items()}
            write(writer.record(entry.key, row.window, row.start / rate, row.padded, values))
            if not finished.finite[i]:
                self.entries[row.clip] = entry._replace(failed='encoder_not_finite')
        self._advance(sum(self._window_seconds[row.clip] for row in finished.rows))
