"""The fault campaign: runs that are killed, starved, damaged and raced, and what they leave.

    python -m benchmarks.faults [--seed=N] [--kills=50] [--only=points,disks,...] [--lanes=2]

After every fault the same command is run again. Then all files of results, stores and data are
those of an undisturbed run, byte for byte (`state.APART` names what holds times), or the run has
ended with one clear error that names the file, and doing what it says leads there. Every case draws
from the seed and its own name, so `--seed` with `--only` repeats it. The last line is JSON; the
exit status is 1 after any violation.
"""

import argparse
import collections
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ.setdefault('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS', '0')
os.environ.setdefault('JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES', '-1')
os.environ.setdefault('JAXPROBE_CACHE', str(Path.home() / '.cache' / 'jaxprobe' / 'faults'))
os.environ.pop('JAX_NUM_CPU_DEVICES', None)

from benchmarks.faults import child, damage, disks, killing, several, state
from benchmarks.faults.case import Case, Outcome, Place, tail

GROUPS = (
    'points',
    'times',
    'programs',
    'signals',
    'full disk',
    'read-only',
    'damage',
    'peers',
    'races',
    'clock',
)


def main() -> int:
    """Runs the campaign; 1 after any violation."""
    options = _options()
    began = time.monotonic()
    scratch = Path(tempfile.mkdtemp(prefix='jaxprobe-faults-', dir=options.scratch or None))
    print(f'seed {options.seed}; {scratch}; programs in {os.environ["JAXPROBE_CACHE"]}', flush=True)
    child.warm()
    try:
        place, told = _undisturbed(scratch, options.modes.split(','))
        print(f'undisturbed runs: {time.monotonic() - began:.0f} s', flush=True)
        cases, skipped = _cases(place, options, scratch)
        outcomes = [] if told else _run(cases, place, options, scratch)
    finally:
        if not options.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    return _tell(outcomes, told, skipped, options, time.monotonic() - began)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n\n')[0])
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument('--kills', type=int, default=50, help='kill -9, at least')
    parser.add_argument('--only', default='', help=f'of {", ".join(GROUPS)}; `group:word` of those')
    parser.add_argument('--modes', default='clips,frames', help='of benchmarks/faults/small.py')
    parser.add_argument('--lanes', type=int, default=2, help='cases at the same time')
    parser.add_argument('--scratch', default='', help='where to work')
    parser.add_argument('--keep', action='store_true', help='leave what failed for a look')
    options = parser.parse_args()
    for part in filter(None, options.only.split(',')):
        if part.split(':')[0] not in GROUPS:
            parser.error(f'--only: {part.split(":")[0]!r} is not one of {", ".join(GROUPS)}')
    return options


def _undisturbed(scratch: Path, modes: list[str]) -> tuple[Place, list[str]]:
    """Two whole runs of each mode: the first compiles, the second is timed and counted."""
    place = Place(scratch, {}, {}, {}, {}, random.Random())
    told = []
    for mode in modes:
        warm, whole = scratch / f'warm-{mode}', scratch / f'whole-{mode}'
        ended = [child.start(warm, mode).wait()]
        began = time.monotonic()
        ended.append(child.start(whole, mode, count=scratch / f'{mode}.json').wait())
        place.seconds[mode] = time.monotonic() - began
        told += [f'undisturbed {mode}: {tail(one)}' for one in ended if one.status]
        if told:
            break
        place.whole[mode], place.expected[mode] = whole, state.files(whole)
        told += [f'undisturbed {mode}: {t}' for t in state.differences(state.files(warm), whole)]
        place.counts[mode] = json.loads((scratch / f'{mode}.json').read_text())
        shutil.rmtree(warm)
    return place, told


