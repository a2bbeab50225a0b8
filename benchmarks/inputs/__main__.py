"""The campaign's flags and what it prints; see the package."""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.inputs import listing
from benchmarks.inputs.cases import VIOLATION, Outcome
from benchmarks.inputs.watch import Watch


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the campaign; 1 if anything was violated."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.inputs', description=__doc__)
    parser.add_argument('--seed', type=int, default=0, help='of random damage, and of the sounds')
    parser.add_argument('--count', type=int, default=1600, help='cases in all')
    parser.add_argument('--only', choices=('audio', 'manifest'), default='')
    parser.add_argument('--case', default='', help='the id of one case, to repeat it alone')
    given = parser.parse_args(arguments)
    if given.case:
        one = listing.named(given.case)
        if one is None:
            parser.error(f'there is no case {given.case!r}')
        cases = [one]
    else:
        cases = listing.cases(max(1, given.count), given.only)
    began, outcomes = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix='inputs-') as folder:
        watch = Watch(Path(folder), given.seed)
        try:
            for outcome in watch.run(cases):
                outcomes.append(outcome)
                if given.case or outcome.outcome == VIOLATION:
                    _show(outcome, given.seed)
        finally:
            watch.close()
    _table(outcomes)
    violated = {outcome.id for outcome in outcomes if outcome.outcome == VIOLATION}
    summary = {
        'seed': given.seed, 'cases': len(cases), 'checks': len(outcomes),
        'outcomes': dict(sorted(Counter(outcome.outcome for outcome in outcomes).items())),
        'violations': len(violated), 'children_lost': watch.lost,
        'seconds': round(time.monotonic() - began, 1),
    }  # fmt: skip
    print(json.dumps(summary))
    return int(bool(violated))


def _show(outcome: Outcome, seed: int) -> None:
    print(f'{outcome.outcome} {outcome.id}\n    {outcome.what[:1500]!r}')
    if outcome.outcome == VIOLATION:
        print(f'    python -m benchmarks.inputs --seed={seed} --case={outcome.id!r}', flush=True)


def _table(outcomes: Sequence[Outcome]) -> None:
    """Counts of outcomes, a line per family."""
    names = sorted({outcome.outcome for outcome in outcomes})
    print(f'{"family":<26}' + ''.join(f'{name:>13}' for name in names))
    for family in dict.fromkeys(outcome.family for outcome in outcomes):
        own = Counter(o.outcome for o in outcomes if o.family == family)
        print(f'{family:<26}' + ''.join(f'{own[name]:>13}' for name in names))


if __name__ == '__main__':
    sys.exit(main())
