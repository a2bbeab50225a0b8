"""Which of our tensors is which of VGGish's, in the files it is published in."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxprobe.core import rng
from jaxprobe.encoders.base import Card
from jaxprobe.encoders.loading import bijection, checkpoint, hub, signatures, tf_v1_checkpoint
from jaxprobe.encoders.loading.identity import tensors_sha256


class Sizes(NamedTuple):
    """Channels of the six convolutions, and widths of the dense layers."""

    convs: tuple[int, ...] = (64, 128, 256, 256, 512, 512)
    hidden: int = 4096
    embedding: int = 128

    @property
    def flat(self) -> int:
        """Values of the last pool, 6 frames by 4 bands."""
        return 6 * 4 * self.convs[-1]


# Our block -> (its name in the TensorFlow graph, in torchvggish). Torch counts layers without
# weights, too; its pools and ReLUs are the numbers left out.
NAMES = {
    'conv1': ('conv1', 'features.0'),
    'conv2': ('conv2', 'features.3'),
    'conv3_1': ('conv3/conv3_1', 'features.6'),
    'conv3_2': ('conv3/conv3_2', 'features.8'),
    'conv4_1': ('conv4/conv4_1', 'features.11'),
    'conv4_2': ('conv4/conv4_2', 'features.13'),
    'fc1': ('fc1/fc1_1', 'embeddings.0'),
    'fc2': ('fc1/fc1_2', 'embeddings.2'),
    'embedding': ('fc2', 'embeddings.4'),
}
DROPPED = {
    'pproc.*': 'PCA and quantisation to 8 bits, for what was released of AudioSet; not applied',
    'global_step': 'counts the steps of training',
    '*/Adam': 'first moments of the optimiser',
    '*/Adam_1': 'second moments of the optimiser',
    'beta?_power': 'state of the optimiser',
}


def template(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Our tensors and their shapes; kernels are [3 3 in out] and [in out].

    The first dense layer reads the last pool in the order time, frequency, channel.
    """
    convs = list(zip((1, *sizes.convs), sizes.convs, strict=False))
    dense = [(sizes.flat, sizes.hidden), (sizes.hidden, sizes.hidden)]
    dense.append((sizes.hidden, sizes.embedding))
    kernels = [(3, 3, inputs, outputs) for inputs, outputs in convs] + dense
    shapes: dict[str, tuple[int, ...]] = {}
    for block, kernel in zip(NAMES, kernels, strict=True):
        shapes |= {f'{block}/kernel': kernel, f'{block}/bias': kernel[-1:]}
    return shapes


def key_map(sizes: Sizes, torch: bool) -> dict[str, tuple[bijection.Theirs, bijection.Transform]]:
    """Our tensors -> theirs, in torchvggish's file or else TensorFlow's."""
    mapping: dict[str, tuple[bijection.Theirs, bijection.Transform]] = {}
    for ours in template(sizes):
        block, leaf = ours.split('/')
        tensorflow, pytorch = NAMES[block]
        if not torch:
            mapping[ours] = (f'vggish/{tensorflow}/{_TENSORFLOW[leaf]}', None)
        elif leaf == 'bias':
            mapping[ours] = (f'{pytorch}.bias', None)
        else:
            mapping[ours] = (f'{pytorch}.weight', _ours)
    return mapping


_TENSORFLOW = {'kernel': 'weights', 'bias': 'biases'}


def _ours(kernel: np.ndarray) -> np.ndarray:
    """Torch's [out in 3 3] or [out in] as [3 3 in out] or [in out]."""
    return kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T


def fill(sizes: Sizes, tensors: Mapping[str, np.ndarray], source: str) -> dict[str, np.ndarray]:
    """Renames a checkpoint's tensors into ours.

    Raises:
        WeightsError: tensors are missing, unexpected or mis-shaped.
    """
    torch = any(name.startswith(('features.', 'embeddings.')) for name in tensors)
    return bijection.fill(
        template(sizes), tensors, key_map(sizes, torch), DROPPED, source, signatures.looks_like
    )


def read(path: Path) -> dict[str, np.ndarray]:
    """Reads the authors' V1 checkpoint, or a torch file.

    Raises:
        WeightsError: the file is neither, or is damaged.
    """
    if tf_v1_checkpoint.is_table(path):
        return tf_v1_checkpoint.read(path, skip=DROPPED)
    return checkpoint.read(path)


def random(sizes: Sizes, seed: int) -> dict[str, np.ndarray]:
    """Draws untrained weights: He uniform, so that they neither fade nor burst over nine layers.

    The authors began with a deviation of 0.01 everywhere, which training has to grow first.
    """
    tensors = {}
    for name, shape in template(sizes).items():
        if name.endswith('bias'):
            tensors[name] = np.zeros(shape, np.float32)
            continue
        limit = math.sqrt(6.0 / math.prod(shape[:-1]))
        drawn = rng.random_state(seed, 'vggish', name).uniform(-limit, limit, shape)
        tensors[name] = drawn.astype(np.float32)
    return tensors


def load(card: Card, sizes: Sizes, weights: str, seed: int) -> tuple[dict[str, np.ndarray], str]:
    """Returns the tensors a config asks for and their identity for fingerprints.

    Raises:
        WeightsError: as `read` and `fill`, or the file is nowhere.
    """
    if weights == 'random':
        return random(sizes, seed), f'random-{seed}'
    path = hub.locate(card.weights, weights, f'encoder {card.name}')
    tensors = fill(sizes, read(path), str(path))
    return tensors, tensors_sha256(tensors)