def _cases(place: Place, options: argparse.Namespace, scratch: Path) -> tuple[list[Case], list]:
    """All cases that are asked for and can be had here, and what cannot."""
    rng, skipped, modes = random.Random(f'{options.seed} plan'), [], options.modes.split(',')
    if set(place.counts) != set(modes):
        return [], skipped
    mounts = disks.mountable(scratch)
    if not mounts:
        skipped.append('tmpfs cannot be mounted here: full disks by a limit on files alone')
    if not mounts and not os.geteuid():
        skipped.append('read-only folders: root may write them, and nothing can be mounted')
    cases = several.peers(modes[0]) + several.races(modes, 2)
    if several.faketime():
        cases += several.clocks(modes)
    else:
        skipped.append('clocks that jump: libfaketime is not installed (apt-get install faketime)')
    cases += disks.full(modes, 1, mounts=mounts) + disks.read_only(modes, mounts=mounts)
    cases += damage.cases(modes)
    cases += [killing.half_a_program(modes[0])]
    cases += killing.polite(modes, 6)
    cases += killing.at_times(modes, max(2, options.kills // 5))
    cases += killing.at_points(place.counts, options.kills, rng)
    return [case for case in cases if _asked(case, options.only)], skipped


def _asked(case: Case, only: str) -> bool:
    parts = [part.partition(':') for part in only.split(',') if part]
    return not parts or any(case.group == g and word in case.name for g, _, word in parts)


def _run(
    cases: list[Case], place: Place, options: argparse.Namespace, scratch: Path
) -> list[dict[str, Any]]:
    """All cases, in lanes that are forks of this process."""
    lanes = []
    for lane in range(options.lanes):
        pid = os.fork()
        if not pid:
            _lane(cases, lane, place, options, scratch)
        lanes.append(pid)
    for pid in lanes:
        os.waitpid(pid, 0)
    found = []
    for lane in range(options.lanes):
        path = scratch / f'lane{lane}.jsonl'
        found += [json.loads(line) for line in path.read_text().splitlines()]
    if len(found) != len(cases):
        lost = f'{len(cases) - len(found)} cases did not report'
        nothing = {'seconds': 0.0, 'kills': [], 'faults': 0, 'notes': []}
        found.append({'group': 'campaign', 'name': 'lanes', 'violations': [lost]} | nothing)
    return found


def _lane(
    cases: list[Case], lane: int, place: Place, options: argparse.Namespace, scratch: Path
) -> None:
    status = 1
    try:
        with open(scratch / f'lane{lane}.jsonl', 'w') as file:
            for number, case in enumerate(cases):
                if number % options.lanes == lane:
                    row = _one(case, number, place, options, scratch)
                    file.write(json.dumps(row) + '\n')
                    file.flush()
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


def _one(
    case: Case, number: int, place: Place, options: argparse.Namespace, scratch: Path
) -> dict[str, Any]:
    import dataclasses

    slot, outcome, began = scratch / f'case{number}', Outcome(), time.monotonic()
    slot.mkdir()
    rng = random.Random(f'{options.seed} {case.group} {case.name}')
    try:
        case.work(dataclasses.replace(place, slot=slot, rng=rng), outcome)
    except Exception as error:
        outcome.violations.append(f'{case.group} {case.name}: {type(error).__name__}: {error}')
    seconds = time.monotonic() - began
    print(f'{"x " if outcome.violations else "ok"} {case.group}: {case.name} ({seconds:.1f} s)')
    for line in [*outcome.violations, *outcome.notes]:
        print(f'     {line}')
    sys.stdout.flush()
    if not (options.keep and outcome.violations):
        shutil.rmtree(slot, ignore_errors=True)
    own = {'group': case.group, 'name': case.name, 'seconds': round(seconds, 2)}
    return own | dataclasses.asdict(outcome)


def _tell(
    outcomes: list[dict[str, Any]],
    told: list[str],
    skipped: list[str],
    options: argparse.Namespace,
    seconds: float,
) -> int:
    """Prints where runs were killed, then everything as JSON."""
    kills = collections.Counter(tuple(kill) for one in outcomes for kill in one['kills'])
    print('\nkill -9 by mode, stage and point:')
    for (mode, stage, point), count in sorted(kills.items()):
        print(f'  {count:3d}  {mode:7s}{stage:11s}{point}')
    violations = told + [text for one in outcomes for text in one['violations']]
    few = 'points' in (options.only or 'points') and sum(kills.values()) < options.kills
    if few and not told:
        violations.append(f'{sum(kills.values())} kills, {options.kills} were wanted')
    for text in violations:
        print(f'VIOLATION {text}')
    for text in skipped:
        print(f'skipped: {text}')
    by_stage = collections.Counter()
    for (_, stage, _), count in kills.items():
        by_stage[stage] += count
    groups = collections.Counter(one['group'] for one in outcomes)
    faults: collections.Counter[str] = collections.Counter()
    for one in outcomes:
        faults[one['group']] += one['faults']
    print(
        json.dumps(
            {
                'seed': options.seed,
                'kills': sum(kills.values()),
                'kills_by_stage': dict(by_stage),
                'points': len(kills),
                'cases': dict(groups),
                'faults': dict(faults),
                'violations': len(violations),
                'skipped': skipped,
                'seconds': round(seconds, 1),
            }
        )
    )
    return int(bool(violations))


if __name__ == '__main__':
    sys.exit(main())
