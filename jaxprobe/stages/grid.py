"""The cells of a bank as a grid of sources x learning rates, and what the ledger selects of it."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxprobe.probes import select
from jaxprobe.probes.select import Choice, Ledger, Mixture
from jaxprobe.stages.results import BankRecord


class Grid(NamedTuple):
    """Seed means of every (source, rate), and the ledger over them.

    Attributes:
        by: the monitor's name.
        sources: as in the record's `meta`, S of them.
        rates: R, ascending.
        valid: the monitor on the validation items; nan where a replicate has none.
        test: the primary metric on the test items; higher is better.
        higher_is_better: of the monitor. The ledger holds its negative where it is not, since
            the test metric always grows with quality.
        book: selection by `jaxprobe.probes.select`; None where every candidate diverged.
    """

    by: str
    sources: list[dict[str, Any]]
    rates: list[float]
    valid: Float[np.ndarray, 'S R']
    test: Float[np.ndarray, 'S R']
    higher_is_better: bool
    book: Ledger | None

    def valid_of(self, choice: Choice) -> float:
        """The monitor of a choice, on its own scale."""
        return choice.valid if self.higher_is_better else -choice.valid

    def by_source(self, source: str) -> Choice | None:
        """The rate that validation selects for a source."""
        return self.book.by_source[source] if self.book else None

    def edge(self, rate: float) -> str | None:
        """'lowest' or 'highest' for the first and last of several rates."""
        if len(self.rates) == 1 or rate not in (self.rates[0], self.rates[-1]):
            return None
        return 'lowest' if rate == self.rates[0] else 'highest'

    def mixture(self) -> Mixture | None:
        """The best learned sum beside the best single layer."""
        if self.book is None:
            return None
        mixes = [s['name'] for s in self.sources if s['learned']]
        return select.mixture(self.book, mixes, singles(self.sources), True)


def of(record: BankRecord) -> Grid:
    """Arranges the cells of a bank.

    Raises:
        DataError: cells are missing or repeated.
    """
    name, values, higher = monitor(record)
    valid = values if higher else -values
    test = record.scores[f'test/{record.meta["task"]["primary"]}']
    sources = list(record.meta['sources'])
    rates = sorted({float(rate) for rate in record.learning_rate})
    if not _any_eligible(record, np.isfinite(valid) & np.isfinite(test)):
        nothing = np.full((len(sources), len(rates)), np.nan)
        return Grid(name, sources, rates, nothing, nothing, higher, None)
    book = select.ledger(record.source, record.learning_rate, record.seed, valid, test, True)
    order = {name: s for s, name in enumerate(book.sources)}
    sources.sort(key=lambda source: order[source['name']])
    valid_map = book.valid if higher else -book.valid
    return Grid(name, sources, rates, valid_map, book.test, higher, book)


def monitor(record: BankRecord) -> tuple[str, Float[np.ndarray, 'P'], bool]:
    """What cells are selected by: its name, its values, and whether more of it is better.

    The validation metric named by the protocol (`select_by`, else its monitor), recomputed from
    the logits; where the monitor is
    no metric of the task (the loss), the value that training saw.
    """
    protocol = record.meta['protocol']
    name = protocol.get('select_by') or protocol['monitor']
    if f'valid/{name}' in record.scores:
        return name, record.scores[f'valid/{name}'], True
    return name, np.where(record.best_epoch < 0, np.nan, record.best_monitor), name != 'loss'


def singles(sources: list[dict[str, Any]]) -> list[str]:
    """Names of the sources that read one layer."""
    return [s['name'] for s in sources if len(s['layers']) == 1 and not s['learned']]


def _any_eligible(record: BankRecord, finite: np.ndarray) -> bool:
    whole: dict[tuple[str, float], bool] = {}
    for name, rate, good in zip(record.source, record.learning_rate, finite, strict=True):
        whole[name, float(rate)] = whole.get((name, float(rate)), True) and bool(good)
    return any(whole.values())
