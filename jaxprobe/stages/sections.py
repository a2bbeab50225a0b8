"""The parts of a result file beyond its layer table, each from a module of its own.

A section is a pure function of the records of one (encoder, task), so that `jaxprobe verify`
recomputes it like everything else. What it returns is JSON; None leaves it out.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jaxprobe.analysis.bootstrap import Resampling
from jaxprobe.stages.grid import Grid
from jaxprobe.stages.results import BankRecord


class Context(NamedTuple):
    """What a section is computed from.

    Attributes:
        record: the bank of the task.
        grid: its cells as sources x learning rates, with what selection says of them.
        drawn: bootstrap draws of its test items, shared by all sections so that they pair.
        variants: records that vary one thing of the bank, by name (`<task>@<variant>`).
    """

    record: BankRecord
    grid: Grid
    drawn: Resampling
    variants: Mapping[str, BankRecord]

    def of_kind(self, kind: str) -> dict[Any, BankRecord]:
        """Value -> record of the variants of one kind, in order of value."""
        found = [v for v in self.variants.values() if v.meta['variant']['kind'] == kind]
        return {
            v.meta['variant']['value']: v
            for v in sorted(found, key=lambda v: str(v.meta['variant']['value']))
        }


Section = Callable[[Context], Any]


def late(module: str) -> Section:
    """The `section` of a module of this package, imported when it is first asked.

    Those modules import `Context` from here, whichever of the two is loaded first.
    """

    def section(context: Context) -> Any:
        return importlib.import_module(f'jaxprobe.stages.{module}').section(context)

    return section


SECTIONS: dict[str, Section] = {
    'closed_form': late('closed_form'),
    'comparisons': late('comparisons'),
    'confusion': late('confusion'),
    'contexts': late('contexts'),
    'controls': late('controls'),
    'heads': late('heads'),
    'label_efficiency': late('label_efficiency'),
    'ledger': late('ledger'),
    'projection': late('projection'),
    'published': late('published'),
    'robustness': late('robustness'),
}
