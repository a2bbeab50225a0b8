"""Which of our tensors is which of a Keras file's: by the order of its layers, not their names.

Keras numbers layers as a session builds them, so `conv2d_1` is another layer in another file;
the attribute `layer_names` keeps the model's own order.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxprobe.core import rng
from jaxprobe.encoders.loading import bijection, h5_file
from jaxprobe.encoders.loading.h5_file import KerasLayer
from jaxprobe.encoders.loading.signatures import looks_like

EPSILON = 1e-3  # Of every batch normalisation: the default of Keras.


class Arch(NamedTuple):
    """Channels of the four blocks."""

    widths: tuple[int, int, int, int] = (64, 128, 256, 512)

    @property
    def convolutions(self) -> tuple[tuple[int, int], ...]:
        """Channels in and out of the eight convolutions; the last has no normalisation."""
        outs = [width for width in self.widths for _ in range(2)]
        return tuple(zip([1, *outs[:-1]], outs, strict=True))


NORM = ('gamma', 'beta', 'moving_mean', 'moving_variance')
CONV = ('kernel', 'bias')


def roles(arch: Arch) -> tuple[str, ...]:
    """Our blocks in the order of the file: norm0, conv1, norm1, ..., conv7, norm7, conv8."""
    count = len(arch.convolutions)
    middle = [f'{kind}{i}' for i in range(1, count) for kind in ('conv', 'norm')]
    return ('norm0', *middle, f'conv{count}')


def template(arch: Arch) -> dict[str, tuple[int, ...]]:
    """Our tensors, `block/leaf`, and their shapes."""
    shapes: dict[str, tuple[int, ...]] = {}
    for role in roles(arch):
        number = int(role[4:])
        inputs, outputs = arch.convolutions[max(number, 1) - 1]
        if role.startswith('conv'):
            shapes[f'{role}/kernel'] = (3, 3, inputs, outputs)
            shapes[f'{role}/bias'] = (outputs,)
        else:
            shapes.update({f'{role}/{leaf}': (outputs if number else 1,) for leaf in NORM})
    return shapes


def fill(arch: Arch, layers: list[KerasLayer], source: str) -> dict[str, np.ndarray]:
    """Fills our tensors from the layers of a file.

    Args:
        arch: the sizes.
        layers: those that hold tensors, in the model's order.
        source: what the user knows the file by.

    Raises:
        WeightsError: tensors are missing, left over or mis-shaped.
    """
    names = [layer.name for layer in layers]
    mapping: dict[str, tuple[bijection.Theirs, bijection.Transform]] = {}
    for place, role in enumerate(roles(arch)):
        name = names[place] if place < len(names) else f'layer {place} with weights'
        for leaf in NORM if role.startswith('norm') else CONV:
            mapping[f'{role}/{leaf}'] = (f'{name}/{leaf}', None)
    tensors = {
        f'{layer.name}/{leaf}': array for layer in layers for leaf, array in layer.tensors.items()
    }
    return bijection.fill(template(arch), tensors, mapping, {}, source, recognise)


def recognise(tensors: Mapping[str, np.ndarray]) -> str | None:
    """Names the model that a file that does not fit seems to hold.

    The four models of a content type share every shape: what separates mel128 from mel256 and
    music from environmental sound is in no tensor.
    """
    found = looks_like(tensors)
    if found is None and any(tensor.shape == (3, 3, 256, 512) for tensor in tensors.values()):
        return 'an OpenL3 file of another version or with layers lost'
    return found


def read(arch: Arch, path: Path) -> dict[str, np.ndarray]:
    """Reads `.h5` or `.h5.gz` into our tensors.

    Raises:
        WeightsError: it is damaged or of another model.
    """
    return fill(arch, h5_file.read_layers(path), str(path))


def random(arch: Arch, seed: int) -> dict[str, np.ndarray]:
    """Draws untrained weights: He-uniform kernels, normalisations that change nothing."""
    tensors = {}
    for name, shape in template(arch).items():
        leaf = name.split('/')[1]
        if leaf == 'kernel':
            limit = math.sqrt(6.0 / math.prod(shape[:-1]))
            drawn = rng.random_state(seed, 'openl3', name).uniform(-limit, limit, shape)
        else:
            drawn = np.full(shape, 1.0 if leaf in ('gamma', 'moving_variance') else 0.0)
        tensors[name] = drawn.astype(np.float32)
    return tensors
