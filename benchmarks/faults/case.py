"""A case of the campaign: what was done to a run, and whether what followed is as promised."""

import dataclasses
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.faults import child, state
from benchmarks.faults.child import Ended


@dataclasses.dataclass
class Outcome:
    """What one case found.

    Attributes:
        kills: (mode, stage, point) of every run that was killed.
        faults: how many faults were injected.
        violations: sentences; empty where all is well.
        notes: what else is worth a line.
    """

    kills: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    faults: int = 0
    violations: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Place:
    """Where a case works, and what it is to compare with.

    Attributes:
        slot: its folder.
        whole: mode -> folder of an undisturbed run.
        expected: mode -> its files.
        counts: mode -> [stage, point, count] rows of that run.
        seconds: mode -> what it took.
        rng: of this case alone.
    """

    slot: Path
    whole: dict[str, Path]
    expected: dict[str, dict[str, str]]
    counts: dict[str, list[list[Any]]]
    seconds: dict[str, float]
    rng: random.Random

    def fill(self, mode: str, without: tuple[str, ...] = ()) -> None:
        """Copies an undisturbed run here, less what matches some patterns."""
        for part in ('run', 'stores', 'data'):
            shutil.copytree(self.whole[mode] / part, self.slot / part, dirs_exist_ok=True)
        for pattern in without:
            for path in list(self.slot.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def finish(self, mode: str, outcome: Outcome, what: str) -> None:
        """Runs the same command to its end and compares all files."""
        ended = child.start(self.slot, mode, name='finish').wait()
        if ended.status or ended.killed:
            outcome.violations.append(f'{what}: cannot be continued: {tail(ended)}')
            return
        for line in state.differences(self.expected[mode], self.slot)[:5]:
            outcome.violations.append(f'{what}: after it was continued, {line}')

    def refused(
        self, ended: Ended, outcome: Outcome, what: str, names: tuple[str, ...] = ()
    ) -> None:
        """Notes a run that failed without a clear error."""
        if ended.hung:
            outcome.violations.append(f'{what}: hangs')
        elif not ended.status:
            outcome.violations.append(f'{what}: goes unnoticed')
        elif why := state.unclear(ended.text, names):
            outcome.violations.append(f'{what}: {why}: {tail(ended)}')


@dataclasses.dataclass(frozen=True)
class Case:
    """A case: `work` fills the outcome it is given."""

    group: str
    name: str
    work: Callable[[Place, Outcome], None]


def tail(ended: Ended) -> str:
    """The end of what a run printed, on one line."""
    lines = [line.strip() for line in ended.text.splitlines() if line.strip()]
    hung = 'hung, ' if ended.hung else ''
    return f'({hung}status {ended.status}) ' + ' | '.join(lines[-4:])[-600:]
