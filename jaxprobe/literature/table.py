"""What papers have printed: their numbers, where each was read, and what is known to be wrong.

The facts are in CSV files beside this module: `results.csv` (one printed number a line, as it is
printed), `papers.csv`, and `footnotes.csv`. A footnote belongs to every number that its patterns
match: '' is anything, `*` any text, `|` separates alternatives. Its `when` is a condition on the
options of our own task (see `holds`); its `kind` is 'defect' (known to be wrong), 'doubtful' (read
from a damaged page), 'protocol' (we do it otherwise) or 'unreadable' (a cell that `results.csv`
lacks).
"""

import csv
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

KINDS = ('defect', 'doubtful', 'protocol', 'unreadable')

_HERE = Path(__file__).parent


class Published(NamedTuple):
    """One printed number, with the names its paper uses.

    Attributes:
        source: `<key of the paper>:<table>`.
        value: as printed: percents, decibels for SDR.
    """

    source: str
    encoder: str
    variant: str
    task: str
    metric: str
    value: float

    @property
    def paper(self) -> str:
        """Key of `papers`."""
        return self.source.partition(':')[0]

    @property
    def table(self) -> str:
        """The table or figure."""
        return self.source.partition(':')[2]


class Paper(NamedTuple):
    """Where numbers come from."""

    key: str
    short: str
    citation: str
    read_from: str


class Footnote(NamedTuple):
    """What must be said of the numbers that it matches."""

    source: str
    encoder: str
    variant: str
    task: str
    metric: str
    when: str
    kind: str
    text: str

    def matches(self, row: Published) -> bool:
        """Whether it belongs to a number, whatever we did ourselves."""
        return all(_pattern(p).fullmatch(v) for p, v in zip(self[:5], row[:5], strict=True))


@functools.cache
def rows() -> tuple[Published, ...]:
    """Every printed number, in the order of the papers."""
    names = ('source', 'encoder', 'variant', 'task', 'metric')
    return tuple(
        Published(**{name: line[name] for name in names}, value=float(line['value']))
        for line in read('results')
    )


@functools.cache
def papers() -> dict[str, Paper]:
    """The papers by key."""
    return {line['key']: Paper(**line) for line in read('papers')}


@functools.cache
def footnotes() -> tuple[Footnote, ...]:
    """Every footnote, defects first."""
    return tuple(Footnote(**line) for line in read('footnotes'))


def notes(row: Published, facts: Mapping[str, str]) -> list[str]:
    """What must be said of a number when it stands beside ours.

    Args:
        row: the number.
        facts: options of our task, and `source`, what of ours it is compared with.
    """
    return [f.text for f in footnotes() if f.matches(row) and holds(f.when, facts)]


def holds(condition: str, facts: Mapping[str, str]) -> bool:
    """Whether every part of a condition holds; '' always does, an absent fact is ''.

    >>> holds('split=clean|mir_ref;protocol!=mir_ref', {'split': 'clean'})
    True
    """
    for part in condition.split(';') if condition else ():
        name, _, values = part.partition('=')
        among = facts.get(name.rstrip('!'), '') in values.split('|')
        if among == name.endswith('!'):
            return False
    return True


def read(name: str) -> list[dict[str, str]]:
    """The lines of one of the CSV files."""
    with open(_HERE / f'{name}.csv', encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


@functools.cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = ['.*'.join(map(re.escape, part.split('*'))) for part in (text or '*').split('|')]
    return re.compile('|'.join(f'(?:{part})' for part in parts))
