"""Runs of the campaign, as forks of a process that has imported everything and computed nothing."""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.faults.points import Points, Target, install

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600.0  # Seconds after which a run counts as hanging.
_IMPORTED = (
    'array_record.python.array_record_module',
    'flax.nnx',
    'grain',
    'jax',
    'mir_eval',
    'pyarrow.parquet',
    'scipy.signal',
    'soundfile',
    'soxr',
    'jaxprobe.encoders.fbank_chroma.model',
    'jaxprobe.encoders.toy_conformer.build',
    'jaxprobe.launch',
    'jaxprobe.reports.build',
    'jaxprobe.reports.check',
    'jaxprobe.stages.extract',
    'jaxprobe.stages.probe',
    'jaxprobe.stages.similarity',
    'jaxprobe.stages.verify',
)


def warm() -> None:
    """Imports what runs need; jax's backend stays untouched, so that forks are sound."""
    import importlib

    for name in _IMPORTED:
        importlib.import_module(name)
    from jaxprobe.core import records

    records.encode({'x': 1})


class Ended(NamedTuple):
    """How a run ended: `killed` by a signal of ours, else its exit status; what it printed."""

    killed: bool
    status: int
    text: str
    hung: bool = False


class Child:
    """A fork that runs one thing."""

    def __init__(
        self, work: Callable[[], int], log: Path, before: Callable[[], None] | None = None
    ):
        """Starts it; `before` runs in the child first."""
        self.log = log
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            _become(work, log, before)

    def wait(self, seconds: float = PATIENCE) -> Ended:
        """Waits for the end; one that takes longer than that is killed, and hung."""
        deadline = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return self._ended(status)
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)  # Not reaped yet: the id is still the child's.
                return self._ended(os.waitpid(self.pid, 0)[1])._replace(hung=True)
            time.sleep(0.005)

    def signal_after(self, seconds: float, number: int) -> Ended | None:
        """Sends a signal after a while; None where the run ended before, see `wait`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return None
            time.sleep(0.002)
        os.kill(self.pid, number)
        return self.wait()

    def _ended(self, status: int) -> Ended:
        text = self.log.read_text(errors='replace')
        if os.WIFSIGNALED(status):
            return Ended(os.WTERMSIG(status) == signal.SIGKILL, -os.WTERMSIG(status), text)
        return Ended(False, os.WEXITSTATUS(status), text)


def arguments(slot: Path, mode: str, more: Sequence[str] = ()) -> list[str]:
    """The command line of a run in a folder of its own."""
    return [
        'jaxprobe.launch',
        f'--config={ROOT}/benchmarks/faults/small.py:{mode}',
        f'--workdir={slot}/run',
        f'--config.store_dir={slot}/stores',
        f'--config.data_dir={slot}/data',
        *more,
    ]


def start(
    slot: Path,
    mode: str,
    target: Target | None = None,
    *,
    name: str = 'log',
    more: Sequence[str] = (),
    count: Path | None = None,
    file_bytes: int = 0,
    cache: Path | None = None,
) -> Child:
    """Starts a run.

    Args:
        slot: its folder.
        mode: of the config.
        target: the point at which it is killed.
        name: of its log, below the folder.
        more: flags.
        count: where the points that it met are written.
        file_bytes: no file may grow beyond this; 0 for no limit.
        cache: of compiled programs, in place of the campaign's.
    """
    slot.mkdir(parents=True, exist_ok=True)
    points = Points(target, count)

    def before() -> None:
        if file_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        if cache:
            os.environ['JAXPROBE_CACHE'] = str(cache)
        install(points)

    def work() -> int:
        from jaxprobe import launch

        sys.argv = arguments(slot, mode, more)  # Where ml_collections looks for overrides.
        status = launch.command(sys.argv)
        points.save()
        return status

    return Child(work, slot / f'{name}.txt', before)


def verify(slot: Path) -> Ended:
    """Runs `jaxprobe verify` on what is in a folder."""

    def work() -> int:
        from jaxprobe.__main__ import main

        return main(['verify', str(slot / 'run'), f'--store_dir={slot}/stores'])

    return Child(work, slot / 'verify.txt').wait()


def _become(work: Callable[[], int], log: Path, before: Callable[[], None] | None) -> None:
    status = 99
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.chdir(ROOT)
        if before:
            before()
        status = work()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
