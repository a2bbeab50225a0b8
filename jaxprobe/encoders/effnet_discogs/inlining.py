"""A graph without calls: every function of the library put in place of the node that calls it.

What a SavedModel exports is often a placeholder and one PartitionedCall; the network is in the
library. Inlined, every tensor has one name and one producer, so layers can be found and read.
A branch (StatelessIf, as converters from ONNX write around a padding) is taken where what it
asks depends on constants alone; the other side is dropped.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading.frozen_graph import Call, Function, Graph, Node

CALLS = ('PartitionedCall', 'StatefulPartitionedCall')
BRANCHES = ('If', 'StatelessIf')
DEEPEST = 16  # Calls within calls; a function that calls itself never ends.

# Operations with several named outputs, of which more than the first can be meant.
_NORMS: tuple[str, ...] = ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3')
_NORM_OUTPUTS = ('y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2')
_OUTPUTS: dict[str, tuple[str, ...]] = dict.fromkeys(_NORMS, _NORM_OUTPUTS)


class Ref(NamedTuple):
    """One output of one node."""

    node: str
    index: int = 0


class Step(NamedTuple):
    """A node whose inputs are outputs of nodes; no name of a function is left."""

    name: str
    op: str
    inputs: tuple[Ref, ...]
    attrs: dict[str, Any]


class Flat(NamedTuple):
    """A graph without calls.

    Attributes:
        steps: by name; nodes of a function are called 'call/node'.
        calls: what the outputs of a call are, by the call's name.
    """

    steps: dict[str, Step]
    calls: dict[str, tuple[Ref, ...]]


# (steps, tensor) -> its value, or None where it depends on more than constants.
Known = Callable[[dict[str, Step], Ref], np.ndarray | None]


class Scope(NamedTuple):
    """A graph or a function's body, while it is being inlined."""

    nodes: dict[str, Node]
    arguments: dict[str, Ref]
    prefix: str
    depth: int


def flatten(graph: Graph, source: str, known: Known) -> Flat:
    """Inlines every call.

    Args:
        graph: as read from a file.
        source: what the user knows the file by.
        known: computes what a branch asks.

    Raises:
        WeightsError: a tensor, a function or an argument is named that is not there, or a
            branch depends on the input.
    """
    flat = Flat({}, {})
    try:
        _Inliner(graph, flat, known).add(Scope(graph.nodes, {}, '', 0))
    except _Broken as error:
        raise WeightsError(f'{source} cannot be used: {error}. Is it damaged?') from error
    return flat


class _Broken(Exception):
    """The graph contradicts itself."""


class _Inliner(NamedTuple):
    graph: Graph
    flat: Flat
    known: Known

    def add(self, scope: Scope) -> None:
        """Adds the nodes of a scope, each after those it reads."""
        if scope.depth > DEEPEST:
            raise _Broken(f'more than {DEEPEST} calls within calls at {scope.prefix!r}')
        for node in _ordered(scope):
            name = scope.prefix + node.name
            inputs = tuple(self.ref(text, scope) for text in node.inputs)
            if name in self.flat.steps or name in self.flat.calls:
                raise _Broken(f'two nodes are called {name!r}')
            if node.op in CALLS:
                self.call(node.attrs.get('f'), name, inputs, scope)
            elif node.op in BRANCHES:
                self.branch(node, name, inputs, scope)
            else:
                self.flat.steps[name] = Step(name, node.op, inputs, node.attrs)

    def call(self, target: Any, name: str, inputs: tuple[Ref, ...], scope: Scope) -> None:
        function = self.graph.functions.get(target.function) if isinstance(target, Call) else None
        if function is None:
            raise _Broken(f'{name!r} calls {target}, which is not in the library')
        if len(function.inputs) != len(inputs):
            raise _Broken(f'{name!r} gives {len(inputs)} of {len(function.inputs)} arguments')
        arguments = dict(zip(function.inputs, inputs, strict=True))
        inner = Scope(function.nodes, arguments, f'{name}/', scope.depth + 1)
        self.add(inner)
        self.flat.calls[name] = self.returned(function, inner)

    def branch(self, node: Node, name: str, inputs: tuple[Ref, ...], scope: Scope) -> None:
        asked = self.known(self.flat.steps, inputs[0]) if inputs else None
        if asked is None:
            raise _Broken(f'the branch {name!r} depends on the input')
        side = 'then_branch' if bool(asked) else 'else_branch'
        self.call(node.attrs.get(side), name, inputs[1:], scope)

    def returned(self, function: Function, inner: Scope) -> tuple[Ref, ...]:
        return tuple(self.ref(text, inner) for text in function.returns.values())

    def ref(self, text: str, scope: Scope) -> Ref:
        """The output that 'node', 'node:k', 'node:output:k' or 'argument' means."""
        name, *rest = text.split(':')
        if name in scope.arguments and not rest:
            return scope.arguments[name]
        if name not in scope.nodes or len(rest) > 2 or (rest and not rest[-1].isdigit()):
            raise _Broken(f'{scope.prefix}{text!r} is read, but there is no such tensor')
        index = int(rest[-1]) if rest else 0
        outputs = _OUTPUTS.get(scope.nodes[name].op, ())
        if len(rest) == 2 and rest[0] in outputs:
            index += outputs.index(rest[0])
        found = self.flat.calls.get(scope.prefix + name)
        if found is None:
            return Ref(scope.prefix + name, index)
        if index >= len(found):
            raise _Broken(f'{scope.prefix}{text!r} is read, but the call has {len(found)} outputs')
        return found[index]


def _ordered(scope: Scope) -> Iterator[Node]:
    """The nodes of a scope, each after those it reads."""
    readers: dict[str, list[str]] = {}
    missing: dict[str, int] = {}
    for node in scope.nodes.values():
        reads = {text.split(':')[0] for text in node.inputs} & scope.nodes.keys()
        missing[node.name] = len(reads)
        for name in reads:
            readers.setdefault(name, []).append(node.name)
    ready = [name for name, count in missing.items() if not count]
    done = 0
    while ready:
        name = ready.pop()
        done += 1
        yield scope.nodes[name]
        for reader in readers.get(name, ()):
            missing[reader] -= 1
            if not missing[reader]:
                ready.append(reader)
    if done < len(scope.nodes):
        names = sorted(name for name, count in missing.items() if count)[:5]
        raise _Broken(f'nodes are computed from themselves: {", ".join(names)}')
