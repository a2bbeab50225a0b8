"""Which of our tensors is which of the authors' files', and the weight standardisation folded.

A `.keras` archive names layers by counters of construction, and its tensors by counters of the
layer list: `config.json` ties the two. The SavedModel of v1.1.0 numbers layers by the graph's
depth (`architecture.graph_order`), and hides a convolution's bias among all variables, by its
place in the flat list of them.
"""

import fnmatch
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxprobe.core import rng
from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading import bijection, h5_file, tf_bundle
from jaxprobe.encoders.loading.signatures import looks_like
from jaxprobe.encoders.mule import architecture
from jaxprobe.encoders.mule.architecture import Arch

CONV, DENSE, SCALAR = 'weight_standardization', 'dense', 'scalar_multiply'
VALUE = '/.ATTRIBUTES/VARIABLE_VALUE'
SMALLEST = 1e-4  # Under the root of a kernel's scaled variance.

DROPPED = {
    'keras_api/*': 'running metrics of the training',
    'save_counter*': 'how often the checkpoint was saved',
}
NO_TENSOR = ('_CHECKPOINTABLE_OBJECT_GRAPH',)  # The names of the rest, as a string.

Mapped = dict[str, tuple[bijection.Theirs, bijection.Transform]]

# Activations that models of this family have, other than ours.
_OTHERS = ('relu6', 'silu', 'swish', 'elu', 'selu', 'celu', 'softplus', 'tanh', 'leaky_relu')


def template(a: Arch) -> dict[str, tuple[int, ...]]:
    """Our tensors, `part/leaf`, and their shapes."""
    shapes: dict[str, tuple[int, ...]] = {}
    for part, shape in (architecture.convolutions(a) | architecture.dense(a)).items():
        shapes[f'{part}/kernel'] = shape
        shapes[f'{part}/bias'] = shape[-1:]
    shapes.update({f'{part}/scale': () for part in architecture.scalars(a)})
    return shapes


