"""Which of our tensors is which variable of the authors' graphs, and which we leave behind."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxprobe.core import rng
from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.base import Card
from jaxprobe.encoders.loading import bijection, wheel
from jaxprobe.encoders.loading.identity import tensors_sha256
from jaxprobe.encoders.loading.tf_bundle import read_bundle

DROPPED = {
    '*/Adam': 'first moments of the optimiser',
    '*/Adam_1': 'second moments of the optimiser',
    'beta1_power': 'state of the optimiser',
    'beta2_power': 'state of the optimiser',
}
VGG_DROPPED = {'dense/*': 'the tag layer on top of pool5; the pools are the probe points'}

BIG = 'musicnn/MSD_musicnn_big/'  # In the authors' repository alone.


class Vgg(NamedTuple):
    """Sizes of the VGG sibling."""

    filters: int = 128


class Musicnn(NamedTuple):
    """Sizes of a MusiCNN: filters per kernel shape, then of the middle, the back and the tags."""

    timbral: int = 204
    temporal: int = 51
    mid: int = 64
    dense: int = 200
    outputs: int = 50

    @property
    def front(self) -> int:
        """Width of the front end: two timbral and three temporal kernel shapes."""
        return 2 * self.timbral + 3 * self.temporal


Arch = Musicnn | Vgg

FOLDERS = {  # Card name -> the model's folder in the wheel and in the authors' repository.
    'musicnn_msd': 'musicnn/MSD_musicnn/',
    'musicnn_mtt': 'musicnn/MTT_musicnn/',
    'vgg_msd': 'musicnn/MSD_vgg/',
    'vgg_mtt': 'musicnn/MTT_vgg/',
    'musicnn_msd_big': BIG,
}
# `identity.tensors_sha256` of our tensors as read from the published wheel.
PUBLISHED = {
    'musicnn_msd': '38ec6fd2435715e1a150b505dfe932bfba56ef3f1783ebde92d7e964fd34d787',
    'musicnn_mtt': 'b9245a850ec14ed248568b41a610d0965c787877d2a001119c913f7a5af6a2e5',
    'vgg_msd': '436b7c8ba9af2f519ee392a37d389b2c441a5a658e4fc8689d3486a00eb2101c',
    'vgg_mtt': 'dd858e0b5a3aed047d9c473b8aa0afbb54122b93a674fc6e65dd221b17407a55',
}

# Our block -> (their operation, their batch normalisation, what follows the operation).
# TensorFlow numbers operations as the graph was built; the names below are of the checkpoints.
MUSICNN_NAMES = {
    'input': ('', 'batch_normalization'),
    'timbral_74': ('conv2d', 'batch_normalization_1'),
    'timbral_77': ('conv2d_1', 'batch_normalization_2'),
    'temporal_128': ('conv2d_2', 'batch_normalization_3'),
    'temporal_64': ('conv2d_3', 'batch_normalization_4'),
    'temporal_32': ('conv2d_4', 'batch_normalization_5'),
    'mid1': ('conv2d_5', 'batch_normalization_6'),
    'mid2': ('conv2d_6', 'batch_normalization_7'),
    'mid3': ('conv2d_7', 'batch_normalization_8'),
    'pooled': ('', 'batch_normalization_9'),
    'dense': ('dense', 'batch_normalization_10'),
    'output': ('dense_1', ''),
}
VGG_NAMES = {
    'input': ('', 'batch_normalization'),
    'conv1': ('1CNN', 'batch_normalization_1'),
    'conv2': ('2CNN', 'batch_normalization_2'),
    'conv3': ('3CNN', 'batch_normalization_3'),
    'conv4': ('4CNN', 'batch_normalization_4'),
    'conv5': ('5CNN', 'batch_normalization_5'),
}
NORM_LEAVES = {
    'gamma': 'gamma',
    'beta': 'beta',
    'mean': 'moving_mean',
    'variance': 'moving_variance',
}


def names(arch: Arch) -> dict[str, tuple[str, str]]:
    """The table of blocks for an architecture."""
    return VGG_NAMES if isinstance(arch, Vgg) else MUSICNN_NAMES


def kernels(arch: Arch) -> dict[str, tuple[int, ...]]:
    """Kernel shapes, [time, frequency, in, out] for convolutions, [in, out] for dense layers."""
    if isinstance(arch, Vgg):
        deeper = {f'conv{depth}': (3, 3, arch.filters, arch.filters) for depth in range(2, 6)}
        return {'conv1': (3, 3, 1, arch.filters), **deeper}
    pooled = 2 * (arch.front + 3 * arch.mid)
    return {
        'timbral_74': (7, 38, 1, arch.timbral),
        'timbral_77': (7, 67, 1, arch.timbral),
        'temporal_128': (128, 1, 1, arch.temporal),
        'temporal_64': (64, 1, 1, arch.temporal),
        'temporal_32': (32, 1, 1, arch.temporal),
        'mid1': (7, arch.front, 1, arch.mid),
        'mid2': (7, arch.mid, 1, arch.mid),
        'mid3': (7, arch.mid, 1, arch.mid),
        'dense': (pooled, arch.dense),
        'output': (arch.dense, arch.outputs),
    }


def template(arch: Arch) -> dict[str, tuple[int, ...]]:
    """Our tensors and their shapes: `block/leaf`."""
    shapes: dict[str, tuple[int, ...]] = {}
    widths = {block: shape[-1] for block, shape in kernels(arch).items()}
    widths['input'] = 1
    if isinstance(arch, Musicnn):
        widths['pooled'] = kernels(arch)['dense'][0]
    for block, (operation, norm) in names(arch).items():
        if operation:
            shapes[f'{block}/kernel'] = kernels(arch)[block]
            shapes[f'{block}/bias'] = (widths[block],)
        if norm:
            shapes.update({f'{block}/{leaf}': (widths[block],) for leaf in NORM_LEAVES})
    return shapes


def key_map(arch: Arch) -> dict[str, tuple[bijection.Theirs, bijection.Transform]]:
    """Our tensors -> the checkpoint's variables, as `bijection.fill` takes them."""
    mapping: dict[str, tuple[bijection.Theirs, bijection.Transform]] = {}
    for ours in template(arch):
        block, leaf = ours.split('/')
        operation, norm = names(arch)[block]
        theirs = f'{norm}/{NORM_LEAVES[leaf]}' if leaf in NORM_LEAVES else f'{operation}/{leaf}'
        mapping[ours] = (theirs, None)
    return mapping


