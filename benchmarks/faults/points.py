"""Program points at which a run of the campaign can be killed: counted, or fatal.

Installed in the child alone. A point is named by the stage it lies in and by what happens there:
around every rename and unlink, before every fsync, half way through writing a temporary file, after
a record, a batch, an epoch, a hash, and at both ends of every stage.
"""

import collections
import functools
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Target(NamedTuple):
    """The `count`-th time (from 1) that `point` is met in `stage`."""

    stage: str
    point: str
    count: int


class Points:
    """Counts the points of one process, and kills it at one of them."""

    def __init__(self, target: Target | None, log: Path | None):
        """Where `log` is given, `save` writes the counts to it."""
        self.target, self.log = target, log
        self.stage = 'start'
        self.seen: collections.Counter[tuple[str, str]] = collections.Counter()

    def due(self, point: str) -> bool:
        """Counts a point; whether the process is to die at it."""
        self.seen[self.stage, point] += 1
        return Target(self.stage, point, self.seen[self.stage, point]) == self.target

    def hit(self, point: str) -> None:
        """Counts a point, and dies there if that is asked for."""
        if self.due(point):
            die()

    def save(self) -> None:
        """Writes what was counted."""
        if self.log:
            rows = [[stage, point, count] for (stage, point), count in self.seen.items()]
            self.log.write_text(json.dumps(rows))


def die() -> None:
    """As kill -9 from outside: nothing is flushed, nothing cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def install(points: Points) -> None:
    """Patches this process."""
    from jax._src import lru_cache

    from jaxprobe import launch
    from jaxprobe.core import fs, records
    from jaxprobe.stages import progress

    _around(points, os, 'replace', 'rename')
    _around(points, Path, 'unlink', 'unlink')
    _before(points, os, 'fsync', 'before fsync')
    _before(points, records, 'encode', 'record')
    _before(points, fs, 'sha256', 'hash')
    _before(points, progress.Training, '__call__', 'epoch')
    _before(points, progress.Encoding, '__call__', 'batch')
    _halves(points, fs.TEMPORARY)
    _halves_of_programs(points, lru_cache.LRUCache)
    for name, stage in list(launch.STAGES.items()):
        launch.STAGES[name] = _staged(points, name, stage)


def _before(points: Points, owner: Any, name: str, point: str) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def counted(*args: Any, **kwargs: Any) -> Any:
        points.hit(point)
        return original(*args, **kwargs)

    setattr(owner, name, counted)


def _around(points: Points, owner: Any, name: str, point: str) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def counted(*args: Any, **kwargs: Any) -> Any:
        points.hit(f'before {point}')
        value = original(*args, **kwargs)
        points.hit(f'after {point}')
        return value

    setattr(owner, name, counted)


def _halves(points: Points, mark: str) -> None:
    original = Path.write_bytes

    def write_bytes(self: Path, data: Any) -> int:
        if mark in self.name and points.due('half written'):
            original(self, bytes(data)[: len(data) // 2])
            die()
        return original(self, data)

    Path.write_bytes = write_bytes


def _halves_of_programs(points: Points, cache: Any) -> None:
    """What jax leaves of a compiled program, if it is killed while it writes its cache."""
    original = cache.put

    def put(self: Any, key: str, value: bytes) -> None:
        if points.due('half a compiled program'):
            original(self, key, value[: len(value) // 2])
            die()
        original(self, key, value)

    cache.put = put


def _staged(points: Points, name: str, stage: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(stage)
    def run(*args: Any) -> None:
        points.stage = name
        points.hit('stage begins')
        stage(*args)
        points.hit('stage ends')

    return run
