"""Writes a frozen graph the plain way: what the reader is tested against, without TensorFlow.

Written from graph.proto, node_def.proto, attr_value.proto, tensor.proto and function.proto.
"""

import struct

import numpy as np

from jaxprobe.encoders.loading.frozen_graph import TYPES, Call
from tests.encoders.loading.tf_writer import field, varint

NUMBERS = {dtype: number for number, dtype in TYPES.items()}


def write(graph):
    """The bytes of a graph."""
    library = b''.join(field(1, function(f)) for f in graph.functions.values())
    nodes = b''.join(field(1, node(n)) for n in graph.nodes.values())
    return nodes + (field(2, library) if library else b'')


def node(n):
    data = field(1, n.name.encode()) + field(2, n.op.encode())
    data += b''.join(field(3, text.encode()) for text in n.inputs)
    return data + b''.join(
        field(5, field(1, key.encode()) + field(2, attribute(value)))
        for key, value in n.attrs.items()
    )


def function(f):
    signature = field(1, f.name.encode())
    signature += b''.join(field(2, field(1, name.encode())) for name in f.inputs)
    signature += b''.join(field(3, field(1, name.encode())) for name in f.returns)
    data = field(1, signature) + b''.join(field(3, node(n)) for n in f.nodes.values())
    pairs = ((field(1, out.encode()) + field(2, ref.encode())) for out, ref in f.returns.items())
    return data + b''.join(field(4, pair) for pair in pairs)


def attribute(value):
    if isinstance(value, bool):
        return field(5, int(value))
    if isinstance(value, int):
        return field(3, value % (1 << 64))
    if isinstance(value, float):
        return varint(4 << 3 | 5) + struct.pack('<f', value)
    if isinstance(value, str):
        return field(2, value.encode('latin-1'))
    if isinstance(value, np.dtype):
        return field(6, NUMBERS[value])
    if isinstance(value, Call):  # A tuple too, so asked first.
        return field(10, field(1, value.function.encode()))
    if isinstance(value, tuple):
        return field(7, shape(value))
    if isinstance(value, np.ndarray):
        return field(8, tensor(value))
    packed = b''.join(varint(v % (1 << 64)) for v in value)  # A list of integers.
    return field(1, field(3, packed))


def shape(sizes):
    return b''.join(field(2, field(1, size % (1 << 64))) for size in sizes)


def tensor(array):
    array = np.asarray(array, order='C')
    return field(1, NUMBERS[array.dtype]) + field(2, shape(array.shape)) + field(4, array.tobytes())
