"""Where the layers of an EfficientNet are in a graph: found by its structure, not by names.

The same network has other names in every export (Keras, a converter from ONNX, ours). What no
export changes: one depthwise convolution per block; before it the block's widening convolution,
which reads what the block before it put out; and the top convolution, the last one under the
embedding, which reads the last block's output.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.effnet_discogs import program
from jaxprobe.encoders.effnet_discogs.architecture import BANDS, FRAMES, Arch
from jaxprobe.encoders.effnet_discogs.inlining import Flat, Ref, Step
from jaxprobe.encoders.effnet_discogs.program import Program

Shape = tuple[int, ...]
CONVOLUTIONS = ('Conv2D', 'DepthwiseConv2dNative')


class Map(NamedTuple):
    """A layer that is a map over time and mel bands.

    Attributes:
        ref: the tensor [B . . .].
        time: its axis of time.
        mel: its axis of mel bands.
        channel: its axis of channels.
    """

    ref: Ref
    time: int
    mel: int
    channel: int


class Found(NamedTuple):
    """The probe points of a graph.

    Attributes:
        maps: the last block of every stage, then the top convolution.
        embedding: [B D].
        predictions: [B C].
    """

    maps: tuple[Map, ...]
    embedding: Ref
    predictions: Ref

    @property
    def refs(self) -> list[Ref]:
        """All of them, in depth order."""
        return [*(m.ref for m in self.maps), self.embedding, self.predictions]


def outputs(flat: Flat) -> tuple[Ref, ...]:
    """What a graph puts out: a call's results where it is one call, else what nothing reads."""
    for name, returned in flat.calls.items():
        if '/' not in name:
            return returned
    read = {ref.node for step in flat.steps.values() for ref in step.inputs}
    return tuple(
        Ref(name)
        for name, step in flat.steps.items()
        if name not in read and step.op not in ('Const', 'NoOp', *program.FEED)
    )


def find(flat: Flat, arch: Arch, source: str) -> Found:
    """Finds the layers of an EfficientNet of known sizes.

    Args:
        flat: the graph without calls.
        arch: the sizes it should have.
        source: what the user knows the graph by.

    Raises:
        WeightsError: the graph is another network; the message says what was seen.
    """
    ends = outputs(flat)
    prepared = program.prepare(flat, ends, source)
    if prepared.shape[1:] != (FRAMES, BANDS):
        raise WeightsError(
            f'{source} is no EffNet-Discogs: its input {prepared.feed!r} is {prepared.shape}, '
            f'expected [batch, {FRAMES} frames, {BANDS} mel bands].{_guess(flat)}'
        )
    shapes = _shapes(prepared, prepared.baked or 1)
    depthwise = [step.name for step in prepared.steps if _is_depthwise(step, shapes)]
    if len(depthwise) != arch.blocks:
        raise WeightsError(
            f'{source} is no EfficientNet of {arch.blocks} blocks: it has {len(depthwise)} '
            f'depthwise convolutions.{_guess(flat)}'
        )
    embedding, predictions = _vectors(ends, shapes, arch, source)
    above = [_convolution_below(flat, name, source) for name in depthwise[1:]]
    top = _convolution_below(flat, embedding.node, source)
    inputs = [flat.steps[name].inputs[0] for name in [*above, top]]
    maps = [_map(inputs[end], shapes, source) for end in arch.ends]
    maps.append(_map(_last_map(flat, embedding, shapes), shapes, source))
    widths = [_size(shapes, m.ref)[m.channel] for m in maps]
    wanted = [*(stage.width for stage in arch.stages), arch.top]
    if widths != wanted:
        raise WeightsError(
            f'{source} is an EfficientNet of other widths: {widths}, expected {wanted}. Is it '
            f'another variant than B0?'
        )
    return Found(tuple(maps), embedding, predictions)


def any_rows(prepared: Program, found: Found) -> bool:
    """Whether a graph that was frozen for some rows can run for others.

    It is traced for one row more. Where the frozen number stands outside of a shape's front (in
    a product of sizes, in an added constant), a size or the number of rows put out is wrong.
    """
    rows = prepared.baked + 1
    try:
        shapes = _shapes(prepared, rows)
    except WeightsError:
        return False
    return all(_size(shapes, ref)[0] == rows for ref in found.refs)


