"""Disks that are full or may not be written to."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults import child
from benchmarks.faults.case import Case, Outcome, Place

PARTS = ('stores', 'run', 'data')
_PLENTY = '256m'


def mountable(scratch: Path) -> bool:
    """Whether this process may mount a tmpfs."""
    folder = scratch / 'mountable'
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _tmpfs(folder, '64k'):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def full(modes: list[str], each: int, *, mounts: bool) -> list[Case]:
    """Disks that fill up on the way, and files that may not grow."""
    cases = [_limited(mode) for mode in modes]
    if mounts:
        chosen = [(mode, part) for mode in modes for part in PARTS]
        cases += [_full(*pair, i) for i in range(each) for pair in chosen]
    return cases


def _full(mode: str, part: str, number: int) -> Case:
    def work(place: Place, outcome: Outcome) -> None:
        needed = sum(p.stat().st_size for p in (place.whole[mode] / part).rglob('*') if p.is_file())
        size = int(needed * place.rng.uniform(0.05, 0.9))
        what = f'{mode}, {part} full at {size} bytes'
        folder = place.slot / part
        folder.mkdir(parents=True)
        with _tmpfs(folder, str(size)):
            ended = child.start(place.slot, mode).wait()
            outcome.faults += 1
            place.refused(ended, outcome, what, (str(folder),))
            _mount(folder, f'remount,size={_PLENTY}')
            place.finish(mode, outcome, what)

    return Case('full disk', f'{mode} {part} {number}', work)


def _limited(mode: str) -> Case:
    """A file that may not grow: what a quota does."""

    def work(place: Place, outcome: Outcome) -> None:
        sizes = sorted(p.stat().st_size for p in place.whole[mode].rglob('stores/**/*-0????'))
        limit = int(sizes[-1] * place.rng.uniform(0.2, 0.95))
        what = f'{mode}, files limited to {limit} bytes'
        ended = child.start(place.slot, mode, file_bytes=limit).wait()
        outcome.faults += 1
        place.refused(ended, outcome, what, (str(place.slot),))
        place.finish(mode, outcome, what)

    return Case('full disk', f'{mode} quota', work)


def read_only(modes: list[str], *, mounts: bool) -> list[Case]:
    """Folders that may be read and not written: fresh ones, and a store that is whole."""
    if not mounts and not os.geteuid():
        return []  # Modes of files do not bind root.
    cases = [_fresh(modes[0], part, mounts) for part in PARTS]
    return cases + [_whole_store(mode, mounts) for mode in modes]


def _fresh(mode: str, part: str, mounts: bool) -> Case:
    def work(place: Place, outcome: Outcome) -> None:
        folder = place.slot / part
        folder.mkdir(parents=True)
        with _unwritable(folder, mounts):
            ended = child.start(place.slot, mode).wait()
            outcome.faults += 1
            place.refused(ended, outcome, f'{mode}, {part} read-only', (str(folder),))
        place.finish(mode, outcome, f'{mode}, {part} read-only before')

    return Case('read-only', f'{mode} {part}', work)


def _whole_store(mode: str, mounts: bool) -> Case:
    """A store that has everything, and results that have nothing."""

    def work(place: Place, outcome: Outcome) -> None:
        place.fill(mode, ('run', 'stores'))
        folder, what = place.slot / 'stores', f'{mode}, whole store read-only'
        folder.mkdir()
        with _unwritable(folder, mounts, place.whole[mode] / 'stores'):
            ended = child.start(place.slot, mode).wait()
            outcome.faults += 1
            if ended.status:
                place.refused(ended, outcome, what, (str(folder),))
            outcome.notes.append(f'{what}: ' + ('refused' if ended.status else 'used'))
        if not mounts:
            place.finish(mode, outcome, what)

    return Case('read-only', f'{mode} whole store', work)


@contextlib.contextmanager
def _unwritable(folder: Path, mounts: bool, filled: Path | None = None) -> Iterator[None]:
    if mounts:
        with _tmpfs(folder, _PLENTY):
            if filled:
                shutil.copytree(filled, folder, dirs_exist_ok=True)
            _mount(folder, 'remount,ro')
            yield
        return
    if filled:
        shutil.copytree(filled, folder, dirs_exist_ok=True)
    inside = [folder, *(p for p in folder.rglob('*'))]
    for path in inside:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path in inside:
            path.chmod(0o755 if path.is_dir() else 0o644)


@contextlib.contextmanager
def _tmpfs(folder: Path, size: str) -> Iterator[None]:
    _mount(folder, f'size={size}')
    try:
        yield
    finally:
        subprocess.run(['umount', str(folder)], check=False, capture_output=True)


def _mount(folder: Path, options: str) -> None:
    command = ['mount', '-t', 'tmpfs', '-o', options, 'none', str(folder)]
    subprocess.run(command, check=True, capture_output=True)
