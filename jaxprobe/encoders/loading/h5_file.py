"""Weights that Keras saved: `.h5`, `.h5.gz` and the `.keras` archive, without Keras.

A legacy `.h5` has one group per layer. The root's attribute `layer_names` gives the layers in
the model's own order (HDF5 itself lists them by name), each group's `weight_names` its tensors.
A `.keras` file is a zip of `config.json`, the layers in order with their names, and
`model.weights.h5`, whose paths are made from class names and counters:
`layers/<snake_case_class>[_k]/vars/<i>`, k counting the layers of that class in `config.json`.

h5py is imported when a file is read.
"""

import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.core.errors import WeightsError

SIGNATURE = b'\x89HDF\r\n\x1a\n'
MEMBERS = ('config.json', 'model.weights.h5')  # Of a `.keras` archive.

# What people have in place of the file: first bytes -> what it is and what to do.
_SLIPS = {
    b'version https://git-lfs': (
        'is a Git LFS pointer, not the file itself: the repository was cloned without LFS. Run '
        '`git lfs pull` there, or download the file'
    ),
    b'<': 'is a web page: the address of the page was saved, not the file',
    b'{': 'is JSON, not weights',
}


class KerasLayer(NamedTuple):
    """One layer of a legacy file: its name, and its tensors by short name (`kernel`, `gamma`)."""

    name: str
    tensors: dict[str, np.ndarray]


class KerasArchive(NamedTuple):
    """A `.keras` file.

    Attributes:
        layers: what `config.json` says of every layer, in its order; at least `class_name` and
            `name` each.
        tensors: path within `model.weights.h5` -> tensor.
    """

    layers: list[dict[str, Any]]
    tensors: dict[str, np.ndarray]


def read_layers(path: Path) -> list[KerasLayer]:
    """Reads a legacy Keras file, of weights or of a whole model, gzipped or not.

    Returns:
        The layers that hold tensors, in the model's order.

    Raises:
        WeightsError: h5py is absent, or the file is damaged or no such file.
    """
    data = _bytes(path)
    if data.startswith(b'\x1f\x8b'):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise WeightsError(f'{path} is damaged: {error}. Fetch it again.') from error
    with _opened(data, path) as file:
        root = file.get('model_weights', file)
        if 'layer_names' not in root.attrs and 'layer_names0' not in root.attrs:
            raise WeightsError(
                f'{path} is an HDF5 file without the attribute layer_names that Keras writes: it '
                f'holds {", ".join(sorted(root)[:10]) or "nothing"}. Is it a `.weights.h5` of '
                f'Keras 3, or a file of another program?'
            )
        found = []
        for name in _names(root, 'layer_names'):
            group = root[name]
            weights = _names(group, 'weight_names')
            tensors = {_leaf(weight): np.asarray(group[weight][()]) for weight in weights}
            if len(tensors) < len(weights):
                raise WeightsError(
                    f'{path}: layer {name!r} nests layers of its own '
                    f'({", ".join(weights[:4])}, ...), which no file that this reader knows does.'
                )
            if tensors:
                found.append(KerasLayer(name, tensors))
        return found


def read_archive(path: Path) -> KerasArchive:
    """Reads a `.keras` archive.

    Raises:
        WeightsError: h5py is absent, or the file is damaged or no such archive.
    """
    data = _bytes(path, 4)
    if data != b'PK\x03\x04':
        raise WeightsError(_refusal(path, _bytes(path, 64), 'a `.keras` archive (a zip file)'))
    try:
        with zipfile.ZipFile(path) as archive:
            lacking = [name for name in MEMBERS if name not in archive.namelist()]
            if lacking:
                raise WeightsError(
                    f'{path} is a zip file without {" and ".join(lacking)}; it holds '
                    f'{", ".join(archive.namelist()[:8]) or "nothing"}. A `.keras` file holds '
                    f'{" and ".join(MEMBERS)}.'
                )
            config = json.loads(archive.read(MEMBERS[0]))
            weights = archive.read(MEMBERS[1])
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise WeightsError(f'{path} is damaged: {error}. Fetch it again.') from error
    tensors: dict[str, np.ndarray] = {}
    with _opened(weights, path) as file:

        def visit(name: str, thing: Any) -> None:
            if hasattr(thing, 'shape'):
                tensors[name] = np.asarray(thing[()])  # h5py gives a scalar as a number.

        file.visititems(visit)
    return KerasArchive(_layers(config, path), tensors)


