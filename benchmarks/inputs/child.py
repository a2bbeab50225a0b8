"""The process that runs cases when told to; it may die or hang, which its parent sees.

    python -m benchmarks.inputs.child FD ROOT SEED

Requests and replies are lines of JSON over the socket with that number. Its standard input is a
pipe that stays open and empty, so that reading from it hangs as a terminal's would.
"""

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.inputs import listing
from benchmarks.inputs.cases import VIOLATION, Case, Outcome
from benchmarks.inputs.judge import Judge, Violation


def main(number: str, root: str, seed: str) -> None:
    """Answers requests until there are no more."""
    judge = Judge(Path(root), int(seed))
    with socket.socket(fileno=int(number)) as held, held.makefile('rw') as talk:
        print(json.dumps('ready'), file=talk, flush=True)
        for line in talk:
            what, names = json.loads(line)
            found = [case for name in names if (case := listing.named(name))]
            print(json.dumps(_answers(judge, what, found)), file=talk, flush=True)


def _answers(judge: Judge, what: str, cases: list[Case]) -> list[Outcome]:
    one: dict[str, Callable[[Case], Outcome]] = {
        'table': judge.table, 'sound': judge.sound, 'stopping': judge.stopping,
    }  # fmt: skip
    try:
        return [one[what](cases[0])] if what in one else judge.together(cases)
    except Violation as violation:
        text = str(violation)
    except Exception as error:  # A fault of the campaign is told, not hidden.
        text = f'the campaign itself failed, {type(error).__name__}: {error}'
    return [Outcome(case.id, case.family, VIOLATION, f'{what}: {text}') for case in cases]


if __name__ == '__main__':
    main(*sys.argv[1:])
