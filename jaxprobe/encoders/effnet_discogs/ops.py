"""TensorFlow's operations in jax: those that frozen convolutional networks are made of.

An operation gets its node and the values of its inputs. Values that depend on no weight and on
no input (shapes, axes, permutations) are numpy arrays and stay so: what is computed from them is
computed while tracing, because jax needs shapes before it runs. Everything else is traced.

Source: the operations' documentation (tensorflow.org/api_docs/python/tf/raw_ops).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxprobe.encoders.blocks.precision import Precision, precision
from jaxprobe.encoders.effnet_discogs.depthwise import depthwise
from jaxprobe.encoders.effnet_discogs.inlining import Ref, Step

Value = Any  # A numpy or jax array.


class Setting(NamedTuple):
    """What a run adds to the graph.

    Attributes:
        numbers: compute dtype of convolutions and matrix products.
        baked: rows that the graph was frozen for; 0 where it takes any number.
        rows: rows it is run for.
    """

    numbers: Precision
    baked: int
    rows: int


Run = Callable[[Step, Sequence[Value], Setting], Value]


class Unsuited(Exception):
    """A node asks for something that the operation here does not do."""


def known(op: str) -> bool:
    """Whether an operation can be run."""
    return op in _TABLE


def run(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    """Runs one node.

    Returns:
        Its output, or a tuple of its outputs where there are several.

    Raises:
        Unsuited: an attribute or an input has a value that is not supported.
    """
    return _TABLE[step.op](step, inputs, setting)


def of_constants(steps: Mapping[str, Step], ref: Ref) -> np.ndarray | None:
    """A tensor that depends on constants alone, or None: it reads an input, or is beyond us."""
    step = steps.get(ref.node)
    if step is None or not (step.op == 'Const' or known(step.op)):
        return None
    if step.op == 'Const':
        return step.attrs['value']
    inputs = [of_constants(steps, one) for one in step.inputs]
    if any(value is None for value in inputs):
        return None
    try:
        value = run(step, inputs, Setting(precision('float32'), 0, 0))
        return np.asarray(value[ref.index] if isinstance(value, tuple) else value)
    except (Unsuited, TypeError, ValueError, LookupError, AttributeError):
        return None


def fixed(value: Value, step: Step) -> np.ndarray:
    """The value as numpy, where the operation needs it before it runs.

    Raises:
        Unsuited: it depends on the graph's input.
    """
    if isinstance(value, jax.Array):
        raise Unsuited(f'{step.name} ({step.op}) takes a shape or an axis from computed numbers')
    return np.asarray(value)


def _module(values: Sequence[Value]) -> Any:
    return jnp if any(isinstance(value, jax.Array) for value in values) else np


def _elementwise(name: str) -> Run:
    def op(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
        del step, setting
        arrays = _same_rank(inputs)
        return getattr(_module(arrays), name)(*arrays)

    return op


def _same_rank(inputs: Sequence[Value]) -> list[Value]:
    """Adds leading axes where ranks differ: broadcasting as TensorFlow has it, said aloud."""
    rank = max(np.ndim(value) for value in inputs)
    return [v.reshape((1,) * (rank - np.ndim(v)) + np.shape(v)) for v in inputs]


def _activation(function: Callable[[Any], Any]) -> Run:
    return lambda step, inputs, setting: function(inputs[0])


def _same(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    return inputs[0]


def _add_n(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    total = inputs[0]
    for value in inputs[1:]:
        total = total + value
    return total


def _squared_difference(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    one, other = _same_rank(inputs)
    return (one - other) ** 2


def _channels_last(step: Step) -> bool:
    layout = step.attrs.get('data_format', 'NHWC')
    if layout not in ('NHWC', 'NCHW'):
        raise Unsuited(f'{step.name} has the layout {layout}')
    return layout == 'NHWC'


def _plane(step: Step, name: str) -> tuple[int, int]:
    """Height and width of an attribute that has four numbers."""
    four = step.attrs.get(name) or [1, 1, 1, 1]
    return (four[1], four[2]) if _channels_last(step) else (four[2], four[3])


def _padding(step: Step) -> Any:
    """'SAME', 'VALID', or the pairs of an explicit padding."""
    kind = step.attrs['padding']
    if kind != 'EXPLICIT':
        return kind
    eight = step.attrs['explicit_paddings']
    first = 2 if _channels_last(step) else 4
    return ((eight[first], eight[first + 1]), (eight[first + 2], eight[first + 3]))


def _convolved(step: Step, x: Value, kernel: Value, groups: int, setting: Setting) -> Value:
    layout = 'NHWC' if _channels_last(step) else 'NCHW'
    numbers = setting.numbers
    return lax.conv_general_dilated(
        x.astype(numbers.dtype),
        kernel.astype(numbers.dtype),
        _plane(step, 'strides'),
        _padding(step),
        rhs_dilation=_plane(step, 'dilations'),
        dimension_numbers=(layout, 'HWIO', layout),
        feature_group_count=groups,
        precision=numbers.matmul,
        preferred_element_type=jnp.float32,
    )


def _conv(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    """A convolution; groups are told by a kernel that has fewer inputs than the map."""
    x, kernel = inputs
    groups = x.shape[3 if _channels_last(step) else 1] // kernel.shape[2]
    if groups > 1 and kernel.shape[2:] == (1, groups) and _plane(step, 'dilations') == (1, 1):
        return _each_channel(step, x, kernel[:, :, 0])
    return _convolved(step, x, kernel, groups, setting)


def _depthwise(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    """Each channel by itself: [height width channels multiplier]."""
    x, kernel = inputs
    height, width, channels, multiplier = kernel.shape
    if multiplier == 1 and _plane(step, 'dilations') == (1, 1):
        return _each_channel(step, x, kernel[..., 0])
    kernel = kernel.reshape(height, width, 1, channels * multiplier)
    return _convolved(step, x, kernel, channels, setting)


def _each_channel(step: Step, x: Value, kernel: Value) -> Value:
    """In float32 whatever the compute dtype: there is nothing to gain."""
    last = _channels_last(step)
    maps = (x if last else x.transpose(0, 2, 3, 1)).astype(jnp.float32)
    kernel = kernel.astype(jnp.float32)
    done = depthwise(maps, kernel, _plane(step, 'strides'), _padding(step))
    return done if last else done.transpose(0, 3, 1, 2)


def _per_channel(step: Step, vector: Value, rank: int) -> Value:
    shape = [1] * rank
    shape[-1 if _channels_last(step) else 1] = -1
    return vector.reshape(shape)


def _bias(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    x, bias = inputs
    return x + _per_channel(step, bias, x.ndim)


def _norm(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    """Batch normalisation with stored statistics; its other outputs are never made."""
    if step.attrs.get('is_training', True):
        raise Unsuited(f'{step.name} is a batch normalisation in training mode')
    x, gamma, beta, mean, variance = inputs
    scale = gamma / jnp.sqrt(variance + step.attrs.get('epsilon', 1e-4))
    shift = beta - mean * scale
    return x * _per_channel(step, scale, x.ndim) + _per_channel(step, shift, x.ndim)


def _matmul(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    numbers = setting.numbers
    a, b = (value.astype(numbers.dtype) for value in inputs)
    return jnp.matmul(
        a.T if step.attrs.get('transpose_a') else a,
        b.T if step.attrs.get('transpose_b') else b,
        precision=numbers.matmul,
        preferred_element_type=jnp.float32,
    )


def _pool(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    x, padding = inputs[0], _padding(step)
    if padding not in ('SAME', 'VALID'):
        raise Unsuited(f'{step.name} pools with explicit padding')
    window, strides = tuple(step.attrs['ksize']), tuple(step.attrs['strides'])
    if step.op == 'MaxPool':
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, padding)
    total = lax.reduce_window(x, 0.0, lax.add, window, strides, padding)
    counted = np.ones((1, *x.shape[1:]), np.float32)
    return total / lax.reduce_window(counted, 0.0, lax.add, window, strides, padding)


def _axes(value: Value, step: Step) -> tuple[int, ...]:
    return tuple(int(axis) for axis in np.atleast_1d(fixed(value, step)))


def _reduced(name: str) -> Run:
    def op(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
        x, keep = inputs[0], bool(step.attrs.get('keep_dims', False))
        return getattr(_module([x]), name)(x, axis=_axes(inputs[1], step), keepdims=keep)

    return op


def _shaped(value: Value, step: Step, setting: Setting) -> list[int]:
    """A target shape; rows that were frozen into it become the rows there are."""
    shape = [int(size) for size in fixed(value, step)]
    if setting.baked and shape and shape[0] == setting.baked:
        shape[0] = setting.rows
    return shape


def _reshape(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    x = inputs[0]
    own = not isinstance(x, jax.Array) or not x.ndim or x.shape[0] != setting.rows
    if own:  # A weight, or a shape: what stands in front is no batch.
        return x.reshape([int(size) for size in fixed(inputs[1], step)])
    return x.reshape(_shaped(inputs[1], step, setting))


def _broadcast(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    x = inputs[0]
    return _module([x]).broadcast_to(x, _shaped(inputs[1], step, setting))


def _transpose(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    return inputs[0].transpose(_axes(inputs[1], step))


def _expand(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    return _module(inputs[:1]).expand_dims(inputs[0], _axes(inputs[1], step)[0])


def _squeeze(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    axes = step.attrs.get('squeeze_dims') or [i for i, n in enumerate(inputs[0].shape) if n == 1]
    return inputs[0].squeeze(tuple(axes))


def _pad(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    pairs = [tuple(map(int, pair)) for pair in fixed(inputs[1], step)]
    value = inputs[2] if len(inputs) > 2 else 0
    return _module([inputs[0], value]).pad(inputs[0], pairs, constant_values=value)


def _concat(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    *values, axis = inputs
    return _module(values).concatenate(values, axis=_axes(axis, step)[0])


def _pack(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    return _module(inputs).stack(list(inputs), axis=step.attrs.get('axis', 0))


def _unpack(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    x, axis = inputs[0], step.attrs.get('axis', 0)
    return tuple(_module([x]).take(x, index, axis=axis) for index in range(x.shape[axis]))


def _split(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    axis, x = inputs
    return tuple(_module([x]).split(x, step.attrs['num_split'], axis=_axes(axis, step)[0]))


def _slice(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    x, (begin, size) = inputs[0], (fixed(value, step) for value in inputs[1:])
    ends = [None if s < 0 else b + s for b, s in zip(begin, size, strict=True)]
    return x[tuple(slice(int(b), e) for b, e in zip(begin, ends, strict=True))]


def _strided_slice(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    def masked(mask: str, axis: int) -> bool:
        return bool(step.attrs.get(mask, 0) >> axis & 1)

    begin, end, stride = (fixed(value, step) for value in inputs[1:])
    index: list[Any] = []
    for axis in range(len(begin)):
        if masked('ellipsis_mask', axis):
            index.append(Ellipsis)
        elif masked('new_axis_mask', axis):
            index.append(None)
        elif masked('shrink_axis_mask', axis):
            index.append(int(begin[axis]))
        else:
            first = None if masked('begin_mask', axis) else int(begin[axis])
            last = None if masked('end_mask', axis) else int(end[axis])
            index.append(slice(first, last, int(stride[axis])))
    return inputs[0][tuple(index)]


def _gather(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    if step.attrs.get('batch_dims', 0):
        raise Unsuited(f'{step.name} gathers with batch dimensions')
    axis = _axes(inputs[2], step)[0] if len(inputs) > 2 else 0
    return _module(inputs[:2]).take(inputs[0], inputs[1], axis=axis)


def _cast(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    to = step.attrs['DstT']
    if not isinstance(to, np.dtype):
        raise Unsuited(f'{step.name} casts to TensorFlow type {to}')
    traced = isinstance(inputs[0], jax.Array)
    return inputs[0].astype(jax.dtypes.canonicalize_dtype(to) if traced else to)


def _shape_of(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    return np.array(np.shape(inputs[0]), step.attrs.get('out_type', np.dtype('<i4')))


def _fill(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    value = inputs[1]
    return _module([value]).full(_shaped(inputs[0], step, setting), value)


def _tile(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    return _module(inputs[:1]).tile(inputs[0], tuple(int(n) for n in fixed(inputs[1], step)))


def _range(step: Step, inputs: Sequence[Value], setting: Setting) -> Value:
    start, limit, delta = (fixed(value, step).item() for value in inputs)
    return np.arange(start, limit, delta).astype(np.asarray(inputs[0]).dtype)


_TABLE: dict[str, Run] = {
    **dict.fromkeys(('Identity', 'StopGradient', 'PreventGradient', 'Snapshot'), _same),
    'IdentityN': lambda step, inputs, setting: tuple(inputs),
    'Conv2D': _conv,
    'DepthwiseConv2dNative': _depthwise,
    'BiasAdd': _bias,
    **dict.fromkeys(('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'), _norm),
    'MatMul': _matmul,
    **dict.fromkeys(('MaxPool', 'AvgPool'), _pool),
    'Relu': _activation(jax.nn.relu),
    'Relu6': _activation(jax.nn.relu6),
    'Elu': _activation(jax.nn.elu),
    'Sigmoid': _activation(jax.nn.sigmoid),
    'Softmax': _activation(jax.nn.softmax),
    'Softplus': _activation(jax.nn.softplus),
    'Rsqrt': _activation(lambda x: 1.0 / _module([x]).sqrt(x)),
    'AddN': _add_n,
    **{op: _elementwise('add') for op in ('Add', 'AddV2')},
    'Sub': _elementwise('subtract'),
    'Mul': _elementwise('multiply'),
    **{op: _elementwise('divide') for op in ('RealDiv', 'Div')},
    'FloorDiv': _elementwise('floor_divide'),
    'Maximum': _elementwise('maximum'),
    'Minimum': _elementwise('minimum'),
    'GreaterEqual': _elementwise('greater_equal'),
    'Greater': _elementwise('greater'),
    'LessEqual': _elementwise('less_equal'),
    'Less': _elementwise('less'),
    'Equal': _elementwise('equal'),
    'LogicalAnd': _elementwise('logical_and'),
    'LogicalNot': _elementwise('logical_not'),
    'Pow': _elementwise('power'),
    'SquaredDifference': _squared_difference,
    'Square': _elementwise('square'),
    'Sqrt': _elementwise('sqrt'),
    'Exp': _elementwise('exp'),
    'Log': _elementwise('log'),
    'Neg': _elementwise('negative'),
    'Abs': _elementwise('abs'),
    'Tanh': _elementwise('tanh'),
    'Mean': _reduced('mean'),
    'Sum': _reduced('sum'),
    'Max': _reduced('max'),
    'Min': _reduced('min'),
    'Prod': _reduced('prod'),
    'All': _reduced('all'),
    'Any': _reduced('any'),
    'Reshape': _reshape,
    'BroadcastTo': _broadcast,
    'Transpose': _transpose,
    'ExpandDims': _expand,
    'Squeeze': _squeeze,
    **dict.fromkeys(('Pad', 'PadV2'), _pad),
    'ConcatV2': _concat,
    'Pack': _pack,
    'Unpack': _unpack,
    'Split': _split,
    'Slice': _slice,
    'StridedSlice': _strided_slice,
    **dict.fromkeys(('Gather', 'GatherV2'), _gather),
    'Cast': _cast,
    'Shape': _shape_of,
    'Rank': lambda step, inputs, setting: np.array(np.ndim(inputs[0]), np.int32),
    'Fill': _fill,
    'Tile': _tile,
    'Range': _range,
}
