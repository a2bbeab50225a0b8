"""kill -9 at program points and at random times, and polite signals."""

import collections
import random
import re
import signal
import time
from typing import Any

from benchmarks.faults import child, state
from benchmarks.faults.case import Case, Outcome, Place, tail
from benchmarks.faults.child import Ended
from benchmarks.faults.points import Target

STAGES = ('start', 'prepare', 'extract', 'probe', 'similarity', 'analyse', 'report')
PER_CHAIN = 3
_LATENCY = 5.0  # Seconds a polite signal may take on a quiet machine.


def at_points(counts: dict[str, list[list[Any]]], kills: int, rng: random.Random) -> list[Case]:
    """Chains of runs, each killed at its own point, until the last one may finish.

    Every (mode, stage, point) comes about equally often; those of one chain lie in the order of
    the pipeline, so that each is met after what the kill before has left.
    """
    groups = [(mode, stage, point, n) for mode, rows in counts.items() for stage, point, n in rows]
    rng.shuffle(groups)
    wanted = [groups[i % len(groups)] for i in range(kills)]
    by_mode: dict[str, list[Any]] = collections.defaultdict(list)
    for group in wanted:
        by_mode[group[0]].append(group)
    cases = []
    for mode, own in by_mode.items():
        for begin in range(0, len(own), PER_CHAIN):
            chain = sorted(own[begin : begin + PER_CHAIN], key=lambda g: STAGES.index(g[1]))
            targets = [
                # Later ones in a stage that a kill has cut have less of it left.
                Target(stage, point, rng.randint(1, n if not i else max(1, n // 3)))
                for i, (_, stage, point, n) in enumerate(chain)
            ]
            cases.append(_chain(mode, targets, len(cases)))
    return cases


def _chain(mode: str, targets: list[Target], number: int) -> Case:
    def work(place: Place, outcome: Outcome) -> None:
        for target in targets:
            ended = child.start(place.slot, mode, target).wait()
            what = f'{mode} killed at {target.stage}, {target.point} no. {target.count}'
            if ended.killed and not ended.hung:
                outcome.kills.append((mode, target.stage, target.point))
                outcome.faults += 1
            elif ended.status or ended.hung:
                outcome.violations.append(f'{what}: not killed: {tail(ended)}')
                return
            else:
                outcome.notes.append(f'{what}: was not met again')
        place.finish(mode, outcome, f'{mode} killed at {targets}')

    return Case('points', f'{mode} {number}', work)


def at_times(modes: list[str], kills: int) -> list[Case]:
    """Two kills at random moments, then the end."""
    return [_timed(modes[i % len(modes)], i) for i in range((kills + 1) // 2)]


def _timed(mode: str, number: int) -> Case:
    def work(place: Place, outcome: Outcome) -> None:
        moments = []
        for _ in range(2):
            delay = place.rng.uniform(0.02, 0.8) * place.seconds[mode]
            ended = child.start(place.slot, mode).signal_after(delay, signal.SIGKILL)
            if ended is None:
                break
            moments.append(f'{delay:.2f} s')
            outcome.kills.append((mode, stage_of(ended.text), 'random time'))
            outcome.faults += 1
        place.finish(mode, outcome, f'{mode} killed after {", ".join(moments)}')

    return Case('times', f'{mode} {number}', work)


def polite(modes: list[str], number: int) -> list[Case]:
    """SIGTERM and SIGINT at random moments: exit status 130, soon, with the words."""
    kinds = (signal.SIGTERM, signal.SIGINT)
    return [_polite(modes[i // 2 % len(modes)], kinds[i % 2], i) for i in range(number)]


def _polite(mode: str, kind: signal.Signals, number: int) -> Case:
    def work(place: Place, outcome: Outcome) -> None:
        what = f'{mode} {kind.name}'
        running = child.start(place.slot, mode)
        _handled(running)
        delay = place.rng.uniform(0.0, 0.7) * place.seconds[mode]
        began = time.monotonic()
        ended = running.signal_after(delay, kind)
        took = time.monotonic() - began - delay
        if ended is None:
            outcome.notes.append(f'{what} after {delay:.2f} s: it was done before')
        else:
            outcome.faults += 1
            outcome.notes.append(f'{what} in {stage_of(ended.text)}: ended in {took:.2f} s')
            if ended.status != 130 or 'the same command continues' not in ended.text:
                outcome.violations.append(f'{what} after {delay:.2f} s: {tail(ended)}')
            if 'Traceback' in ended.text:
                outcome.violations.append(f'{what} after {delay:.2f} s: a traceback')
        place.finish(mode, outcome, what)

    return Case('signals', f'{mode} {kind.name} {number}', work)


def _handled(running: child.Child) -> None:
    """Waits until the first stage says so: from then on signals are handled."""
    deadline = time.monotonic() + child.PATIENCE
    while time.monotonic() < deadline:
        if running.log.exists() and '== ' in running.log.read_text(errors='replace'):
            return
        time.sleep(0.01)


def stage_of(text: str) -> str:
    """The last stage that a run announced."""
    found = re.findall(r'^== (\w+)$', text, re.MULTILINE)
    return found[-1] if found else 'start'


def half_a_program(mode: str) -> Case:
    """Killed while jax writes a compiled program to its cache: the next run must not use it."""

    def work(place: Place, outcome: Outcome) -> None:
        cache = place.slot / 'cache'
        target = Target('extract', 'half a compiled program', place.rng.randint(1, 3))
        ended = child.start(place.slot, mode, target, cache=cache).wait()
        if not ended.killed:
            outcome.violations.append(f'{mode}: no program was compiled: {tail(ended)}')
            return
        outcome.kills.append((mode, target.stage, target.point))
        outcome.faults += 1
        more = ['--stages=prepare,extract']  # The rest would compile for a minute.
        again: Ended = child.start(place.slot, mode, cache=cache, more=more).wait()
        expected = {k: v for k, v in place.expected[mode].items() if not k.startswith('run/')}
        told = [t for t in state.differences(expected, place.slot) if not t.startswith('run/')]
        if again.status or told:
            outcome.violations.append(
                f'{mode} on half a compiled program: {told[:3]} {tail(again)}'
            )

    return Case('programs', mode, work)
