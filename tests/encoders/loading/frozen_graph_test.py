import tracemalloc

import ml_dtypes
import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import frozen_graph
from jaxprobe.encoders.loading.frozen_graph import Call, Function, Graph, Node
from tests.encoders.loading import graph_writer
from tests.encoders.loading.tf_writer import field, varint

KERNEL = np.arange(6, dtype=np.float32).reshape(2, 3)
AXES = np.array([1, -2], np.int32)


def const(name, value):
    return Node(name, 'Const', (), {'value': value})


def graph():
    inner = [const('axes', AXES), Node('sum', 'Sum', ('x', 'axes:output:0'), {'keep_dims': True})]
    nodes = [
        Node('mel', 'Placeholder', (), {'shape': (64, -1, 96), 'dtype': np.dtype('<f4')}),
        const('kernel', KERNEL),
        Node('product', 'MatMul', ('mel', 'kernel'), {'transpose_b': False, 'scale': 0.5}),
        Node('call', 'PartitionedCall', ('product',), {'f': Call('inner'), 'many': [1, 2, -1]}),
        Node('end', 'Identity', ('call:0',), {'padding': 'SAME', 'count': -7}),
    ]
    functions = {
        'inner': Function('inner', ('x',), {'y': 'sum:output:0'}, {n.name: n for n in inner})
    }
    return Graph({node.name: node for node in nodes}, functions)


def of_tensor(data):
    """A graph of one constant whose TensorProto has these bytes."""
    value = field(1, b'value') + field(2, field(8, data))
    return field(1, field(1, b'c') + field(2, b'Const') + field(5, value))


def only(data):
    return frozen_graph.parse(of_tensor(data), 'c.pb').nodes['c'].attrs['value']


def test_read_gives_back_what_was_written(tmp_path):
    (tmp_path / 'g.pb').write_bytes(graph_writer.write(graph()))
    found = frozen_graph.read(tmp_path / 'g.pb')
    assert list(found.nodes) == ['mel', 'kernel', 'product', 'call', 'end']
    for name in ('mel', 'product', 'call', 'end'):
        assert found.nodes[name] == graph().nodes[name]
    inner = found.functions['inner']
    assert (inner.inputs, inner.returns) == (('x',), {'y': 'sum:output:0'})
    assert inner.nodes['sum'] == graph().functions['inner'].nodes['sum']
    np.testing.assert_array_equal(found.nodes['kernel'].attrs['value'], KERNEL)


def test_constants_of_the_graph_and_of_its_functions():
    found = frozen_graph.constants(graph())
    assert sorted(found) == ['inner/axes', 'kernel']
    np.testing.assert_array_equal(found['inner/axes'], AXES)


def test_control_inputs_carry_no_data():
    data = field(1, field(1, b'a') + field(2, b'NoOp') + field(3, b'^b') + field(3, b'c:1'))
    assert frozen_graph.parse(data, '').nodes['a'].inputs == ('c:1',)


@pytest.mark.parametrize(
    ('number', 'stored', 'value'),
    [
        (1, varint(5 << 3 | 2) + varint(8) + np.array([1, 2], '<f4').tobytes(), [1, 2]),
        (1, (varint(5 << 3 | 5) + np.array(1, '<f4').tobytes()) * 2, [1, 1]),
        (2, varint(6 << 3 | 1) + np.array(0.5, '<f8').tobytes(), [0.5, 0.5]),
        (3, field(7, b'\x07'), [7, 7]),  # Packed, and the last one repeated.
        (3, field(7, (1 << 64) - 3), [-3, -3]),
        (9, field(10, b'\x01\x02'), [1, 2]),
        (10, field(11, 1) + field(11, 0), [True, False]),
        (19, field(13, b'\x80\x78'), [1, 1]),  # 0x3c00, half of one.
        (14, field(13, b'\x80\x7f'), [1, 1]),  # 0x3f80, bfloat16 of one.
        (1, b'', [0, 0]),
        (7, field(8, b'one') + field(8, b'two'), [b'one', b'two']),
    ],
)
def test_values_stored_one_by_one(number, stored, value):
    found = only(field(1, number) + field(2, graph_writer.shape((2,))) + stored)
    assert found.tolist() == value
    assert found.dtype == {7: object, 14: ml_dtypes.bfloat16}.get(
        number, frozen_graph.TYPES.get(number)
    )


