"""One bank to train on the embeddings of a task: its own, or one that varies one thing of it.

A variant is another call of the same `probes.bank.train`. What it changes is data, written here;
the split's rows, the seeds and with them the compiled programs stay what they are where shapes
allow.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from jaxprobe.core import fs
from jaxprobe.probes.spec import BankSpec
from jaxprobe.stages import results


class Job(NamedTuple):
    """A bank to train.

    Attributes:
        grid: sources, rates, seeds and protocol.
        kind: of the variant, such as 'train'; '' for the task's own bank.
        value: which of its kind, such as 0.1.
        what: one line for people.
        chosen: training items that are trained on; None takes all.
        shuffled: training targets are permuted over the training items, anew for every seed.
        merge: consecutive windows of an item that are averaged into one row.
        hidden: widths of the hidden layers by width of the source, where they depend on it; {}
            where `grid.hidden` says them.
        meta: what differs in the record's `meta`.
        solve: opened embeddings -> `training.Trained`, where nothing is trained; None trains.
        decides: what else decides the numbers of what is solved.
    """

    grid: BankSpec
    kind: str = ''
    value: str | float = ''
    what: str = ''
    chosen: Int[np.ndarray, 'K'] | None = None
    shuffled: bool = False
    merge: int = 1
    hidden: Mapping[int, tuple[int, ...]] = MappingProxyType({})
    meta: Mapping[str, Any] = MappingProxyType({})
    solve: Callable[[Any], Any] | None = None
    decides: Mapping[str, Any] = MappingProxyType({})

    def name(self, task: str) -> str:
        """The name of its record: `<task>`, or `<task>@<kind>-<value>`."""
        if not self.kind:
            return task
        value = f'{self.value:g}' if isinstance(self.value, float) else self.value
        return f'{task}{results.VARIANT}{self.kind}' + (f'-{value}' if value else '')

    def changes(self, own: str) -> dict[str, Any]:
        """What its record's `meta` has beside the task's own bank.

        Args:
            own: fingerprint of the task's own bank, which covers all that this one shares with it.
        """
        if not self.kind:
            return {}
        hidden = {str(width): list(units) for width, units in sorted(self.hidden.items())}
        named = {'kind': self.kind, 'value': self.value, 'of': own}
        variant = {**named, 'what': self.what} | ({'hidden': hidden} if hidden else {})
        decides = {
            **named,
            'sources': [source.name for source in self.grid.sources],
            'rates': list(self.grid.learning_rates),
            'hidden': hidden or list(self.grid.hidden),
            'dropout': self.grid.dropout,
            'merge': self.merge,
            'chosen': None if self.chosen is None else self.chosen.tolist(),
            'shuffled': self.shuffled,
            **self.decides,
        }
        return {**self.meta, 'variant': variant, 'fingerprint': fs.digest(decides)}
