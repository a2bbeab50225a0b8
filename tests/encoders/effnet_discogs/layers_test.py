import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.effnet_discogs import architecture, inlining, layers, ops, program
from jaxprobe.encoders.effnet_discogs.inlining import Flat, Ref, Step
from jaxprobe.encoders.loading.frozen_graph import Graph, Node

TINY = architecture.resolve('tiny', 512)


def flat(graph):
    return inlining.flatten(graph, 'x.pb', ops.of_constants)


@pytest.fixture(scope='module')
def tiny():
    return architecture.graph(TINY, 64, 0, 'x')


@pytest.fixture(scope='module')
def found(tiny):
    return layers.find(flat(tiny), TINY, 'x.pb')


def test_the_layers_are_the_named_nodes(found):
    inside = 'PartitionedCall/block'
    assert [m.ref.node for m in found.maps] == [
        f'{inside}1a_project_bn/FusedBatchNormV3',
        f'{inside}2a_project_bn/FusedBatchNormV3',
        f'{inside}3a_project_bn/FusedBatchNormV3',
        f'{inside}4b_add',
        f'{inside}5b_add',
        f'{inside}6b_add',
        f'{inside}7a_project_bn/FusedBatchNormV3',
        'PartitionedCall/top_activation/mul',
    ]
    assert {(m.time, m.mel, m.channel) for m in found.maps} == {(1, 2, 3)}
    assert found.embedding == Ref('PartitionedCall/embedding')
    assert found.predictions == Ref('PartitionedCall/styles/Sigmoid')
    assert len(found.refs) == 10


def test_b0_has_its_layers_where_the_paper_has_them():
    b0 = architecture.resolve('', 400)
    graph = architecture.graph(b0, 64, 0, 'x')
    found = layers.find(flat(graph), b0, 'x.pb')
    names = [m.ref.node.split('/')[1].rsplit('_', 1)[0] for m in found.maps]
    assert [n.removesuffix('_project') for n in names] == [*b0.names, 'top']


def renamed(graph):
    """The same graph under names that say nothing."""
    (function,) = graph.functions.values()
    names = {name: f'n{index}' for index, name in enumerate(reversed(function.nodes))}

    def new(text):
        name, *rest = text.split(':')
        return ':'.join([names.get(name, name), *rest])

    nodes = [
        Node(new(n.name), n.op, tuple(map(new, n.inputs)), n.attrs) for n in function.nodes.values()
    ]
    returns = {output: new(ref) for output, ref in function.returns.items()}
    changed = function._replace(nodes={n.name: n for n in nodes}, returns=returns)
    return Graph(graph.nodes, {function.name: changed}), names


def test_names_do_not_matter(tiny, found):
    graph, names = renamed(tiny)
    again = layers.find(flat(graph), TINY, 'x.pb')
    call = 'PartitionedCall/'
    wanted = [call + names[ref.node.removeprefix(call)] for ref in found.refs]
    assert [ref.node for ref in again.refs] == wanted


def test_any_rows_where_the_batch_stands_in_shapes_alone(tiny, found):
    prepared = program.prepare(flat(tiny), found.refs, 'x.pb')
    assert layers.any_rows(prepared, found)
    steps = [step for step in prepared.steps if step.name != found.embedding.node]
    mean = next(step for step in prepared.steps if step.name == found.embedding.node)
    # The top map's 64 rows, cut out by number: for 65 rows one is lost.
    cut = Step('cut', 'StridedSlice', (mean.inputs[0], *map(Ref, 'abc')), {})
    numbers = {'a': np.array([0]), 'b': np.array([64]), 'c': np.array([1])}
    index = next(i for i, s in enumerate(prepared.steps) if s.name == mean.name)
    steps[index:index] = [cut, mean._replace(inputs=(Ref('cut'), mean.inputs[1]))]
    fixed = prepared._replace(steps=tuple(steps), numbers=prepared.numbers | numbers)
    assert not layers.any_rows(fixed, found)


def test_outputs_without_a_call_are_what_nothing_reads():
    steps = {
        'mel': Step('mel', 'Placeholder', (), {}),
        'c': Step('c', 'Const', (), {}),
        'a': Step('a', 'Relu', (Ref('mel'),), {}),
        'b': Step('b', 'Relu', (Ref('a'),), {}),
        'd': Step('d', 'Relu', (Ref('a'),), {}),
    }
    assert layers.outputs(Flat(steps, {})) == (Ref('b'), Ref('d'))


def simple(shape, *nodes):
    made = [Node('mel', 'Placeholder', (), {'shape': shape}), *nodes]
    return flat(Graph({node.name: node for node in made}, {}))


def test_a_musicnn_is_called_by_its_name():
    node = Node('model/conv2d_7/Relu', 'Relu', ('mel',))
    with pytest.raises(WeightsError, match=r'no EffNet-Discogs(.|\n)*It looks like MusiCNN\.'):
        layers.find(simple((-1, 187, 96), node), TINY, 'msd-musicnn-1.pb')


def test_another_network_on_the_same_patches():
    with pytest.raises(WeightsError, match='no EfficientNet of 10 blocks: it has 0 depthwise'):
        layers.find(simple((64, 128, 96), Node('a', 'Relu', ('mel',))), TINY, 'x.pb')


def test_another_size_is_named():
    other = TINY._replace(stages=(*TINY.stages[:-1], TINY.stages[-1]._replace(width=21)))
    graph = flat(architecture.graph(other, 64, 0, 'x'))
    with pytest.raises(WeightsError, match='other widths(.|\n)*12, 21, 80], expected(.|\n)*12, 20'):
        layers.find(graph, TINY, 'x.pb')


def test_another_layer_on_top_names_the_other_model(tiny):
    style = TINY._replace(outputs=400)
    with pytest.raises(WeightsError, match=r'\(64, 7\), \(64, 80\)(.|\n)*effnet_discogs_style'):
        layers.find(flat(tiny), style, 'x.pb')
