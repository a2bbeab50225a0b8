"""Frozen TensorFlow graphs (`.pb`: a GraphDef whose weights are Const nodes), without TensorFlow.

A graph is a list of nodes (name, operation, inputs, attributes) and a library of functions that
nodes such as PartitionedCall call by name. Only the wire format of protocol buffers is read;
nothing in the file is run, no size it claims is believed before its bytes are there.

Messages and fields: graph.proto, node_def.proto, attr_value.proto, tensor.proto, function.proto
and op_def.proto of tensorflow/core/framework.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import unpacked
from jaxprobe.encoders.loading.tf_bundle import AXES, DTYPES
from jaxprobe.encoders.loading.tf_table import varint

STRING = 7
# DataType of types.proto -> numpy; a type that is not here stays its number.
TYPES: dict[int, np.dtype] = {number: np.dtype(code) for number, code in DTYPES.items()}
TYPES |= {5: np.dtype('<i2'), 14: np.dtype(ml_dtypes.bfloat16), 17: np.dtype('<u2')}
TYPES |= {22: np.dtype('<u4'), 23: np.dtype('<u8')}

# Where a tensor's values lie if they are not raw bytes: type -> (field, wire type).
_FLOATS = {1: 5, 2: 6}
_VARINTS = {3: 7, 4: 7, 5: 7, 6: 7, 9: 10, 10: 11, 17: 7, 22: 16, 23: 17}
_HALVES = (14, 19)  # Bit patterns as integers, field 13.

LARGEST = 1 << 26  # Elements that a tensor of one repeated value may claim.

_SLIPS = {
    b'PK': 'is a zip file (a SavedModel in its folder?); the file wanted is the frozen graph, .pb',
    b'version https://git-lfs': 'is a Git LFS pointer, not the file itself; run `git lfs pull`',
    b'<': 'is a web page: the address of the page was saved, not the file',
    b'\x89HDF': 'is an HDF5 file, not a frozen graph',
    b'\x08\x01\x12': 'is the saved_model.pb of a SavedModel: its weights lie in another file; the '
    'frozen graph holds both',
}
_ONNX = b'\x08'  # A ModelProto begins with its version; a GraphDef with a message.


class Node(NamedTuple):
    """One operation.

    Attributes:
        inputs: 'node' or 'node:k', in a function also 'argument' or 'node:output:k'; without
            the control inputs, which carry no data.
        attrs: str, int, float, bool, np.dtype, shape (a tuple with -1 where unknown, None of
            unknown rank), np.ndarray, a function's name (`Call`), or a list of one of these.
    """

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    attrs: dict[str, Any] = {}  # noqa: RUF012 (a NamedTuple's default, never written to)


class Call(NamedTuple):
    """An attribute that names a function."""

    function: str


class Function(NamedTuple):
    """A function of the library.

    Attributes:
        inputs: names of its arguments.
        returns: output name -> the tensor it is, in the order of its outputs.
    """

    name: str
    inputs: tuple[str, ...]
    returns: dict[str, str]
    nodes: dict[str, Node]


class Graph(NamedTuple):
    """A graph and the functions that it calls."""

    nodes: dict[str, Node]
    functions: dict[str, Function]


class _Repeated(NamedTuple):
    """A tensor of which the first values are stored; the last of them stands for the rest."""

    values: np.ndarray
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.values.itemsize

    def filled(self) -> np.ndarray:
        """All of its values."""
        filled = np.zeros(math.prod(self.shape), self.values.dtype)
        filled[: len(self.values)] = self.values
        filled[len(self.values) :] = self.values[-1] if len(self.values) else 0
        return filled.reshape(self.shape)


def read(path: Path) -> Graph:
    """Reads a frozen graph.

    Returns:
        The graph; large tensors are views of the file's bytes.

    Raises:
        WeightsError: the file is something else, empty, cut short or damaged.
    """
    return parse(path.read_bytes(), str(path))


def parse(data: bytes, source: str) -> Graph:
    """Parses the bytes of a frozen graph; see `read`."""
    if not data:
        raise WeightsError(f'{source} is empty. Fetch it again.')
    for start, slip in _SLIPS.items():
        if data.lstrip().startswith(start) if start == b'<' else data.startswith(start):
            raise WeightsError(f'{source} {slip}.')
    if data.startswith(_ONNX):
        raise WeightsError(
            f'{source} is an ONNX model, by its first bytes; the file wanted is the frozen '
            f'TensorFlow graph, .pb, which its authors publish beside it.'
        )
    try:
        graph = _graph(memoryview(data))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise WeightsError(
            f'{source} is no frozen TensorFlow graph, or is damaged: {error}. A download cut '
            f'short looks like this; fetch it again and compare its size.'
        ) from error
    if not graph.nodes:
        raise WeightsError(f'{source} holds a graph without nodes. Is it another file?')
    return graph


def constants(graph: Graph) -> dict[str, np.ndarray]:
    """Every constant of a graph: what a port that knows the names can be filled from.

    Returns:
        Node name -> tensor; within a function, 'function/node'.
    """
    found = {n.name: n.attrs['value'] for n in graph.nodes.values() if n.op == 'Const'}
    for function in graph.functions.values():
        for node in function.nodes.values():
            if node.op == 'Const':
                found[f'{function.name}/{node.name}'] = node.attrs['value']
    return found


def _graph(data: memoryview) -> Graph:
    nodes: dict[str, Node] = {}
    functions: dict[str, Function] = {}
    for number, value in fields(data):
        if number == 1:
            _add(nodes, _node(value))
        elif number == 2:
            for inner, function in fields(value):
                if inner == 1:
                    _add(functions, _function(function))
    _fill([nodes, *(function.nodes for function in functions.values())], len(data))
    return Graph(nodes, functions)


def _fill(parts: list[dict[str, Node]], size: int) -> None:
    """Makes tensors of repeated values, once it is known what all of them together take."""
    attrs = [node.attrs for nodes in parts for node in nodes.values()]
    values = [value for held in attrs for value in held.values()]
    listed = [one for value in values if isinstance(value, list) for one in value]
    tensors = [v for v in (*values, *listed) if isinstance(v, np.ndarray | _Repeated)]
    total = sum(tensor.nbytes for tensor in tensors)
    if total > unpacked.limit(size):
        raise ValueError(f'its constants claim {total} bytes, in a file of {size}')
    for held in attrs:
        for key, value in held.items():
            if isinstance(value, list):
                held[key] = [v.filled() if isinstance(v, _Repeated) else v for v in value]
            elif isinstance(value, _Repeated):
                held[key] = value.filled()


def _add(to: dict[str, Any], what: Node | Function) -> None:
    if what.name in to:
        raise ValueError(f'the name {what.name!r} stands twice')
    to[what.name] = what


def _node(data: memoryview) -> Node:
    name = op = ''
    inputs: list[str] = []
    attrs: dict[str, Any] = {}
    for number, value in fields(data):
        if number == 1:
            name = _text(value)
        elif number == 2:
            op = _text(value)
        elif number == 3:
            inputs.append(_text(value))
        elif number == 5:
            key, attribute = _pair(value)
            attrs[_text(key)] = _attribute(attribute)
    if not name or not op:
        raise ValueError(f'a node without {"operation" if name else "name"}')
    if op == 'Const' and not isinstance(attrs.get('value'), np.ndarray | _Repeated):
        raise ValueError(f'the constant {name!r} has no value')
    return Node(name, op, tuple(i for i in inputs if not i.startswith('^')), attrs)


def _function(data: memoryview) -> Function:
    name, inputs, outputs = '', [], []
    nodes: dict[str, Node] = {}
    returns: dict[str, str] = {}
    for number, value in fields(data):
        if number == 1:
            for inner, part in fields(value):
                if inner == 1:
                    name = _text(part)
                elif inner in (2, 3):
                    (inputs if inner == 2 else outputs).append(_text(dict(fields(part))[1]))
        elif number == 3:
            _add(nodes, _node(value))
        elif number == 4:
            key, tensor = _pair(value)
            returns[_text(key)] = _text(tensor)
    if not name:
        raise ValueError('a function without a name')
    return Function(name, tuple(inputs), {output: returns[output] for output in outputs}, nodes)


def _attribute(data: memoryview) -> Any:
    """An AttrValue; None for kinds that no graph of ours needs."""
    for number, value in fields(data):
        if number == 1:
            return _list(value)
        if number in _SCALARS:
            return _SCALARS[number](value)
    return None


def _list(data: memoryview) -> list[Any]:
    found: list[Any] = []
    for number, value in fields(data):
        if number in (3, 5, 6) and isinstance(value, memoryview):  # Packed.
            found += [_SCALARS[number](v) for v in _varints(value)]
        elif number == 4 and isinstance(value, memoryview):
            found += np.frombuffer(value, '<f4').tolist()
        else:
            found.append(_SCALARS[10 if number == 9 else number](value))
    return found


def _shape(data: memoryview) -> tuple[int, ...] | None:
    shape: list[int] = []
    for number, value in fields(data):
        if number == 2:
            shape.append(_signed(dict(fields(value)).get(1, 0)))
        elif number == 3 and value:
            return None
    return tuple(shape)


def _tensor(data: memoryview) -> np.ndarray | _Repeated:
    kind, shape, raw = 0, (), None
    listed: dict[int, list[Any]] = {}
    for number, value in fields(data):
        if number == 1:
            kind = value
        elif number == 2:
            shape = _shape(value)
        elif number == 4:
            raw = value
        else:
            listed.setdefault(number, []).append(value)
    if shape is None or len(shape) > AXES or any(size < 0 for size in shape):
        shape = shape and shape[:AXES]
        raise ValueError(f'a tensor of unknown shape {shape}')
    if kind == STRING:
        strings = [text.tobytes() for text in listed.get(8, [])]
        return _repeated(np.array(strings, object), shape)
    if kind not in TYPES:
        raise ValueError(f'a tensor of TensorFlow type {kind}')
    if raw is None or not len(raw):
        return _repeated(_values(kind, listed), shape)
    if len(raw) != math.prod(shape) * TYPES[kind].itemsize:
        raise ValueError(f'{len(raw)} bytes for a tensor {shape} of {TYPES[kind]}')
    return np.frombuffer(raw, TYPES[kind]).reshape(shape)


def _values(kind: int, listed: dict[int, list[Any]]) -> np.ndarray:
    """Values that stand one by one (or packed) in a field of their type."""
    if kind in _FLOATS:
        dtype = TYPES[kind]
        parts = [
            bytes(v) if isinstance(v, memoryview) else v.to_bytes(dtype.itemsize, 'little')
            for v in listed.get(_FLOATS[kind], [])
        ]
        return np.frombuffer(b''.join(parts), dtype)
    numbers: list[int] = []
    for value in listed.get(13 if kind in _HALVES else _VARINTS[kind], []):
        numbers += list(_varints(value)) if isinstance(value, memoryview) else [value]
    if kind in _HALVES:
        return np.array(numbers, np.uint16).view(TYPES[kind])
    return np.array([_signed(n) for n in numbers], np.int64).astype(TYPES[kind])


def _repeated(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | _Repeated:
    """A shape filled with values of which the last is repeated; none at all means zeros."""
    size = math.prod(shape)
    if size > LARGEST:
        raise ValueError(f'a tensor {shape} of which {len(values)} values are stored')
    if len(values) > size:
        raise ValueError(f'{len(values)} values for a tensor {shape}')
    return values.reshape(shape) if len(values) == size else _Repeated(values, shape)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(value: memoryview) -> str:
    return value.tobytes().decode()  # Of a number, `bytes` would make that many.


def _loose_text(value: memoryview) -> str:
    return value.tobytes().decode('latin-1')  # An attribute may hold any bytes.


def _float(value: int) -> float:
    return float(np.frombuffer(value.to_bytes(4, 'little'), '<f4')[0])


def _pair(data: memoryview) -> tuple[memoryview, memoryview]:
    """The key and the value of a map's entry; an absent one is empty."""
    entry = dict(fields(data))
    return entry.get(1, memoryview(b'')), entry.get(2, memoryview(b''))


# Fields of an AttrValue (and of its ListValue, where a function is field 9) -> reader.
_SCALARS = {
    2: _loose_text,
    3: _signed,
    4: _float,
    5: bool,
    6: lambda value: TYPES.get(value, value),
    7: _shape,
    8: _tensor,
    9: _loose_text,
    10: lambda value: Call(_text(dict(fields(value))[1])),
}


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = varint(data, at)
        yield value


def fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """Yields (number, value) of a message: a view where it is bytes, else a plain integer.

    Raises:
        ValueError: the message is malformed or runs past its end.
    """
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = int.from_bytes(data[at : at + size], 'little'), at + size
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f'wire type {kind} at byte {at}')
        if at > len(data):
            raise ValueError('a message runs past its end')
        yield tag >> 3, value
