"""Every operation against numpy or torch, on both of the layouts that frozen graphs have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.effnet_discogs import ops
from jaxprobe.encoders.effnet_discogs.inlining import Ref, Step

torch = pytest.importorskip('torch')

STATE = np.random.RandomState(1)
X = STATE.standard_normal((2, 6, 8, 4)).astype(np.float32)
POSITIVE = np.abs(X) + 0.1


def run(op, *inputs, rows=2, baked=0, dtype='float32', **attrs):
    setting = ops.Setting(precision(dtype), baked, rows)
    return ops.run(Step('node', op, (), attrs), inputs, setting)


def close(ours, theirs, **limits):
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-5, atol=1e-5, **limits)


def planes(x):
    return torch.tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def four(step, layout):
    return [1, *step, 1] if layout == 'NHWC' else [1, 1, *step]


@pytest.mark.parametrize(
    ('layout', 'step', 'dilation', 'padding', 'pads'),
    [
        ('NHWC', (1, 1), (1, 1), 'VALID', (0, 0, 0, 0)),
        ('NHWC', (2, 2), (1, 1), 'SAME', (0, 1, 0, 1)),  # Even sizes: the odd zero comes last.
        ('NHWC', (1, 2), (2, 1), 'EXPLICIT', (1, 0, 2, 1)),
        ('NCHW', (2, 1), (1, 1), 'EXPLICIT', (1, 0, 2, 1)),
    ],
)
@pytest.mark.parametrize('groups', [1, 4])
def test_convolutions(layout, step, dilation, padding, pads, groups):
    kernel = STATE.standard_normal((3, 3, 4 // groups, 4)).astype(np.float32)
    attrs = {'data_format': layout, 'padding': padding}
    attrs |= {'strides': four(step, layout), 'dilations': four(dilation, layout)}
    left, right, top, bottom = pads
    zeros = [0, 0, 0, 0]
    rim = [top, bottom, left, right]
    attrs['explicit_paddings'] = [0, 0, *rim, 0, 0] if layout == 'NHWC' else [*zeros, *rim]
    x = X if layout == 'NHWC' else X.transpose(0, 3, 1, 2)
    theirs = torch.nn.functional.conv2d(
        torch.nn.functional.pad(planes(X), pads),
        torch.tensor(kernel.transpose(3, 2, 0, 1).copy()),
        stride=step,
        dilation=dilation,
        groups=groups,
    ).numpy()
    wanted = theirs if layout == 'NCHW' else theirs.transpose(0, 2, 3, 1)
    close(run('Conv2D', jnp.asarray(x), jnp.asarray(kernel), **attrs), wanted)
    if groups == 4:
        depthwise = jnp.asarray(kernel.transpose(0, 1, 3, 2))
        close(run('DepthwiseConv2dNative', jnp.asarray(x), depthwise, **attrs), wanted)


def test_a_convolution_in_two_groups():
    kernel = STATE.standard_normal((1, 1, 2, 6)).astype(np.float32)
    attrs = {'strides': [1, 1, 1, 1], 'padding': 'VALID'}
    theirs = [X[..., g : g + 2] @ kernel[0, 0, :, h : h + 3] for g, h in ((0, 0), (2, 3))]
    ours = run('Conv2D', jnp.asarray(X), jnp.asarray(kernel), **attrs)
    close(ours, np.concatenate(theirs, axis=-1))


def test_a_depthwise_convolution_that_multiplies_channels():
    kernel = STATE.standard_normal((3, 3, 4, 2)).astype(np.float32)
    attrs = {'strides': [1, 1, 1, 1], 'padding': 'VALID'}
    ours = run('DepthwiseConv2dNative', jnp.asarray(X), jnp.asarray(kernel), **attrs)
    weight = torch.tensor(kernel.transpose(2, 3, 0, 1).reshape(8, 1, 3, 3).copy())
    theirs = torch.nn.functional.conv2d(planes(X), weight, groups=4)
    close(ours, theirs.numpy().transpose(0, 2, 3, 1))


def test_bfloat16_rounds_what_convolutions_read_and_nothing_else():
    kernel = STATE.standard_normal((1, 1, 4, 3)).astype(np.float32)
    attrs = {'strides': [1, 1, 1, 1], 'padding': 'SAME', 'dtype': 'bfloat16'}
    found = run('Conv2D', jnp.asarray(X), jnp.asarray(kernel), **attrs)
    rounded = [np.asarray(jnp.asarray(a, jnp.bfloat16).astype(jnp.float32)) for a in (X, kernel)]
    assert found.dtype == jnp.float32
    close(found, np.einsum('bhwi,io->bhwo', rounded[0], rounded[1][0, 0]))
    depthwise = STATE.standard_normal((1, 1, 4, 1)).astype(np.float32)
    found = run('DepthwiseConv2dNative', jnp.asarray(X), jnp.asarray(depthwise), **attrs)
    close(found, X * depthwise[0, 0, :, 0])


@pytest.mark.parametrize('layout', ['NHWC', 'NCHW'])
def test_batch_normalisation_and_bias(layout):
    x = X if layout == 'NHWC' else X.transpose(0, 3, 1, 2)
    gamma, beta, mean = STATE.standard_normal((3, 4)).astype(np.float32)
    variance = POSITIVE[0, 0, 0]
    attrs = {'data_format': layout, 'is_training': False, 'epsilon': 1e-3}
    leaves = [jnp.asarray(leaf) for leaf in (gamma, beta, mean, variance)]
    theirs = (X - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    back = (0, 1, 2, 3) if layout == 'NHWC' else (0, 2, 3, 1)
    close(run('FusedBatchNormV3', jnp.asarray(x), *leaves, **attrs).transpose(back), theirs)
    biased = run('BiasAdd', jnp.asarray(x), leaves[0], data_format=layout)
    close(biased.transpose(back), X + gamma)


def test_a_norm_in_training_mode_is_refused():
    with pytest.raises(ops.Unsuited, match='node is a batch normalisation in training mode'):
        run('FusedBatchNorm', *[jnp.ones((1, 1, 1, 1))] * 5)


@pytest.mark.parametrize(('a', 'b'), [(False, False), (True, False), (False, True)])
def test_matrix_products(a, b):
    left, right = X[0, 0].copy(), STATE.standard_normal((4, 5)).astype(np.float32)
    inputs = [jnp.asarray(left.T if a else left), jnp.asarray(right.T if b else right)]
    close(run('MatMul', *inputs, transpose_a=a, transpose_b=b), left @ right)


@pytest.mark.parametrize('padding', ['SAME', 'VALID'])
def test_pools(padding):
    attrs = {'ksize': [1, 3, 3, 1], 'strides': [1, 2, 2, 1], 'padding': padding}
    pads = (0, 1, 0, 1) if padding == 'SAME' else (0, 0, 0, 0)
    low = torch.nn.functional.pad(planes(X), pads, value=float('-inf'))
    theirs = torch.nn.functional.max_pool2d(low, 3, 2).numpy().transpose(0, 2, 3, 1)
    close(run('MaxPool', jnp.asarray(X), **attrs), theirs)
    total = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(planes(X), pads), 3, 2)
    share = torch.nn.functional.avg_pool2d(
        torch.nn.functional.pad(torch.ones_like(planes(X)), pads), 3, 2
    )
    theirs = (total / share).numpy().transpose(0, 2, 3, 1)  # Zeros of the rim do not count.
    close(run('AvgPool', jnp.asarray(X), **attrs), theirs)


ONE = [
    ('Identity', {}, lambda x: x),
    ('StopGradient', {}, lambda x: x),
    ('Relu', {}, lambda x: np.maximum(x, 0)),
    ('Relu6', {}, lambda x: np.clip(x, 0, 6)),
    ('Elu', {}, lambda x: np.where(x > 0, x, np.expm1(x))),
    ('Sigmoid', {}, lambda x: 1 / (1 + np.exp(-x))),
    ('Softmax', {}, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    ('Softplus', {}, lambda x: np.log1p(np.exp(x))),
    ('Tanh', {}, np.tanh),
    ('Exp', {}, np.exp),
    ('Neg', {}, np.negative),
    ('Abs', {}, np.abs),
    ('Square', {}, np.square),
    ('Cast', {'DstT': np.dtype('<f8')}, lambda x: x),  # float32 stays: jax has no more here.
    ('Squeeze', {'squeeze_dims': [1]}, lambda x: x),
]


@pytest.mark.parametrize(('op', 'attrs', 'theirs'), ONE, ids=[row[0] for row in ONE])
def test_operations_of_one_map(op, attrs, theirs):
    x = X[:, :1] if op == 'Squeeze' else X
    found = run(op, jnp.asarray(x), **attrs)
    close(found, theirs(x[:, 0] if op == 'Squeeze' else x))
    assert found.dtype == jnp.float32


@pytest.mark.parametrize(
    ('op', 'theirs'),
    [('Rsqrt', lambda x: 1 / np.sqrt(x)), ('Sqrt', np.sqrt), ('Log', np.log)],
)
def test_operations_of_a_positive_map(op, theirs):
    close(run(op, jnp.asarray(POSITIVE)), theirs(POSITIVE))


TWO = {
    'Add': np.add,
    'AddV2': np.add,
    'Sub': np.subtract,
    'Mul': np.multiply,
    'RealDiv': np.divide,
    'Div': np.divide,
    'Maximum': np.maximum,
    'Minimum': np.minimum,
    'SquaredDifference': lambda a, b: (a - b) ** 2,
    'Greater': np.greater,
    'GreaterEqual': np.greater_equal,
    'Less': np.less,
    'LessEqual': np.less_equal,
    'Equal': np.equal,
    'FloorDiv': np.floor_divide,
}


@pytest.mark.parametrize('op', TWO)
def test_operations_of_two_broadcast_over_missing_leading_axes(op):
    vector = POSITIVE[0, 0, 0]
    found = run(op, jnp.asarray(X), jnp.asarray(vector))
    close(found, TWO[op](X, vector))
    assert isinstance(run(op, X, vector), np.ndarray)  # Constants stay constants.


def test_powers_sums_of_many_and_logic():
    close(run('Pow', jnp.asarray(POSITIVE), jnp.asarray(0.5)), np.sqrt(POSITIVE))
    close(run('AddN', *[jnp.asarray(X)] * 3), 3 * X)
    yes, no = np.array(True), np.array(False)
    assert run('LogicalAnd', yes, no) == no
    assert run('LogicalNot', no) == yes
    assert run('All', np.array([True, False]), [0]) == no
    assert run('Any', np.array([True, False]), [0]) == yes


@pytest.mark.parametrize('keep', [True, False])
@pytest.mark.parametrize(
    ('op', 'theirs'),
    [('Mean', np.mean), ('Sum', np.sum), ('Max', np.max), ('Min', np.min), ('Prod', np.prod)],
)
def test_reductions(op, theirs, keep):
    found = run(op, jnp.asarray(X), np.array([1, -1]), keep_dims=keep)
    close(found, theirs(X, axis=(1, 3), keepdims=keep))


def test_operations_on_shapes_stay_out_of_the_graph():
    """Sizes that are taken from a map's shape, worked on and used to reshape it, under jit."""

    def graph(x):
        shape = run('Shape', x)
        ends = {'shrink_axis_mask': 1}
        rows = run('StridedSlice', shape, [0], [1], [1], **ends)
        area = run('Prod', run('Slice', shape, [1], [2]), [0])
        rest = run('GatherV2', shape, np.array([3]), np.array(0))
        both = run('Pack', rows, run('Mul', area, run('Cast', rest, DstT=np.dtype('<i4'))[0]))
        assert all(isinstance(v, np.ndarray | np.integer) for v in (shape, rows, area, both))
        return run('Reshape', x, both)

    close(jax.jit(graph)(X), X.reshape(2, -1))


