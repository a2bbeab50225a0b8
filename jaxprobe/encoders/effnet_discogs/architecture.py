"""Sizes of an EfficientNet, and its graph as nodes: what random controls and tests run.

The published models are files whose graph is run as it is. This builds the same network in the
same form (a placeholder, one call, a function) with weights drawn from a seed.

Source: Tan and Le, "EfficientNet", ICML 2019, table 1; Sandler et al., "MobileNetV2", CVPR 2018.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.core import rng
from jaxprobe.core.errors import ConfigError, suggest
from jaxprobe.encoders.loading.frozen_graph import Call, Function, Graph, Node

FRAMES, BANDS = 128, 96
EPSILON = 1e-3  # Of every batch normalisation.
FEED, CALL, FUNCTION = 'serving_default_melspectrogram', 'PartitionedCall', 'effnet'

# What keeps the power of what passes through an untrained network, in which no normalisation
# does anything: swish leaves half of it where values are large, a gate at rest a quarter.
_AFTER_SWISH, _AFTER_GATE = 1 / 0.5, 1 / 0.25
_GATE = 0.01  # Gates stay near rest: open ones would let maps grow from block to block.


class Stage(NamedTuple):
    """A run of inverted-residual blocks; the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    width: int


class Arch(NamedTuple):
    """Sizes of a network and of the layer on top of its embedding."""

    stem: int
    stages: tuple[Stage, ...]
    top: int
    outputs: int

    @property
    def blocks(self) -> int:
        """Blocks, each with one depthwise convolution."""
        return sum(stage.repeats for stage in self.stages)

    @property
    def ends(self) -> tuple[int, ...]:
        """Index of the last block of every stage."""
        return tuple(int(end) - 1 for end in np.cumsum([stage.repeats for stage in self.stages]))

    @property
    def names(self) -> tuple[str, ...]:
        """What the stages' last blocks are called: block1a, block2b, ..."""
        return tuple(
            f'block{index}{chr(ord("a") + stage.repeats - 1)}'
            for index, stage in enumerate(self.stages, start=1)
        )


B0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
# Half of B0's depth and a sixteenth of its width, as Keras rounds them.
_HALF = (1, 1, 1, 2, 2, 2, 1)
_SIXTEENTH = (1, 2, 3, 5, 7, 12, 20)
TINY = tuple(
    stage._replace(repeats=repeats, width=width)
    for stage, repeats, width in zip(B0, _HALF, _SIXTEENTH, strict=True)
)


def resolve(arch: str, outputs: int) -> Arch:
    """Reads the config's `encoder.arch`.

    Args:
        arch: '' for B0, or 'tiny'.
        outputs: what the published model predicts.

    Raises:
        ConfigError: neither.
    """
    known = {'': Arch(32, B0, 1280, outputs), 'tiny': Arch(2, TINY, 80, 7)}
    if arch not in known:
        raise ConfigError(
            f'encoder.arch={arch!r}: a published graph brings its own sizes, so there are only '
            f"'' (EfficientNet-B0) and 'tiny'. {suggest(arch, known)}"
        )
    return known[arch]


def graph(arch: Arch, rows: int, seed: int, name: str) -> Graph:
    """Builds an untrained network.

    Args:
        arch: its sizes.
        rows: the batch it is frozen for.
        seed: the run's seed.
        name: whose weights they are; another encoder draws others.

    Returns:
        A graph in the published form: outputs are predictions, then the embedding.
    """
    net = _Net(seed, name)
    x = net.op('Reshape', 'input', 'mel', net.const('input/shape', [rows, FRAMES, BANDS, 1]))
    x = net.block('stem', x, 1, arch.stem, kernel=3, stride=2)
    width = arch.stem
    for index, stage in enumerate(arch.stages, start=1):
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            block = f'block{index}{chr(ord("a") + repeat)}'
            x = _inverted_residual(net, block, x, width, stage._replace(stride=stride))
            width = stage.width
    x = net.block('top', x, width, arch.top, kernel=1)
    embedding = net.op('Mean', 'embedding', x, net.const('embedding/axes', [1, 2]))
    x = net.op('MatMul', 'styles/MatMul', embedding, net.kernel('styles', (arch.top, arch.outputs)))
    x = net.op('BiasAdd', 'styles/BiasAdd', x, net.filled('styles/bias', arch.outputs, 0.0))
    predictions = net.op('Sigmoid', 'styles/Sigmoid', x)
    returns = {'predictions': f'{predictions}:y:0', 'embedding': f'{embedding}:output:0'}
    function = Function(FUNCTION, ('mel',), returns, net.nodes)
    outer = [
        Node(FEED, 'Placeholder', (), {'shape': (rows, FRAMES, BANDS)}),
        Node(CALL, CALL, (FEED,), {'f': Call(FUNCTION)}),
    ]
    return Graph({node.name: node for node in outer}, {FUNCTION: function})