def paths(layers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Where the tensors of every layer lie in a `.keras` archive.

    Args:
        layers: of a `KerasArchive`.

    Returns:
        Layer name -> `layers/<snake_case_class>[_k]`. The name a layer carries has no part in
        it: the first of its class in the list has no number, the second is `_1`.

    >>> paths([{'class_name': 'Conv2D', 'name': 'b'}, {'class_name': 'Conv2D', 'name': 'a'}])
    {'b': 'layers/conv2d', 'a': 'layers/conv2d_1'}
    """
    counts: dict[str, int] = {}
    found = {}
    for layer in layers:
        snake = snake_case(layer['class_name'])
        count = counts.get(snake, 0)
        counts[snake] = count + 1
        found[layer['name']] = f'layers/{snake}_{count}' if count else f'layers/{snake}'
    return found


def snake_case(name: str) -> str:
    """A class name as Keras spells it in paths.

    >>> snake_case('WeightStandardization'), snake_case('Conv2D')
    ('weight_standardization', 'conv2d')
    """
    name = re.sub(r'\W+', '', name)
    name = re.sub(r'(.)([A-Z][a-z]+)', r'\1_\2', name)
    return re.sub(r'([a-z])([A-Z])', r'\1_\2', name).lower()


def _layers(config: Any, path: Path) -> list[dict[str, Any]]:
    """The layer list of a config, each entry with a name and a class."""
    try:
        layers = config['config']['layers']
        whole = bool(layers) and all(
            isinstance(layer['name'], str) and isinstance(layer['class_name'], str)
            for layer in layers
        )
    except (KeyError, TypeError):
        whole = False
    if not whole:
        raise WeightsError(
            f'{path}: its config.json lists no layers with names and classes; expected the config '
            f'of a functional Keras model. A subclassed model, or the file of another version?'
        )
    return layers


def _leaf(weight: str) -> str:
    """`conv2d/kernel:0` -> `kernel`."""
    return weight.split('/')[-1].split(':')[0]


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names; Keras cuts those above 64 kB into `<attribute>0`, `<attribute>1`, ..."""
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    else:
        parts = []
        while f'{attribute}{len(parts)}' in group.attrs:
            parts.append(group.attrs[f'{attribute}{len(parts)}'])
    names = [name for part in parts for name in part]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


@contextmanager
def _opened(data: bytes, path: Path) -> Iterator[Any]:
    """Opens HDF5 bytes; whatever h5py stumbles over becomes one readable error."""
    try:
        import h5py
    except ImportError:
        raise WeightsError(
            f'{path} is a Keras file, and reading it needs h5py, which is not installed: '
            f'python -m pip install h5py'
        ) from None
    if not data.startswith(SIGNATURE):
        raise WeightsError(_refusal(path, data[:64], 'an HDF5 file'))
    try:
        with h5py.File(io.BytesIO(data), 'r') as file:
            yield file
    except WeightsError:
        raise
    except Exception as error:  # OSError, KeyError, RuntimeError: h5py's choice varies.
        raise WeightsError(f'{path} is damaged: {error}. Fetch it again.') from error


def _bytes(path: Path, count: int = -1) -> bytes:
    with open(path, 'rb') as file:
        return file.read(count)


def _refusal(path: Path, start: bytes, wanted: str) -> str:
    if not start:
        return f'{path} is empty. Fetch it again.'
    for bytes_, slip in _SLIPS.items():
        if start.lstrip().startswith(bytes_):
            return f'{path} {slip}.'
    return (
        f'{path} is not {wanted}: it begins with {start[:8]!r}. A file of another encoder, or a '
        f'download cut short?'
    )