def test_operations_that_move_values():
    x = jnp.asarray(X)
    close(run('Transpose', x, [0, 3, 1, 2]), X.transpose(0, 3, 1, 2))
    close(run('ExpandDims', x, np.array(-1)), X[..., None])
    close(run('Squeeze', x[:, :1]), X[:, 0])
    close(
        run('Pad', x, [[0, 0], [1, 2], [0, 0], [0, 0]]), np.pad(X, ((0, 0), (1, 2), (0, 0), (0, 0)))
    )
    pads = [[0, 0], [0, 0], [0, 1], [0, 0]]
    close(run('PadV2', x, pads, -1.0), np.pad(X, pads, constant_values=-1))
    close(run('ConcatV2', x, x, np.array(1)), np.concatenate([X, X], 1))
    close(run('Unpack', x, axis=1)[2], X[:, 2])
    close(run('Split', np.array(2), x, num_split=4)[1], X[:, :, 2:4])
    close(run('Slice', x, [0, 1, 0, 0], [-1, 2, 8, 4]), X[:, 1:3])
    close(run('Tile', x, [1, 2, 1, 1]), np.tile(X, (1, 2, 1, 1)))
    close(run('Gather', x, np.array([1, 0])), X[::-1])
    close(run('BroadcastTo', x[:, :1], [2, 6, 8, 4]), np.broadcast_to(X[:, :1], X.shape))
    close(run('Fill', [2, 3], np.float32(7)), np.full((2, 3), 7))
    close(run('Range', np.int32(1), np.int32(7), np.int32(2)), [1, 3, 5])
    assert run('Rank', x) == 4
    assert run('IdentityN', x, x)[1] is x