def _inverted_residual(net: '_Net', name: str, x: str, width: int, stage: Stage) -> str:
    """Widen, look around channel by channel, gate, narrow; and add where nothing changed size."""
    wide, y = width * stage.expand, x
    if stage.expand > 1:
        y = net.block(f'{name}_expand', y, width, wide, kernel=1)
    y = net.depthwise(f'{name}_dw', y, wide, stage.kernel, stage.stride)
    y = net.gate(f'{name}_se', y, wide, max(1, width // 4))
    y = net.conv(f'{name}_project', y, wide, stage.width, 1, 1, _AFTER_SWISH * _AFTER_GATE)
    y = net.norm(f'{name}_project_bn', y, stage.width)
    if stage.stride == 1 and width == stage.width:
        y = net.op('AddV2', f'{name}_add', y, x)
    return y


class _Net:
    """Collects nodes; every method adds some and returns the name of the last."""

    def __init__(self, seed: int, name: str):
        self.nodes: dict[str, Node] = {}
        self.seed, self.name = seed, name

    def op(self, op: str, name: str, *inputs: str, **attrs: Any) -> str:
        self.nodes[name] = Node(name, op, inputs, attrs)
        return name

    def const(self, name: str, value: Sequence[int] | np.ndarray) -> str:
        array = np.asarray(value, np.int32) if not isinstance(value, np.ndarray) else value
        return self.op('Const', name, value=array)

    def filled(self, name: str, width: int, value: float) -> str:
        return self.const(name, np.full(width, value, np.float32))

    def kernel(self, name: str, shape: tuple[int, ...], gain: float = 1.0) -> str:
        depthwise = name.endswith('_dw')
        fan_in = int(np.prod(shape[:2] if depthwise else shape[:-1]))
        state = rng.random_state(self.seed, self.name, name)
        drawn = state.standard_normal(shape) * np.sqrt(gain / fan_in)
        return self.const(f'{name}/kernel', drawn.astype(np.float32))

    def conv(
        self, name: str, x: str, inputs: int, outputs: int, kernel: int, stride: int, gain: float
    ) -> str:
        drawn = self.kernel(name, (kernel, kernel, inputs, outputs), gain)
        strides = [1, stride, stride, 1]
        return self.op('Conv2D', f'{name}/Conv2D', x, drawn, strides=strides, padding='SAME')

    def norm(self, name: str, x: str, width: int) -> str:
        leaves = {'gamma': 1.0, 'beta': 0.0, 'mean': 0.0, 'variance': 1.0}
        made = [self.filled(f'{name}/{leaf}', width, value) for leaf, value in leaves.items()]
        attrs = {'epsilon': EPSILON, 'is_training': False}
        return self.op('FusedBatchNormV3', f'{name}/FusedBatchNormV3', x, *made, **attrs)

    def swish(self, name: str, x: str) -> str:
        return self.op('Mul', f'{name}/mul', x, self.op('Sigmoid', f'{name}/Sigmoid', x))

    def block(
        self, name: str, x: str, inputs: int, outputs: int, kernel: int, stride: int = 1
    ) -> str:
        """Convolution, normalisation, swish; of values that are no swish's."""
        y = self.conv(name, x, inputs, outputs, kernel, stride, 1.0)
        return self.swish(f'{name}_activation', self.norm(f'{name}_bn', y, outputs))

    def depthwise(self, name: str, x: str, width: int, kernel: int, stride: int) -> str:
        drawn = self.kernel(name, (kernel, kernel, width, 1), _AFTER_SWISH)
        strides = [1, stride, stride, 1]
        y = self.op(
            'DepthwiseConv2dNative', f'{name}/depthwise', x, drawn, strides=strides, padding='SAME'
        )
        return self.swish(f'{name}_activation', self.norm(f'{name}_bn', y, width))

    def gate(self, name: str, x: str, width: int, narrow: int) -> str:
        """Squeeze and excitation: channels weighed by what all of them are on average."""
        mean = self.op(
            'Mean', f'{name}/Mean', x, self.const(f'{name}/axes', [1, 2]), keep_dims=True
        )
        y = self.conv(f'{name}_reduce', mean, width, narrow, 1, 1, 1.0)
        y = self.op(
            'BiasAdd', f'{name}_reduce/BiasAdd', y, self.filled(f'{name}_reduce/bias', narrow, 0.0)
        )
        y = self.swish(f'{name}_activation', y)
        y = self.conv(f'{name}_expand', y, narrow, width, 1, 1, _GATE)
        y = self.op(
            'BiasAdd', f'{name}_expand/BiasAdd', y, self.filled(f'{name}_expand/bias', width, 0.0)
        )
        return self.op('Mul', f'{name}/excite', x, self.op('Sigmoid', f'{name}/Sigmoid', y))
