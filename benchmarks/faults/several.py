"""More than one process: peers of one run, runs that race, and a clock that jumps under one."""

import glob
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.faults import child, state
from benchmarks.faults.case import Case, Outcome, Place, tail
from benchmarks.faults.child import ROOT, Ended, arguments
from benchmarks.faults.points import Target

_DAY = 86400


def peers(mode: str) -> list[Case]:
    """One of two processes of a run is killed; the run goes on with two, or with one."""
    found = [
        _peers(mode, 1, Target('extract', 'record', 3), 2),
        _peers(mode, 0, Target('probe', 'epoch', 2), 1),
    ]
    if mode != 'tiny':  # It has one bank, which is the first process's.
        found.append(_peers(mode, 1, Target('probe', 'after rename', 1), 2))
    return found


def _peers(mode: str, victim: int, target: Target, again: int) -> Case:
    def work(place: Place, outcome: Outcome) -> None:
        what = f'{mode}, process {victim} of 2 killed at {target.stage}, {target.point}'
        both = _together(place.slot, mode, {victim: target})
        ended = both[victim].wait()
        if not ended.killed:
            outcome.violations.append(f'{what}: not killed: {tail(ended)}')
            both[1 - victim].signal_after(0.0, signal.SIGKILL)
            return
        outcome.kills.append((mode, target.stage, f'{target.point} of a peer'))
        outcome.faults += 1
        other = both[1 - victim].signal_after(0.2, signal.SIGTERM)  # As launch/local.sh does.
        if other is None:
            other = both[1 - victim].wait()
        if not other.status:
            outcome.violations.append(f'{what}: the other one ends as if all were well')
        if again == 2:
            for k, one in enumerate(_together(place.slot, mode, {})):
                ended = one.wait()
                if ended.status:
                    outcome.violations.append(f'{what}: process {k} again: {tail(ended)}')
        place.finish(mode, outcome, what)

    return Case('peers', f'{mode} {victim} {target.stage}', work)


def _together(slot: Path, mode: str, targets: dict[int, Target]) -> list[child.Child]:
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
    return [
        child.start(
            slot,
            mode,
            targets.get(k),
            name=f'peer{k}',
            more=[f'--coordinator=localhost:{port}', '--processes=2', f'--process={k}'],
        )
        for k in range(2)
    ]


def races(modes: list[str], each: int) -> list[Case]:
    """Two runs at the same time, in one working directory, or with one store."""
    return [_race(mode, same, i) for i in range(each) for mode in modes for same in (True, False)]


def _race(mode: str, same: bool, number: int) -> Case:
    """Each ends well, or with one clear error; then both, run again, have the same files."""

    def work(place: Place, outcome: Outcome) -> None:
        slots = [place.slot] * 2 if same else [place.slot / 'a', place.slot / 'b']
        what = f'{mode}, two runs of one ' + ('working directory' if same else 'store')
        for slot in slots[: 1 if same else 2]:
            slot.mkdir(parents=True, exist_ok=True)
            if not same:
                (place.slot / 'stores').mkdir(exist_ok=True)
                (slot / 'stores').symlink_to(place.slot / 'stores')
                (place.slot / 'data').mkdir(exist_ok=True)
                (slot / 'data').symlink_to(place.slot / 'data')
        first = child.start(slots[0], mode, name='first')
        time.sleep(place.rng.uniform(0.0, 0.9) * place.seconds[mode])
        second = child.start(slots[1], mode, name='second')
        ended = [first.wait(), second.wait()]
        outcome.faults += 1
        for one in ended:
            if one.status:
                place.refused(one, outcome, what, (str(place.slot),))
        outcome.notes.append(f'{what}: ' + ', '.join(_word(one) for one in ended))
        if all(one.status for one in ended):
            outcome.violations.append(f'{what}: neither goes on')
        for slot in slots[: 1 if same else 2]:
            again = child.start(slot, mode, name='finish').wait()
            told = state.differences(place.expected[mode], slot)
            if again.status:
                outcome.violations.append(f'{what}: cannot be continued: {tail(again)}')
            outcome.violations += [f'{what}: {line}' for line in told[:5]]

    return Case('races', f'{mode} {"workdir" if same else "store"} {number}', work)


def _word(ended: Ended) -> str:
    return 'refused' if ended.status else 'done'


def faketime() -> str:
    """The library of libfaketime, '' where it is not installed."""
    found = glob.glob('/usr/lib/*/faketime/libfaketime.so.1')
    return found[0] if found else ''


def clocks(modes: list[str]) -> list[Case]:
    """A wall clock that is years off, and one that jumps to and fro while a run goes on."""
    return [
        _clock(modes[0], 'three years ahead', [1100 * _DAY]),
        _clock(modes[-1], 'a year back', [-365 * _DAY]),
        _clock(modes[0], 'to and fro', [0, 400 * _DAY, -400 * _DAY, 3600, -3600]),
    ]


def _clock(mode: str, name: str, offsets: list[int]) -> Case:
    """A run killed under the true clock goes on under another, which may jump all the while.

    Time since start-up (CLOCK_MONOTONIC) and the dates of files stay true, as they do where the
    clock of a machine is set.
    """

    def work(place: Place, outcome: Outcome) -> None:
        what, slot = f'{mode}, clock {name}', place.slot
        running = child.start(slot, mode)
        delay = place.rng.uniform(0.2, 0.6) * place.seconds[mode]
        if running.signal_after(delay, signal.SIGKILL):
            outcome.kills.append((mode, 'any', 'before another clock'))
        clock, log = slot / 'clock', slot / 'clock.txt'
        clock.write_text(f'{offsets[0]:+d}')
        env = os.environ | {
            'LD_PRELOAD': faketime(),
            'FAKETIME_TIMESTAMP_FILE': str(clock),
            'FAKETIME_NO_CACHE': '1',
            'FAKETIME_DONT_FAKE_MONOTONIC': '1',
            'NO_FAKE_STAT': '1',
        }
        command = [sys.executable, '-m', *arguments(slot, mode)]
        outcome.faults += 1
        with open(log, 'w') as file:
            run = subprocess.Popen(command, cwd=ROOT, env=env, stdout=file, stderr=file)
        deadline, at = time.monotonic() + child.PATIENCE, 0
        while run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
            at += 1
            clock.write_text(f'{offsets[at % len(offsets)]:+d}')
        hung = run.poll() is None
        if hung:
            run.kill()
        ended = Ended(False, run.wait(), log.read_text(errors='replace'), hung)
        if ended.status or hung:
            outcome.violations.append(f'{what}: {tail(ended)}')
            return
        told = state.differences(place.expected[mode], slot)
        outcome.violations += [f'{what}: {line}' for line in told[:5]]

    return Case('clock', f'{mode} {name}', work)
