"""The parent: gives cases to a child, waits a bounded time, and replaces a child that is lost."""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.inputs.cases import VIOLATION, Case, Outcome

CHILD = (sys.executable, '-m', 'benchmarks.inputs.child')
LIMIT = 10.0  # Seconds for one case.
_START = 180.0  # Seconds to import jax and compile; once per child.
_BATCH = 40  # Files in one extraction.
_STOPPING = 12  # One file in so many is also run with on_error='stop'.
ROOT = Path(__file__).resolve().parents[2]


class Watch:
    """One child at a time, started when it is needed."""

    def __init__(
        self, root: Path, seed: int, *, limit: float = LIMIT, child: Sequence[str] = CHILD
    ):
        """Starts nothing yet; `child` is what runs, before its three arguments."""
        self._limit, self._child = limit, child
        self.lost = 0  # Children that died or were killed.
        self._root, self._seed = root, seed
        self._process: subprocess.Popen | None = None

    def run(self, cases: Sequence[Case]) -> Iterator[Outcome]:
        """All outcomes of cases; one of audio can have several, of its decoding and extraction."""
        for case in cases:
            if not case.is_audio:
                yield from self._ask('table', [case])
        sounds = [case for case in cases if case.is_audio]
        fine = []
        for case in sounds:
            (outcome,) = self._ask('sound', [case])
            yield outcome
            if outcome.outcome != VIOLATION:
                fine.append(case)
        for at in range(0, len(fine), _BATCH):
            batch = fine[at : at + _BATCH]
            found = self._ask('together', batch, len(batch))
            if all(outcome.outcome == VIOLATION for outcome in found):
                found = [one for case in batch for one in self._ask('together', [case])]
            yield from found
        for case in fine[:: _STOPPING if len(fine) > _STOPPING else 1]:
            yield from self._ask('stopping', [case])

    def close(self) -> None:
        """Ends the child."""
        if self._process:
            self._talk.close()
            self._socket.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.communicate()  # Waits, and closes its standard input.
            self._process = None

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        name = [*self._child, str(theirs.fileno()), str(self._root), str(self._seed)]
        one = {'JAX_PLATFORMS': 'cpu', 'JAX_NUM_CPU_DEVICES': '1'}  # One device compiles once.
        with theirs, open(self._root / 'stderr', 'ab') as log:
            self._process = subprocess.Popen(
                name, cwd=ROOT, env={**os.environ, **one}, pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        self._talk = self._socket.makefile('rw')
        if self._answer(_START) is None:
            raise SystemExit(f'the child does not start: {self._last_words()}')

    def _ask(self, what: str, cases: Sequence[Case], more: float = 0.0) -> list[Outcome]:
        """What the child says; one that is silent is asked twice, as the machine may be busy."""
        text = ''
        for seconds in (self._limit + more, 2 * self._limit + more):
            if self._process is None:
                self._start()
            print(json.dumps([what, [case.id for case in cases]]), file=self._talk, flush=True)
            answer = self._answer(seconds)
            if answer is not None:
                return [Outcome(*one) for one in answer]
            text, died = self._lose(seconds)
            if died:
                break
        return [Outcome(c.id, c.family, VIOLATION, f'{what}: {text}') for c in cases]

    def _lose(self, seconds: float) -> tuple[str, bool]:
        """Ends the child; says what became of it, and whether it had died by itself."""
        assert self._process
        code = self._process.poll()
        self._process.kill()
        self.close()
        self.lost += 1
        if code is None:
            return f'no end within {seconds:g} s', False
        return f'the process died, status {code} ({self._last_words()})', True

    def _answer(self, limit: float) -> list | None:
        """The next line; None where none comes in time, or the child is gone."""
        ready, _, _ = select.select([self._socket], [], [], limit)
        line = self._talk.readline() if ready else ''
        if not line and ready and self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        return json.loads(line) if line else None

    def _last_words(self) -> str:
        return (self._root / 'stderr').read_text(errors='replace')[-600:]
