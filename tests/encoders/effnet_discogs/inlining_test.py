import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.effnet_discogs import ops
from jaxprobe.encoders.effnet_discogs.inlining import Ref, flatten
from jaxprobe.encoders.loading.frozen_graph import Call, Function, Graph, Node


def named(nodes):
    return {node.name: node for node in nodes}


def function(name, inputs, returns, *nodes):
    return Function(name, inputs, returns, named(nodes))


def flat(nodes, *functions):
    graph = Graph(named(nodes), named(functions))
    return flatten(graph, 'x.pb', ops.of_constants)


def const(name, value):
    return Node(name, 'Const', (), {'value': np.asarray(value)})


def call(name, inputs, target):
    return Node(name, 'PartitionedCall', inputs, {'f': Call(target)})


def test_a_call_within_a_call():
    inner = function('inner', ('x',), {'y': 'relu:activations:0'}, Node('relu', 'Relu', ('x',)))
    outer = function(
        'outer',
        ('a', 'b'),
        {'first': 'b', 'second': 'call:output:0'},
        call('call', ('a',), 'inner'),
    )
    found = flat(
        [
            Node('end', 'Add', ('top:1', 'top')),  # Stands before what it reads.
            call('top', ('mel', 'mel:0'), 'outer'),
            Node('mel', 'Placeholder'),
        ],
        inner,
        outer,
    )
    assert sorted(found.steps) == ['end', 'mel', 'top/call/relu']
    assert found.steps['end'].inputs == (Ref('top/call/relu'), Ref('mel'))
    assert found.calls['top'] == (Ref('mel'), Ref('top/call/relu'))


def test_one_function_called_twice_has_two_copies():
    inner = function('f', ('x',), {'y': 'r:activations:0'}, Node('r', 'Relu', ('x',)))
    found = flat([Node('m', 'Placeholder'), call('a', ('m',), 'f'), call('b', ('a',), 'f')], inner)
    assert found.steps['b/r'].inputs == (Ref('a/r'),)


def test_outputs_of_a_norm_are_told_by_name_and_of_a_list_by_number():
    inner = function(
        'f',
        ('x',),
        {'mean': 'norm:batch_mean:0', 'half': 'split:output:1', 'y': 'norm:y:0'},
        Node('norm', 'FusedBatchNormV3', ('x',)),
        Node('split', 'Split', ('x',)),
    )
    found = flat([Node('m', 'Placeholder'), call('c', ('m',), 'f')], inner)
    assert found.calls['c'] == (Ref('c/norm', 1), Ref('c/split', 1), Ref('c/norm', 0))


@pytest.mark.parametrize(('least', 'side'), [(0, 'yes'), (1, 'no')])
def test_a_branch_that_constants_decide(least, side):
    sides = [function(n, ('x',), {'y': f'{n}:z:0'}, Node(n, 'Relu', ('x',))) for n in ('yes', 'no')]
    branches = {'then_branch': Call('yes'), 'else_branch': Call('no')}
    found = flat(
        [
            Node('mel', 'Placeholder'),
            const('pads', np.array([0, 3])),
            const('least', least),
            const('axes', [0]),
            Node('ge', 'GreaterEqual', ('pads', 'least')),
            Node('all', 'All', ('ge', 'axes')),
            Node('if', 'StatelessIf', ('all', 'mel'), branches),
        ],
        *sides,
    )
    assert found.calls['if'] == (Ref(f'if/{side}'),)


def test_a_branch_that_the_input_decides_is_refused():
    nodes = [Node('mel', 'Placeholder'), Node('if', 'StatelessIf', ('mel',))]
    with pytest.raises(WeightsError, match="x.pb cannot be used: the branch 'if' depends on"):
        flat(nodes)


RECURSIVE = function('f', ('x',), {'y': 'c:output:0'}, call('c', ('x',), 'f'))
RELU = function('g', ('x',), {'y': 'r:activations:0'}, Node('r', 'Relu', ('x',)))


@pytest.mark.parametrize(
    ('nodes', 'functions', 'seen'),
    [
        ([Node('a', 'Relu', ('b',))], [], "'b' is read, but there is no such tensor"),
        ([Node('m', 'X'), Node('a', 'Relu', ('m:x:y:0',))], [], 'there is no such tensor'),
        ([Node('a', 'Relu', ('b',)), Node('b', 'Relu', ('a',))], [], 'from themselves: a, b'),
        ([call('c', (), 'h')], [], 'which is not in the library'),
        ([call('c', (), 'g')], [RELU], "'c' gives 0 of 1 arguments"),
        ([Node('m', 'X'), call('c', ('m',), 'g'), Node('a', 'Y', ('c:1',))], [RELU], '1 outputs'),
        ([Node('m', 'X'), call('c', ('m',), 'f')], [RECURSIVE], 'more than 16 calls'),
        ([Node('m', 'X'), call('c', ('m',), 'g'), Node('c/r', 'X')], [RELU], 'two nodes are'),
    ],
)
def test_graphs_that_contradict_themselves(nodes, functions, seen):
    with pytest.raises(WeightsError, match=seen):
        flat(nodes, *functions)