def test_strided_slices_with_every_mask():
    x = jnp.asarray(X)
    close(run('StridedSlice', x, [0, 1], [0, 5], [1, 2], begin_mask=1, end_mask=1), X[:, 1:5:2])
    close(run('StridedSlice', x, [0, 0], [0, 2], [1, 1], ellipsis_mask=1), X[..., :2])
    close(
        run('StridedSlice', x, [0, -1], [0, 0], [1, 1], new_axis_mask=1, shrink_axis_mask=2),
        X[None, -1],
    )


def test_rows_frozen_into_a_shape_become_the_rows_there_are():
    x = jnp.asarray(X)
    assert run('Reshape', x, [64, 48, 4], baked=64).shape == (2, 48, 4)
    assert run('Fill', [64, 3], jnp.asarray(0.0), baked=64).shape == (2, 3)
    weight = jnp.ones((64, 3))  # Not rows, whatever its size.
    assert run('Reshape', weight, [64, 1, 3], baked=64).shape == (64, 1, 3)


@pytest.mark.parametrize(
    ('op', 'inputs', 'attrs', 'seen'),
    [
        ('Conv2D', (X, X), {'data_format': 'NCHW_VECT_C'}, 'has the layout NCHW_VECT_C'),
        ('Reshape', (X, jnp.ones(2)), {}, 'takes a shape or an axis from computed numbers'),
        ('Gather', (X, X), {'batch_dims': 1}, 'gathers with batch dimensions'),
        ('Cast', (X,), {'DstT': 20}, 'casts to TensorFlow type 20'),
        (
            'MaxPool',
            (X,),
            {'padding': 'EXPLICIT', 'explicit_paddings': [0] * 8},
            'pools with explicit padding',
        ),
    ],
)
def test_what_no_operation_here_does(op, inputs, attrs, seen):
    with pytest.raises(ops.Unsuited, match=f'node.*{seen}'):
        run(op, *map(jnp.asarray, inputs[:1]), *inputs[1:], **attrs)


def test_of_constants():
    value = np.array([2, 3])
    steps = {
        'c': Step('c', 'Const', (), {'value': value}),
        'mel': Step('mel', 'Placeholder', (), {}),
        'p': Step('p', 'Prod', (Ref('c'), Ref('axes')), {}),
        'axes': Step('axes', 'Const', (), {'value': np.array(0)}),
        'u': Step('u', 'Unpack', (Ref('c'),), {}),
        'm': Step('m', 'Mul', (Ref('c'), Ref('mel')), {}),
        'bad': Step('bad', 'Reshape', (Ref('c'), Ref('c')), {}),
    }
    assert ops.of_constants(steps, Ref('p')) == 6
    assert ops.of_constants(steps, Ref('u', 1)) == 3
    assert ops.of_constants(steps, Ref('m')) is None
    assert ops.of_constants(steps, Ref('bad')) is None
    assert ops.of_constants(steps, Ref('absent')) is None
