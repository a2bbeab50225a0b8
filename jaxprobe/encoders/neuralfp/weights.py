"""Which of our tensors is which variable of a NeuralFP checkpoint, and what is left behind."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxprobe.core import rng
from jaxprobe.encoders.base import Card
from jaxprobe.encoders.loading import bijection, hub, signatures
from jaxprobe.encoders.loading.identity import tensors_sha256
from jaxprobe.encoders.loading.tf_bundle import read_bundle
from jaxprobe.encoders.neuralfp.card import WIDTHS
from jaxprobe.encoders.neuralfp.frontend import BANDS

FRAMES = 32
STRIDES = (2, 2, 2, 2, 1, 2, 1, 2)  # Over time; over frequency all blocks have 2.

OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH'  # Text that says how the names hang together.
DROPPED = {
    '*/.OPTIMIZER_SLOT/*': 'moments of the optimiser',
    'optimizer/*': 'state of the optimiser',
    'save_counter/*': 'counts how often the checkpoint was saved',
}
_SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE'
# Our leaves of a block -> theirs. Their norms are called BN and are layer norms.
LEAVES = {
    'time_kernel': 'conv2d_1x3/kernel',
    'time_bias': 'conv2d_1x3/bias',
    'time_scale': 'BN_1x3/gamma',
    'time_shift': 'BN_1x3/beta',
    'frequency_kernel': 'conv2d_3x1/kernel',
    'frequency_bias': 'conv2d_3x1/bias',
    'frequency_scale': 'BN_3x1/gamma',
    'frequency_shift': 'BN_3x1/beta',
}
# Our leaves of the heads -> theirs, of every slice.
HEAD_LEAVES = {
    'hidden_kernel': 'layer_with_weights-0/kernel',
    'hidden_bias': 'layer_with_weights-0/bias',
    'output_kernel': 'layer_with_weights-1/kernel',
    'output_bias': 'layer_with_weights-1/bias',
}


class Arch(NamedTuple):
    """Sizes: channels of the blocks, and the heads that each read a slice of the last ones.

    Attributes:
        widths: channels of the eight blocks.
        slices: heads, and width of the embedding.
        hidden: units of a head.
    """

    widths: tuple[int, ...] = WIDTHS
    slices: int = 128
    hidden: int = 32


TINY = Arch((4, 4, 6, 6, 8, 8, 16, 16), slices=4, hidden=5)


def maps(arch: Arch) -> list[tuple[int, int, int, int]]:
    """(bands, frames before, frames after, channels) of every block's first convolution."""
    found, bands, frames = [], BANDS, FRAMES
    for width, stride in zip(arch.widths, STRIDES, strict=True):
        found.append((bands, frames, -(-frames // stride), width))
        bands, frames = -(-bands // 2), -(-frames // stride)
    return found


def template(arch: Arch) -> dict[str, tuple[int, ...]]:
    """Our tensors and their shapes: 'block1/time_kernel', 'heads/hidden_kernel'."""
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = 1
    for index, (bands, _, frames, width) in enumerate(maps(arch), start=1):
        after_time, after_frequency = (bands, frames, width), (-(-bands // 2), frames, width)
        shapes |= {
            f'block{index}/{leaf}': shape
            for leaf, shape in {
                'time_kernel': (1, 3, inputs, width),
                'time_bias': (width,),
                'time_scale': after_time,
                'time_shift': after_time,
                'frequency_kernel': (3, 1, width, width),
                'frequency_bias': (width,),
                'frequency_scale': after_frequency,
                'frequency_shift': after_frequency,
            }.items()
        }
        inputs = width
    slices, hidden, share = arch.slices, arch.hidden, arch.widths[-1] // arch.slices
    return shapes | {
        'heads/hidden_kernel': (slices, share, hidden),
        'heads/hidden_bias': (slices, hidden),
        'heads/output_kernel': (slices, hidden, 1),
        'heads/output_bias': (slices, 1),
    }


def key_map(arch: Arch) -> dict[str, tuple[bijection.Theirs, bijection.Transform]]:
    """Our tensors -> the checkpoint's variables, as `bijection.fill` takes them."""
    mapping: dict[str, tuple[bijection.Theirs, bijection.Transform]] = {}
    for ours in template(arch):
        block, leaf = ours.split('/')
        if block == 'heads':
            place = 'model/div_enc/split_fc_layers'
            theirs = (f'{place}/{q}/{HEAD_LEAVES[leaf]}{_SUFFIX}' for q in range(arch.slices))
            mapping[ours] = (tuple(theirs), _stacked)
        else:
            place = f'model/front_conv/layer_with_weights-{int(block.removeprefix("block")) - 1}'
            mapping[ours] = (f'{place}/{LEAVES[leaf]}{_SUFFIX}', None)
    return mapping


def _stacked(*parts: np.ndarray) -> np.ndarray:
    return np.stack(parts)


def read(arch: Arch, path: Path) -> dict[str, np.ndarray]:
    """Reads a checkpoint into our tensors.

    Args:
        arch: its sizes.
        path: the prefix of a `tf.train.Checkpoint`, one of its files, or a folder that holds
            exactly one.

    Raises:
        WeightsError: it is absent, damaged, or belongs to another model.
    """
    tensors = read_bundle(path, skip=(OBJECT_GRAPH, *DROPPED))
    return bijection.fill(template(arch), tensors, key_map(arch), DROPPED, str(path), _looks_like)


def _looks_like(tensors: Mapping[str, np.ndarray]) -> str | None:
    return signatures.looks_like(tensors)


def random(arch: Arch, seed: int) -> dict[str, np.ndarray]:
    """Draws untrained weights as Keras does: Glorot uniform kernels, norms the identity."""
    tensors = {}
    for name, shape in template(arch).items():
        if name.endswith('kernel'):
            shared = 1 if name.startswith('heads/') else math.prod(shape[:-2])
            limit = math.sqrt(6.0 / (shared * (shape[-2] + shape[-1])))
            drawn = rng.random_state(seed, 'neuralfp', name).uniform(-limit, limit, shape)
        else:
            drawn = np.full(shape, 1.0 if name.endswith('scale') else 0.0)
        tensors[name] = drawn.astype(np.float32)
    return tensors


def load(card: Card, arch: Arch, weights: str, seed: int) -> tuple[dict[str, np.ndarray], str]:
    """Returns the tensors a config asks for and their identity for fingerprints.

    Raises:
        WeightsError: as `read`, or no weights were given: none are published.
    """
    if weights == 'random':
        return random(arch, seed), f'random-{seed}'
    if not weights:
        hub.locate(card.weights, weights, f'encoder {card.name}')  # Raises: says what to bring.
    tensors = read(arch, Path(weights).expanduser())
    return tensors, tensors_sha256(tensors)
