"""The heads that a bank can be asked for by name, and how wide their hidden layers are.

A head is [Linear -> ReLU -> Dropout]* -> Linear, so a name stands for widths and dropout. mir_ref's
five (its configs/example.yml; widths: its probes/probe_builder.py) have no dropout; the L2 penalty
that they train with is the protocol's matter. Two of them infer widths from the embedding's and the
number of outputs. mir_ref writes inferred widths over the word in its config, so that in a run over
several embeddings all but the first get the first one's; here each width of embedding has its own.
"""

from collections.abc import Callable
from typing import NamedTuple

from jaxprobe.core.errors import ConfigError, suggest

Rule = Callable[[int, int, int, int], int]  # Of (layer, number of layers, inputs, outputs).


class Head(NamedTuple):
    """Hidden widths and dropout.

    Attributes:
        name: as the config gives it.
        hidden: widths; () is a linear head.
        inferred: how many hidden layers a rule gives widths to, in place of `hidden`.
        rule: that does.
        what: one line, with the source.
    """

    name: str
    what: str
    hidden: tuple[int, ...] = ()
    inferred: int = 0
    rule: Rule | None = None
    dropout: float = 0.0

    def widths(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Hidden widths over embeddings of one width.

        Raises:
            ConfigError: the rule leaves a layer without units.
        """
        if self.rule is None:
            return self.hidden
        found = tuple(self.rule(i, self.inferred, inputs, outputs) for i in range(self.inferred))
        if min(found) < 1:
            raise ConfigError(
                f'head {self.name!r} infers the widths {found} from {inputs} inputs and {outputs} '
                f'outputs; use one with stated widths: {suggest("", list(HEADS))}'
            )
        return found

    def is_of(self, hidden: tuple[int, ...], dropout: float) -> bool:
        """Whether it is the head of these numbers; without hidden layers nothing is dropped."""
        same = self.rule is None and self.hidden == tuple(hidden)
        return same and (self.dropout == dropout or not hidden)


def evenly(layer: int, layers: int, inputs: int, outputs: int) -> int:
    """mir_ref's `infer`: from the inputs' width down to the outputs' in equal steps.

    >>> [evenly(i, 2, 512, 10) for i in range(2)]
    [344, 178]
    """
    return _even(outputs + (layers - layer) * (inputs - outputs) / (layers + 1))


def powers(layer: int, layers: int, inputs: int, outputs: int) -> int:
    """mir_ref's `power_infer`: a parabola over the layers, as its code has it: it climbs.

    With several layers the last may exceed the embedding, since the steepness is divided by the
    number of layers and one, not by its square.

    >>> [powers(i, 2, 512, 10) for i in range(2)]
    [178, 680]
    """
    return _even((inputs - outputs) / (layers + 1) * (layer + 1) ** 2 + outputs)


def _even(width: float) -> int:
    """Cut off, then raised to an even number."""
    return int(width) + int(width) % 2


HEADS: dict[str, Head] = {
    head.name: head
    for head in (
        Head('linear', 'no hidden layer'),
        Head('mlp', "MARBLE v1's: 512 units, dropout 0.2", (512,), dropout=0.2),
        Head('m1', "mir_ref's M1: no hidden layer"),
        Head('m2', "mir_ref's M2: 128 units", (128,)),
        Head('m3', "mir_ref's M3: 256 and 128 units", (256, 128)),
        Head('m4', "mir_ref's M4: one layer, half way to the outputs", inferred=1, rule=evenly),
        Head('m5', "mir_ref's M5: two layers in equal steps", inferred=2, rule=evenly),
        Head('m5-power', "mir_ref's power_infer over two layers", inferred=2, rule=powers),
    )
}


def parse(text: str) -> tuple[Head, ...]:
    """Reads `config.study.heads`: names, separated by commas; '' is none.

    Raises:
        ConfigError: a name is unknown, or there twice.
    """
    names = [part.strip() for part in text.split(',')] if text.strip() else []
    for name in names:
        if name not in HEADS:
            raise ConfigError(f'study.heads: no head {name!r}. {suggest(name, HEADS)}')
    if len(set(names)) < len(names):
        raise ConfigError(f'study.heads={text!r} names a head twice')
    return tuple(HEADS[name] for name in names)


def name_of(hidden: tuple[int, ...], dropout: float) -> str:
    """The name of a protocol's own head, 'own' where the table has none of it."""
    return next((head.name for head in HEADS.values() if head.is_of(hidden, dropout)), 'own')
