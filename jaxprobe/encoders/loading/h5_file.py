"""Weights that Keras saved: `.h5`, `.h5.gz` and the `.keras` archive, without Keras.

A legacy `.h5` has one group per layer. The root's attribute `layer_names` gives the layers in
the model's own order (HDF5 itself lists them by name), each group's `weight_names` its tensors.
A `.keras` file is a zip of `config.json`, the layers in order with their names, and
`model.weights.h5`, whose paths are made from class names and counters:
`layers/<snake_case_class>[_k]/vars/<i>`, k counting the layers of that class in `config.json`.

h5py is imported when a file is read.
"""

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
from jaxprobe.encoders.loading import unpacked

SIGNATURE = b'\x89HDF\r\n\x1a\n'
LONGEST_LIST = 1 << 20  # Bytes of an attribute of names, of which HDF5 itself has 64 kB.
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
            data = unpacked.gunzip(data)
        except (ValueError, EOFError, zlib.error) as error:
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
        names = _names(root, 'layer_names')
        if len(set(names)) < len(names):
            raise ValueError('its attribute layer_names says a name twice')
        read = _Reader(path, len(data))
        for name in names:
            group = read.inner(root, name)
            weights = _names(group, 'weight_names')
            tensors = {_leaf(weight): read.tensor(group, weight) for weight in weights}
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
            config = json.loads(unpacked.member(archive, MEMBERS[0]))
            weights = unpacked.member(archive, MEMBERS[1])
    except unpacked.DAMAGE as error:
        raise WeightsError(f'{path} is damaged: {error}. Fetch it again.') from error
    with _opened(weights, path) as file:
        read = _Reader(path, len(weights))
        tensors = {name: read.tensor(file, name) for name in read.datasets(file)}
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


class _Reader:
    """Takes tensors out of HDF5, of which weights need little: numbers that lie in the file.

    A file can also lead into other files, of this user's or of this machine's, hold pointers and
    programs of filters, and describe any amount of numbers that were never written.
    """

    def __init__(self, path: Path, size: int):
        self._path, self._left = path, unpacked.limit(size)

    def datasets(self, file: Any) -> list[str]:
        """The paths of everything that is no group, each group entered once."""
        found, todo, seen = [], [('', file)], {file}
        while todo:
            prefix, group = todo.pop()
            for name in group:
                inner = self.inner(group, name)
                if not hasattr(inner, 'keys'):
                    found.append(f'{prefix}{name}')
                elif inner not in seen:
                    seen.add(inner)
                    todo.append((f'{prefix}{name}/', inner))
        return found

    def inner(self, group: Any, name: str) -> Any:
        """What a path leads to, over hard links alone."""
        import h5py

        if name.startswith('/') or '..' in name.split('/'):
            raise ValueError(f'the name {name!r} leads out of its group')
        for part in name.split('/'):
            if not isinstance(group, h5py.Group):
                raise ValueError(f'{name!r} leads through what is no group')
            link = group.get(part, getlink=True)
            if link is None:
                raise ValueError(f'there is no {name!r}')
            if not isinstance(link, h5py.HardLink):
                raise ValueError(f'{name!r} is a link, and may lead to another file')
            group = group[part]
        return group

    def tensor(self, group: Any, name: str) -> np.ndarray:
        """Reads a dataset of plain numbers that is stored whole."""
        import h5py

        found = self.inner(group, name)
        if not isinstance(found, h5py.Dataset) or found.shape is None:
            raise ValueError(f'{name!r} is no tensor')
        if found.dtype.kind not in 'fiub' or found.dtype.subdtype:
            raise ValueError(f'{name!r} holds {found.dtype}, not plain numbers')
        made = found.id.get_create_plist()
        if found.is_virtual or found.external or made.get_nfilters():
            raise WeightsError(
                f'{self._path}: its tensor {name!r} is compressed by HDF5, or lies in another '
                f'file. Keras does neither; where you trust it, `h5repack -f NONE` unpacks it.'
            )
        stored, needed = found.id.get_storage_size(), found.size * found.dtype.itemsize
        self._left -= max(stored, needed)
        if stored < needed or self._left < 0:
            raise ValueError(f'{name!r} of shape {found.shape} has {stored} bytes in the file')
        return np.asarray(found[()])  # h5py gives a scalar as a number.


def _leaf(weight: str) -> str:
    """`conv2d/kernel:0` -> `kernel`."""
    return weight.split('/')[-1].split(':')[0]


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names; Keras cuts those above 64 kB into `<attribute>0`, `<attribute>1`, ..."""
    parts: list[str] = [attribute] if attribute in group.attrs else []
    while not parts or parts[0] != attribute:
        if f'{attribute}{len(parts)}' not in group.attrs:
            break
        parts.append(f'{attribute}{len(parts)}')
    names: list[str] = []
    for part in parts:
        stored = group.attrs.get_id(part)  # Looked at before it is read: it may claim anything.
        shape = stored.shape or ()
        if len(shape) != 1 or shape[0] * stored.dtype.itemsize > LONGEST_LIST:
            raise ValueError(f'its attribute {part} is no list of names')
        if shape[0] and stored.dtype.kind != 'S':
            raise ValueError(f'its attribute {part} holds {stored.dtype}, not names')
        names += [name.decode() for name in group.attrs[part] if shape[0]]
    return names


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
