"""The list of cases: the systematic ones, then random damage up to the number asked for."""

import functools

from benchmarks.inputs import (
    audio,
    headers,
    labels,
    marble,
    numbers,
    paths,
    sidecars,
    tables,
    tables_random,
)
from benchmarks.inputs.cases import Case


@functools.cache
def systematic(only: str = '') -> list[Case]:
    """Those that are the same for every seed; `only` 'audio' or 'manifest'."""
    sound = [*audio.cases(), *headers.cases()]
    groups = (tables, labels, numbers, paths, sidecars, marble)
    table = [case for group in groups for case in group.cases()]
    return [*(sound if only != 'manifest' else ()), *(table if only != 'audio' else ())]


def cases(count: int, only: str = '') -> list[Case]:
    """So many cases: all systematic ones and random ones, or an even choice of the former."""
    known = systematic(only)
    if count <= len(known):
        return [known[k * len(known) // count] for k in range(count)]
    more = count - len(known)
    sounds = {'audio': more, 'manifest': 0}.get(only, more // 2)
    return [*known, *headers.random(sounds), *tables_random.random(more - sounds)]


def named(name: str) -> Case | None:
    """The case of that id, whatever the count; None if there is none."""
    kind, _, rest = name.partition('/')
    group, _, last = rest.partition('/')
    number = last.rpartition('-')[2]
    if group == 'random' and number.isdigit():
        make = headers.random if kind == 'audio' else tables_random.random
        found = make(int(number) + 1)
    else:
        found = systematic()
    return next((case for case in found if case.id == name), None)
