"""The same audio under several names: found by the bytes of files, or by their decoded samples.

Bytes are compared where sizes agree, in a moment; samples cost decoding everything, and find a copy
in another lossless format too. A copy that was resampled, cut or compressed with loss is found by
neither.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxprobe.audio import decode, loader
from jaxprobe.audio.decode import AudioError
from jaxprobe.core import cores, fs
from jaxprobe.tasks.base import Item

Names = list[tuple[str, ...]]  # Per item, what identifies the audio of each of its files.

_AT_ONCE = 20_000  # Files that are opened to compare bytes; beyond, `prepare` would take minutes.
_ENDS = 4096  # Bytes compared at both ends before a whole file is read.


class Decoded(NamedTuple):
    """What decoding all audio told: names of every item's audio, and reasons by path."""

    names: Names
    failed: dict[Path, str]


class _Part(NamedTuple):
    """One file of one item."""

    path: Path
    start: float
    duration: float | None


def by_bytes(items: Sequence[Item]) -> tuple[Names, int]:
    """Names files by their bytes, those whose size a file of another split has.

    Returns:
        Names, '' where nothing can be equal; and how many files were left out because too many
        have one size.
    """
    splits: dict[Path, set[str]] = defaultdict(set)
    for item in items:
        for path in item.paths:
            splits[path].add(item.split)
    alike = _crossing(splits, _size)
    if len(alike) > _AT_ONCE:
        return [tuple('' for _ in item.paths) for item in items], len(alike)
    alike = _crossing({path: splits[path] for path in alike}, _ends)
    known = {path: _sha256(path) for path in alike}
    return [tuple(_name(known.get(p.path, ''), p) for p in _parts(item)) for item in items], 0


def by_samples(
    items: Sequence[Item], *, threads: int = 0, advance: Callable[[], None] = lambda: None
) -> Decoded:
    """Decodes all audio, at the rate it has, and names it by its samples.

    Args:
        items: of all splits.
        threads: that decode; 0 means one per core.
        advance: called after every file.
    """
    threads = threads or cores.available()
    names: Names = []
    failed: dict[Path, str] = {}
    parts = [part for item in items for part in _parts(item)]
    told = loader.ahead(parts, _sound, lambda _: 1.0, threads=threads, budget=4.0 * threads)
    for item in items:
        own = []
        for _ in item.paths:
            part, (name, reason) = next(told)
            advance()
            own.append(name)
            if reason:
                failed[part.path] = reason
        names.append(tuple(own))
    return Decoded(names, failed)


def _parts(item: Item) -> list[_Part]:
    first = _Part(item.path, item.start, item.duration)
    return [first, *(_Part(path, 0.0, None) for path in item.more)]


def _sound(part: _Part) -> tuple[str, str]:
    """Rate and hash of the samples, or '' and the reason why there are none."""
    try:
        rate = decode.probe(part.path).rate
        wave = decode.read(part.path, rate, part.start, part.duration)
    except AudioError as error:
        return '', error.reason
    return f'{rate}:{loader.sound_hash(wave)}', ''


def _crossing(
    splits: dict[Path, set[str]], trait: Callable[[Path], object]
) -> dict[Path, set[str]]:
    """Paths that share a trait with a path of another split."""
    groups: dict[object, list[Path]] = defaultdict(list)
    for path in splits:
        groups[trait(path)].append(path)
    groups.pop(None, None)
    return {
        path: splits[path]
        for own in groups.values()
        if len(own) > 1 and len(set().union(*(splits[path] for path in own))) > 1
        for path in own
    }


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size or None  # Empty files are a fault of another kind.
    except OSError:
        return None


def _ends(path: Path) -> bytes | None:
    try:
        with open(path, 'rb') as file:
            head = file.read(_ENDS)
            file.seek(-min(_ENDS, file.seek(0, os.SEEK_END)), os.SEEK_END)
            return head + file.read(_ENDS)
    except OSError:
        return None


def _sha256(path: Path) -> str:
    try:
        return fs.sha256(path)
    except OSError:
        return ''


def _name(sha256: str, part: _Part) -> str:
    return f'{sha256} {part.start:g} {part.duration}' if sha256 else ''