def _shapes(prepared: Program, rows: int) -> Mapping[str, object]:
    """Every node's shape (or shapes), by running the graph without numbers."""
    feed = jax.ShapeDtypeStruct((rows, FRAMES, BANDS), jnp.float32)
    numbers = precision('float32')
    weights = {n: jax.ShapeDtypeStruct(v.shape, jnp.float32) for n, v in prepared.weights.items()}
    return weights | jax.eval_shape(
        lambda params, mel: program.values_of(prepared, params, mel, numbers), weights, feed
    )


def _size(shapes: Mapping[str, object], ref: Ref) -> Shape:
    value = shapes[ref.node]
    one = value[ref.index] if isinstance(value, tuple | list) else value
    return tuple(one.shape)  # pyright: ignore[reportAttributeAccessIssue]


def _is_depthwise(step: Step, shapes: Mapping[str, object]) -> bool:
    if step.op == 'DepthwiseConv2dNative':
        return True
    if step.op != 'Conv2D':
        return False
    x, kernel = (_size(shapes, ref) for ref in step.inputs)
    channels = x[1 if step.attrs.get('data_format') == 'NCHW' else 3]
    return kernel[2] == 1 and channels > 1


def _vectors(
    ends: Sequence[Ref], shapes: Mapping[str, object], arch: Arch, source: str
) -> tuple[Ref, Ref]:
    """The embedding and the predictions, told apart by their widths."""
    sizes = {ref: _size(shapes, ref) for ref in ends}
    embeddings = [ref for ref, size in sizes.items() if size[1:] == (arch.top,)]
    predictions = [ref for ref, size in sizes.items() if size[1:] == (arch.outputs,)]
    if not embeddings or not predictions:
        seen = ', '.join(str(size) for size in sizes.values())
        raise WeightsError(
            f'{source} puts out {seen}; expected an embedding of {arch.top} and '
            f'{arch.outputs} predictions. With 400 predictions it is the style classifier '
            f'(effnet_discogs_style), with 512 a contrastive model (effnet_discogs: artist, '
            f'label, release or track); discogs_multi has no layer on top and is not supported.'
        )
    return embeddings[0], predictions[0]


def _convolution_below(flat: Flat, name: str, source: str) -> str:
    """The one convolution that a node reads through anything but convolutions."""
    found: set[str] = set()
    seen, stack = {name}, [ref.node for ref in flat.steps[name].inputs[:1]]
    while stack:
        here = stack.pop()
        if here in seen:
            continue
        seen.add(here)
        step = flat.steps[here]
        if step.op in CONVOLUTIONS:
            found.add(here)
        else:
            stack += [ref.node for ref in step.inputs]
    if len(found) != 1:
        raise WeightsError(
            f'{source} is no EfficientNet: {len(found)} convolutions lead to {name}, expected one.'
        )
    return found.pop()


def _last_map(flat: Flat, embedding: Ref, shapes: Mapping[str, object]) -> Ref:
    """The last tensor under the embedding that is still spread over time and bands."""
    ref = embedding
    while sum(size > 1 for size in _size(shapes, ref)[1:]) < 3:
        ref = flat.steps[ref.node].inputs[0]
    return ref


def _map(ref: Ref, shapes: Mapping[str, object], source: str) -> Map:
    """Tells the axes of a map apart: there are 4 frames to 3 bands, here as in the input."""
    size = _size(shapes, ref)
    for channel, (one, other) in ((3, (1, 2)), (1, (2, 3))):
        for time, mel in ((one, other), (other, one)):
            if size[time] * BANDS == size[mel] * FRAMES:
                return Map(ref, time, mel, channel)
    raise WeightsError(
        f'{source} is no EfficientNet on {FRAMES} x {BANDS} patches: {ref.node} is {size}.'
    )


def _guess(flat: Flat) -> str:
    """Names a model of the same publishers by the names in its graph."""
    names = ' '.join(flat.steps)
    for part, model in _OTHERS.items():
        if part in names:
            return f' It looks like {model}.'
    return ''


_OTHERS = {
    'vggish': 'VGGish',
    'model/conv2d_7': 'MusiCNN',
    'model/5CNN': "a VGG sibling of MusiCNN (encoders 'vgg_msd', 'vgg_mtt')",
    'audio_embedding_layer': 'OpenL3',
    'attention': 'a transformer (MAEST?)',
}