def read(card: Card, arch: Arch, path: Path) -> dict[str, np.ndarray]:
    """Reads a checkpoint into our tensors.

    Args:
        card: which model it should be.
        arch: its sizes.
        path: the wheel, a folder with the checkpoint's two files (or with the model's folder in
            it, as in the authors' repository), or their common prefix.

    Raises:
        WeightsError: it is absent, damaged, or belongs to another model.
    """
    folder = FOLDERS[card.name]
    if path.suffix == '.whl' and folder == BIG:
        raise WeightsError(f'{path} does not hold {card.name}. {card.weights.how}')
    if (path / Path(folder).name).is_dir():
        path = path / Path(folder).name
    dropped = DROPPED | VGG_DROPPED if isinstance(arch, Vgg) else DROPPED
    tensors = read_bundle(path, folder, skip=DROPPED)
    filled = bijection.fill(template(arch), tensors, key_map(arch), dropped, str(path), looks_like)
    _refuse_sibling(card, tensors_sha256(filled), path)
    return filled


def _refuse_sibling(card: Card, digest: str, path: Path) -> None:
    """Models of one shape differ in their values alone: the published ones are known by hash."""
    owner = {known: name for name, known in PUBLISHED.items()}.get(digest, card.name)
    if owner != card.name:
        raise WeightsError(
            f'{path} holds the published weights of {owner}, not of {card.name}. '
            f'Set --config.encoder.name={owner}, or leave encoder.weights empty.'
        )


def looks_like(tensors: Mapping[str, np.ndarray]) -> str | None:
    """Names the model whose variables a checkpoint seems to hold."""
    if '5CNN/kernel' in tensors:
        return 'a VGG sibling (vgg_msd, vgg_mtt)'
    if 'conv2d_7/kernel' not in tensors or 'dense_1/kernel' not in tensors:
        return None
    if tensors['conv2d_7/kernel'].shape == (7, 512, 1, 512):
        return 'musicnn_msd_big'
    if tensors['conv2d_7/kernel'].shape == (7, 64, 1, 64):
        return 'a MusiCNN of the usual size (musicnn_msd, musicnn_mtt)'
    return 'a MusiCNN of an unknown size'


def random(arch: Arch, seed: int) -> dict[str, np.ndarray]:
    """Draws untrained weights as the authors' graph initialises them: Glorot uniform kernels."""
    tensors = {}
    for name, shape in template(arch).items():
        leaf = name.split('/')[1]
        if leaf == 'kernel':
            *field, inputs, outputs = shape
            limit = math.sqrt(6.0 / (math.prod(field) * (inputs + outputs)))
            drawn = rng.random_state(seed, 'musicnn', name).uniform(-limit, limit, shape)
        else:
            drawn = np.full(shape, 1.0 if leaf in ('gamma', 'variance') else 0.0)
        tensors[name] = drawn.astype(np.float32)
    return tensors


def load(card: Card, arch: Arch, weights: str, seed: int) -> tuple[dict[str, np.ndarray], str]:
    """Returns the tensors a config asks for and their identity for fingerprints.

    Raises:
        WeightsError: as `read`, or the published file cannot be fetched.
    """
    if weights == 'random':
        return random(arch, seed), f'random-{seed}'
    if not weights and card.weights.kind == 'file':
        raise WeightsError(
            f'{card.name}: its weights ({card.weights.size / 1e6:.0f} MB) have to be brought by '
            f'hand from {card.weights.source}. {card.weights.how}; or '
            f'--config.encoder.weights=random for an untrained control.'
        )
    path = Path(weights).expanduser() if weights else wheel.published(card.weights)
    tensors = read(card, arch, path)
    return tensors, tensors_sha256(tensors)
