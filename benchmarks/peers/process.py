"""Runs a program as a user would and reads from its output when it did what."""

import os
import re
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

# What Lightning's and Keras's progress bars say; nothing in the program is touched.
EPOCH = re.compile(rb'Epoch (\d+)')


class Ran(NamedTuple):
    """A finished process.

    Attributes:
        seconds: wall time from its start to its end.
        cpu: of all its processes, user and system.
        first: seconds until its first epoch, or its whole time if it had none.
        last: seconds until its last epoch was shown for the first time.
        epochs: how many it trained.
        log: the file with all it printed.
    """

    seconds: float
    cpu: float
    first: float
    last: float
    epochs: int
    log: Path

    @property
    def per_epoch(self) -> float:
        """Seconds from one epoch to the next."""
        return (self.last - self.first) / max(1, self.epochs - 1)


class Failed(RuntimeError):
    """A program ended badly; the message has the end of what it printed."""


def run(
    command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Ran:
    """Runs a command to its end, noting when epochs appear in its output.

    Raises:
        Failed: its status is not 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    seen: dict[int, float] = {}
    tail = b''
    with (
        log.open('wb') as file,
        subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {'PYTHONUNBUFFERED': '1'} | dict(environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        ) as process,
    ):
        try:
            for now, piece in _pieces(process, began):
                file.write(piece)
                for found in EPOCH.findall(tail + piece):
                    seen.setdefault(int(found), now)
                tail = piece[-16:]
        except BaseException:  # Its loader's workers are its own to end; it is ours.
            process.terminate()
            raise
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        end = log.read_bytes()[-3000:].decode(errors='replace')
        raise Failed(f'{" ".join(command)} in {folder} ended with {process.returncode}:\n{end}')
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    first = min(seen.values(), default=seconds)
    return Ran(seconds, cpu, first, max(seen.values(), default=first), len(seen), log)


def _pieces(process: subprocess.Popen[bytes], began: float) -> Iterator[tuple[float, bytes]]:
    assert process.stdout is not None
    while piece := process.stdout.read(65536):
        yield time.perf_counter() - began, piece