def standardised(v: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """A kernel [frequency time in out] of zero mean and unit length per output, times its gain.

    The reference does it in every call; it depends on nothing but the weights.
    """
    wide = v.astype(np.float64)
    fan_in = math.prod(v.shape[:-1])
    mean, variance = wide.mean((0, 1, 2)), wide.var((0, 1, 2))
    scale = gain.astype(np.float64) / np.sqrt(np.maximum(variance * fan_in, SMALLEST))
    return ((wide - mean) * scale).astype(np.float32)


def read(a: Arch, path: Path) -> dict[str, np.ndarray]:
    """Reads either published form.

    Args:
        a: the sizes.
        path: a `.keras` file, a folder that holds one, or a SavedModel (its folder, its
            `variables` folder, or a file in either).

    Raises:
        WeightsError: it is absent, damaged, or belongs to another model.
    """
    found = _resolved(path)
    if found.is_dir():
        tensors = tf_bundle.read_bundle(found, skip=NO_TENSOR)
        return _filled(a, tensors, bundle_map(a, tensors), str(found))
    archive = h5_file.read_archive(found)
    check_config(a, archive.layers, archive.tensors, str(found))
    return _filled(a, archive.tensors, archive_map(a, archive), str(found))


def _filled(
    a: Arch, tensors: Mapping[str, np.ndarray], mapping: Mapped, source: str
) -> dict[str, np.ndarray]:
    return bijection.fill(template(a), tensors, mapping, DROPPED, source, looks_like)


def _resolved(path: Path) -> Path:
    """The archive, or the folder of the checkpoint, that a path means."""
    if path.is_file() and (path.suffix in ('.pb', '.index') or '.data-' in path.name):
        path = path.parent
    if not path.is_dir():
        return path
    archives = sorted(path.glob('*.keras'))
    if len(archives) == 1:
        return archives[0]
    if len(archives) > 1:
        names = ', '.join(archive.name for archive in archives)
        raise WeightsError(f'{path} holds several archives: {names}. Give the path of one.')
    return path / 'variables' if (path / 'variables').is_dir() else path


def archive_map(a: Arch, archive: h5_file.KerasArchive) -> Mapped:
    """Our tensors -> paths within `model.weights.h5`."""
    paths = h5_file.paths(archive.layers)

    def at(kind: str, number: int, names: Sequence[str]) -> str:
        if number < len(names):
            return paths[names[number]]
        return f'layers/{kind} (number {number} of {len(names)} as constructed)'

    mapping: Mapped = {}
    names = constructed(archive.layers, CONV)
    for number, part in enumerate(architecture.convolutions(a)):
        where = at(CONV, number, names)
        mapping[f'{part}/kernel'] = ((f'{where}/vars/0', f'{where}/vars/1'), standardised)
        mapping[f'{part}/bias'] = (f'{where}/layer/vars/0', None)
    names = constructed(archive.layers, DENSE)
    for number, part in enumerate(architecture.dense(a)):
        where = at(DENSE, number, names)
        mapping[f'{part}/kernel'] = (f'{where}/vars/0', None)
        mapping[f'{part}/bias'] = (f'{where}/vars/1', None)
    names = constructed(archive.layers, SCALAR)  # Those with a variable: the others are constants.
    names = [name for name in names if f'{paths[name]}/vars/0' in archive.tensors]
    for number, part in enumerate(architecture.scalars(a)):
        mapping[f'{part}/scale'] = (f'{at(SCALAR, number, names)}/vars/0', None)
    return mapping


def constructed(layers: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    """The names of the layers of a class in the order in which they were constructed.

    Keras appends a counter to the class, which starts where the session stands: only the order
    of the numbers counts.
    """
    names = [layer['name'] for layer in layers if h5_file.snake_case(layer['class_name']) == kind]
    return sorted(names, key=_counter)


def _counter(name: str) -> int:
    found = re.search(r'_(\d+)$', name)
    return int(found.group(1)) if found else 0


def bundle_map(a: Arch, tensors: Mapping[str, np.ndarray]) -> Mapped:
    """Our tensors -> names in the SavedModel's checkpoint.

    Args:
        a: the sizes.
        tensors: the checkpoint's; a scalar's own name is taken from there.
    """
    convolutions, dense = architecture.convolutions(a), architecture.dense(a)
    mapping: Mapped = {}
    flat = 0  # Place in the list of all variables, layer by layer.
    for number, part in enumerate(architecture.graph_order(a)):
        layer = f'layer_with_weights-{number}'
        if part in convolutions:
            names = (f'{layer}/v{VALUE}', f'{layer}/gain{VALUE}')
            mapping[f'{part}/kernel'] = (names, standardised)
            mapping[f'{part}/bias'] = (f'variables/{flat + 2}{VALUE}', None)
            flat += 3
        elif part in dense:
            mapping[f'{part}/kernel'] = (f'{layer}/kernel{VALUE}', None)
            mapping[f'{part}/bias'] = (f'{layer}/bias{VALUE}', None)
            flat += 2
        else:
            names = fnmatch.filter(tensors, f'{layer}/*{VALUE}')
            theirs = names[0] if len(names) == 1 else f'{layer}/(one scalar){VALUE}'
            mapping[f'{part}/scale'] = (theirs, None)
            flat += 1
    return mapping


def check_config(
    a: Arch,
    layers: Sequence[Mapping[str, Any]],
    tensors: Mapping[str, np.ndarray],
    source: str,
) -> None:
    """Refuses an archive whose `config.json` states other constants than the port has.

    They are no tensors, so nothing else would notice: the factor of residual branches, and which
    activation stands between convolutions. What the config does not state is not checked.

    Raises:
        WeightsError: a constant or an activation is another one.
    """
    factors = {2.0, architecture.ALPHA}  # Two: of the excitation.
    factors |= {architecture.beta(*where) for where in architecture.blocks(a)}
    paths, faults = h5_file.paths(layers), []
    for layer in layers:
        name, config = layer['name'], layer.get('config') or {}
        for key, value in _stated(config):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if key == 'alpha' and number and not math.isclose(value, architecture.ALPHA):
                faults.append(f'{name} has alpha {value}, not {architecture.ALPHA}')
            if key == 'approximate' and value:
                faults.append(f'{name} approximates gelu; the published model has the exact one')
            named = str(value).split('.')[-1].lower()
            if key in ('activation', 'scaled_activation', 'function') and named in _OTHERS:
                faults.append(f'{name} has activation {value!r}, not gelu')
        if h5_file.snake_case(layer['class_name']) == SCALAR and isinstance(config, Mapping):
            learned = f'{paths[name]}/vars/0' in tensors
            stated = [v for v in config.values() if isinstance(v, float)]
            close = any(math.isclose(v, f, rel_tol=1e-4) for v in stated for f in factors)
            if stated and not learned and not close:
                faults.append(f'{name} multiplies by {stated[0]}, which this model never does')
    if faults:
        raise WeightsError(
            f'{source} is a model of the same layers with other constants: '
            f'{"; ".join(faults[:5])}. This port has those of the published MULE (gelu, alpha '
            f'{architecture.ALPHA}).'
        )


def _stated(config: Any) -> list[tuple[str, Any]]:
    """Every (key, value) of a config, however deep."""
    if isinstance(config, Mapping):
        inside = [pair for value in config.values() for pair in _stated(value)]
        return [*config.items(), *inside]
    if isinstance(config, list):
        return [pair for value in config for pair in _stated(value)]
    return []


def random(a: Arch, seed: int) -> dict[str, np.ndarray]:
    """Draws untrained weights; kernels pass through the standardisation like the authors'.

    Gains of residual branches are one and not the zero that training starts from: an untrained
    control whose blocks all do nothing would say nothing.
    """
    tensors = {}
    for name, shape in template(a).items():
        leaf = name.split('/')[1]
        if leaf != 'kernel':
            tensors[name] = np.full(shape, 1.0 if leaf == 'scale' else 0.0, np.float32)
            continue
        state = rng.random_state(seed, 'mule', name)
        if len(shape) == 2:
            bound = math.sqrt(6.0 / sum(shape))
            tensors[name] = state.uniform(-bound, bound, shape).astype(np.float32)
        else:
            drawn = state.uniform(-1.0, 1.0, shape).astype(np.float32)
            tensors[name] = standardised(drawn, np.ones(shape[-1], np.float32))
    return tensors