def test_a_shape_of_unknown_rank():
    shape = field(1, b'shape') + field(2, field(7, field(3, 1)))
    data = field(1, field(1, b'x') + field(2, b'Placeholder') + field(5, shape))
    assert frozen_graph.parse(data, '').nodes['x'].attrs == {'shape': None}


@pytest.mark.parametrize(
    ('tensor', 'seen'),
    [
        (field(1, 1) + field(2, graph_writer.shape((3,))) + field(4, b'1234'), '4 bytes for'),
        (field(1, 1) + field(2, graph_writer.shape((1 << 40,))), 'of which 0 values are stored'),
        (field(1, 3) + field(2, graph_writer.shape((1,))) + field(7, b'\1\2'), '2 values for'),
        (field(1, 20) + field(2, b''), 'TensorFlow type 20'),
        (field(1, 1) + field(2, graph_writer.shape((-1,))), 'unknown shape'),
        (field(1, 3) + field(7, b'\xff'), 'has no end'),
    ],
)
def test_tensors_that_contradict_themselves(tensor, seen):
    with pytest.raises(WeightsError, match=f'c.pb is no frozen TensorFlow graph(.|\n)*{seen}'):
        only(tensor)


@pytest.mark.parametrize(
    ('data', 'seen'),
    [
        (b'', 'is empty'),
        (b'<!DOCTYPE html><html>', 'is a web page'),
        (b'version https://git-lfs.github.com/spec/v1', 'Git LFS pointer'),
        (b'PK\x03\x04 and more', 'is a zip file'),
        (b'\x89HDF\r\n', 'is an HDF5 file'),
        (b'\x08\x01\x12\x04abcd', 'saved_model.pb of a SavedModel'),
        (b'\x08\x07\x12\x07pytorch', 'is an ONNX model'),
        (b'\x22\x02\x08\x01', 'without nodes'),  # A version alone.
        (field(1, field(2, b'Const')), 'a node without name'),
        (field(1, field(1, b'c')), 'a node without operation'),
        (field(1, field(1, b'c') + field(2, b'Const')), "the constant 'c' has no value"),
        (field(1, field(1, b'c') + field(2, b'NoOp')) * 2, "the name 'c' stands twice"),
        (field(1, field(1, b'\xff\xfe') + field(2, b'NoOp')), 'damaged'),
        (field(2, field(1, field(3, field(1, b'c') + field(2, b'x')))), 'without a name'),
    ],
)
def test_files_that_are_something_else(data, seen):
    with pytest.raises(WeightsError, match=seen):
        frozen_graph.parse(data, 'x.pb')


def test_every_cut_is_noticed_or_leaves_a_graph():
    data = graph_writer.write(graph())
    noticed = 0
    for length in range(1, len(data), 3):
        try:
            frozen_graph.parse(data[:length], 'cut.pb')
        except WeightsError as error:
            noticed += 'cut.pb' in str(error)
    assert noticed > 0.3 * len(data)  # Of a third; cuts between two nodes leave a shorter graph.


def test_flipped_bytes_never_end_in_another_error():
    data, state = bytearray(graph_writer.write(graph())), np.random.RandomState(0)
    damaged = 0
    for _ in range(300):
        flipped = bytearray(data)
        for at in state.randint(0, len(data), 3):
            flipped[at] = state.randint(256)
        try:
            frozen_graph.parse(bytes(flipped), 'flipped.pb')
        except WeightsError:
            damaged += 1
    assert damaged > 30


@pytest.mark.parametrize(
    'tensor',
    [
        field(1, 1) + field(2, graph_writer.shape((1 << 26,))) + field(5, bytes(8)),
        field(1, 9) + field(2, graph_writer.shape((1 << 24,))),
        field(1, 1) + field(2, graph_writer.shape((1 << 62,) * 999)),
        field(1, 7) + field(2, graph_writer.shape((1,))) + field(8, 1 << 40),
    ],
    ids=['two numbers', 'zeros', 'axes', 'a text that is a number'],
)
def test_what_a_constant_claims_is_not_made(tensor):
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match='is damaged'):
            only(tensor)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_name_that_is_a_number():
    """`bytes` of a number are that many zeros."""
    with pytest.raises(WeightsError, match='is damaged'):
        frozen_graph.parse(field(1, field(1, 1 << 40) + field(2, b'NoOp')), 'x.pb')
