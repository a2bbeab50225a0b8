"""A flattened graph made ready to run: what is needed, in order, weights apart from shapes.

Constants of a floating type are the weights: they become the pytree that `encode` is given.
Integers (shapes, axes, permutations) stay with the program. A constant is used, or it is not
needed for what is asked of the graph and is counted as left behind.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.blocks.precision import Precision
from jaxprobe.encoders.effnet_discogs import ops
from jaxprobe.encoders.effnet_discogs.inlining import Flat, Ref, Step

FEED = ('Placeholder', 'PlaceholderWithDefault')
KERNELS = ('Conv2D', 'MatMul')  # What runs in the compute dtype.
_CHANGES_NOTHING = ('Identity', 'Transpose', 'Reshape', 'ExpandDims')


class Program(NamedTuple):
    """What computes some tensors from one input.

    Attributes:
        feed: the placeholder.
        shape: what it was frozen for, -1 where any size goes.
        steps: every node that is needed, each after those it reads.
        weights: name -> constant of a floating type.
        numbers: name -> any other constant.
        left: names of the constants that nothing asked for needs.
        source: what the user knows the graph by.
    """

    feed: str
    shape: tuple[int, ...]
    steps: tuple[Step, ...]
    weights: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]
    left: tuple[str, ...]
    source: str

    @property
    def baked(self) -> int:
        """Rows that the graph was frozen for, 0 where it takes any number."""
        return max(0, *self.shape[:1]) if self.shape else 0


def prepare(flat: Flat, wanted: Sequence[Ref], source: str) -> Program:
    """Orders what is needed for some tensors.

    Args:
        flat: the graph without calls.
        wanted: the tensors.
        source: what the user knows the graph by.

    Raises:
        WeightsError: the graph needs operations that are not known here (all are named), reads
            tensors that are not there or in a circle, or has not exactly one input.
    """
    order = _ordered(flat, wanted, source)
    unknown = sorted({s.op for s in order if not _can_run(s)})
    if unknown:
        raise WeightsError(
            f'{source} cannot be run: {len(unknown)} operations are not known here: '
            f'{", ".join(unknown)}. This reads frozen graphs of convolutional networks for '
            f'inference; a graph for training, or of another kind of model, needs others.'
        )
    feeds = [step for step in order if step.op in FEED]
    if len(feeds) != 1:
        raise WeightsError(
            f'{source} has {len(feeds)} inputs ({", ".join(s.name for s in feeds) or "none"}) '
            f'where one log mel spectrogram was expected. Is it another model?'
        )
    constants = {step.name: step.attrs['value'] for step in order if step.op == 'Const'}
    weights = {name: value for name, value in constants.items() if _floating(value)}
    return Program(
        feed=feeds[0].name,
        shape=feeds[0].attrs.get('shape') or (),
        steps=tuple(step for step in order if step.op not in (*FEED, 'Const')),
        weights=weights,
        numbers={name: value for name, value in constants.items() if name not in weights},
        left=tuple(n for n, s in flat.steps.items() if s.op == 'Const' and n not in constants),
        source=source,
    )


def _can_run(step: Step) -> bool:
    return step.op in (*FEED, 'Const') or ops.known(step.op)


def _floating(value: np.ndarray) -> bool:
    return jnp.issubdtype(value.dtype, jnp.floating)


def _ordered(flat: Flat, wanted: Sequence[Ref], source: str) -> list[Step]:
    """The steps behind some tensors, each after those it reads; without recursion."""
    done: dict[str, Step] = {}
    entered: set[str] = set()
    stack = [ref.node for ref in reversed(wanted)]
    while stack:
        name = stack[-1]
        if name not in flat.steps:
            raise WeightsError(f'{source} is damaged: {name!r} is read and is not there.')
        step = flat.steps[name]
        waiting = [ref.node for ref in step.inputs if ref.node not in done]
        if name in done or not waiting:
            done[name] = step
            stack.pop()
        elif name in entered:
            raise WeightsError(f'{source} is damaged: {name!r} is computed from itself.')
        else:
            entered.add(name)
            stack += waiting
    return list(done.values())


def kernels(program: Program) -> set[str]:
    """The weights that convolutions and matrix products multiply with."""
    producer = {step.name: step for step in program.steps}
    found = set()
    for step in program.steps:
        if step.op in KERNELS:
            name = step.inputs[1].node
            while name in producer and producer[name].op in _CHANGES_NOTHING:
                name = producer[name].inputs[0].node
            found.add(name)
    return found & set(program.weights)


def parameters(program: Program, numbers: Precision) -> dict[str, jax.Array]:
    """The weights on the device: kernels in the compute dtype, everything else in float32."""
    low = kernels(program)
    return {
        name: jnp.asarray(value, numbers.dtype if name in low else jnp.float32)
        for name, value in program.weights.items()
    }


def run(
    program: Program,
    params: Mapping[str, Any],
    feed: Any,
    wanted: Sequence[Ref],
    numbers: Precision,
) -> list[Any]:
    """Computes tensors of the graph.

    Args:
        program: from `prepare`, for these tensors among others.
        params: name -> weight, as `parameters` makes them.
        feed: the input, of any number of rows.
        wanted: the tensors.
        numbers: compute dtype of convolutions and matrix products.

    Raises:
        WeightsError: a node asks for something that its operation here does not do.
    """
    values = values_of(program, params, feed, numbers)
    return [_output(values[ref.node], ref, program.source) for ref in wanted]


def values_of(
    program: Program, params: Mapping[str, Any], feed: Any, numbers: Precision
) -> dict[str, Any]:
    """Every node's value, by name; see `run`."""
    values: dict[str, Any] = {**program.numbers, **params, program.feed: feed}
    setting = ops.Setting(numbers, program.baked, feed.shape[0])
    for step in program.steps:
        inputs = [_output(values[ref.node], ref, program.source) for ref in step.inputs]
        try:
            values[step.name] = ops.run(step, inputs, setting)
        except ops.Unsuited as error:
            raise WeightsError(f'{program.source} cannot be run: {error}.') from error
        except (TypeError, ValueError, LookupError) as error:
            shapes = ', '.join(str(np.shape(value)) for value in inputs)
            raise WeightsError(
                f'{program.source} cannot be run for {feed.shape[0]} rows: {step.name} '
                f'({step.op}) of {shapes}: {str(error)[:300]}'
            ) from error
    return values


def _output(value: Any, ref: Ref, source: str) -> Any:
    if isinstance(value, tuple):
        if ref.index < len(value):
            return value[ref.index]
    elif ref.index == 0:
        return value
    raise WeightsError(
        f'{source} cannot be run: it reads output {ref.index} of {ref.node}, which only training '
        f'needs or which is not there.'
    )
