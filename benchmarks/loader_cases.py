"""Small valid checkpoints of every format that is read, and how `benchmarks.loaders` spoils them.

A case is a folder with a file in it, how it is read, and what may come of it. Cases that are made
by hand aim at one thing each (a length that lies, a pickle that calls, a link that leads out); the
others are a valid file with some of its bytes changed by a generator.
"""

import io
import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxprobe.core import fs
from jaxprobe.encoders.base import WeightsRef
from tests.encoders.loading import graph_writer, keras_writer, tf_v1_writer, tf_writer

STATE = np.random.RandomState(0)
TENSORS: dict[str, np.ndarray] = {
    'conv.weight': STATE.standard_normal((8, 4, 3)).astype(np.float32),
    'conv.bias': STATE.standard_normal(8).astype(np.float32),
    'head.weight': STATE.standard_normal((24, 16)).astype(np.float32),
    'step': np.asarray([7, 2**20], np.int64),
}
DATA = '.data-00000-of-00001'
PACKAGE = 'pkg-1.0-py3-none-any.whl'
INSIDE = 'pkg/net/model'
BIG = 200 << 20  # Bytes that a bomb unpacks to.

# What may come of a case.
REFUSED = 'refused'  # One WeightsError.
SAME = 'same'  # The tensors that were written.
EITHER = 'same or refused'
ANY = 'any'  # The format carries nothing by which this lie could be told.


class Format(NamedTuple):
    """How a kind of checkpoint is written and read.

    Attributes:
        file: what is given to the loader, within the case's folder.
        parts: the files whose bytes are changed.
        sums: by what a changed byte in a tensor is noticed; '' where the format has nothing.
        write: makes a valid one in a folder.
        read: the loader; runs in the watched child.
        truth: what reading a valid one gives.
    """

    file: str
    parts: tuple[str, ...]
    sums: str
    write: Callable[[Path], None]
    read: Callable[[Path], Mapping[str, np.ndarray]]
    truth: Mapping[str, np.ndarray]


class Made(NamedTuple):
    """A case made by hand: what it does to the folder of a valid checkpoint."""

    expected: str
    spoil: Callable[[Path], None]


# Pickles, put together operation by operation.


def named(module: str, name: str) -> bytes:
    """GLOBAL."""
    return f'c{module}\n{name}\n'.encode()


def text(value: str) -> bytes:
    """BINUNICODE."""
    data = value.encode()
    return b'X' + struct.pack('<I', len(data)) + data


def number(value: int) -> bytes:
    """BININT, or LONG1 where that is too short."""
    if -(1 << 31) <= value < 1 << 31:
        return b'J' + struct.pack('<i', value)
    data = pickle.encode_long(value)
    return b'\x8a' + bytes([len(data)]) + data


def pair(*parts: bytes) -> bytes:
    """TUPLE."""
    return b'(' + b''.join(parts) + b't'


STORAGES = {'float32': 'FloatStorage', 'int64': 'LongStorage', 'float64': 'DoubleStorage'}


def tensor(
    key: bytes,
    dtype: str,
    shape: bytes,
    strides: bytes,
    elements: int,
    legacy: bool,
    offset: bytes = number(0),
) -> bytes:
    """The operations that rebuild one tensor; everything that may lie is given as operations."""
    more = [b'N'] if legacy else []
    storage = pair(
        text('storage'),
        named('torch', STORAGES[dtype]),
        key,
        text('cpu'),
        number(elements),
        *more,
    )
    hooks = named('collections', 'OrderedDict') + b')R'
    rebuilt = named('torch._utils', '_rebuild_tensor_v2')
    return rebuilt + pair(storage + b'Q', offset, shape, strides, b'\x89', hooks) + b'R'


def described(legacy: bool, extra: bytes = b'', own: Mapping[str, bytes] | None = None) -> bytes:
    """The pickle of the state dict; `extra` are operations that leave one more value there.

    Args:
        legacy: for the older format.
        extra: operations that leave one object, kept under the key 'extra'.
        own: name -> the operations of a tensor of it that replaces a true one.
    """
    body = b''
    for index, (name, array) in enumerate(TENSORS.items()):
        sizes = pair(*(number(n) for n in array.shape))
        strides = pair(*(number(s // array.itemsize) for s in array.strides))
        true = tensor(text(str(index)), str(array.dtype), sizes, strides, array.size, legacy)
        body += text(name) + (own or {}).get(name, true)
    more = text('extra') + extra + b's' if extra else b''
    return b'\x80\x02}(' + body + b'u' + more + b'.'


def torch_zip(
    pickled: bytes, change: Callable[[zipfile.ZipFile], None] = lambda archive: None
) -> bytes:
    """A torch zip around a pickle."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, 'w') as archive, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # Of names that stand twice: on purpose.
        archive.writestr('m/data.pkl', pickled)
        for index, array in enumerate(TENSORS.values()):
            archive.writestr(f'm/data/{index}', array.tobytes())
        archive.writestr('m/version', '3\n')
        change(archive)
    return memory.getvalue()


def torch_legacy(pickled: bytes, keys: bytes = b'', elements: int = 0) -> bytes:
    """A legacy torch file around a pickle.

    Args:
        pickled: of the state dict.
        keys: the pickle of the storages' keys, where it lies.
        elements: what the first storage claims, where it lies.
    """
    system = {'protocol_version': 1001, 'little_endian': True, 'type_sizes': {'int': 4}}
    head = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, system)]
    order = keys or pickle.dumps([str(i) for i in range(len(TENSORS))], 2)
    body = b''
    for index, array in enumerate(TENSORS.values()):
        claimed = elements if elements and not index else array.size
        body += struct.pack('<q', claimed) + array.tobytes()
    return b''.join(head) + pickled + order + body


# Valid files.


def safetensors(header: Any = None, data: bytes | None = None, length: int | None = None) -> bytes:
    """A safetensors file, or one whose header, data or length is another."""
    entries, body = {}, b''
    for name, array in TENSORS.items():
        kind = {'float32': 'F32', 'int64': 'I64'}[str(array.dtype)]
        span = [len(body), len(body) + array.nbytes]
        entries[name] = {'dtype': kind, 'shape': list(array.shape), 'data_offsets': span}
        body += array.tobytes()
    if callable(header):
        header(entries)
    head = header if isinstance(header, bytes) else json.dumps(entries).encode()
    claimed = len(head) if length is None else length
    return struct.pack('<Q', claimed) + head + (body if data is None else data)


def _bundle_write(folder: Path) -> None:
    tf_writer.write(folder / 'model', TENSORS)


def _wheel_write(folder: Path) -> None:
    index, data = tf_writer.bundle(TENSORS)
    with zipfile.ZipFile(folder / PACKAGE, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f'{INSIDE}.index', index)
        archive.writestr(f'{INSIDE}{DATA}', data)


def _variables_write(folder: Path) -> None:
    (folder / 'variables').mkdir()
    tf_writer.write(folder / 'variables' / 'variables', TENSORS)


def _release_write(folder: Path) -> None:
    with zipfile.ZipFile(folder / 'release.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('release/clmr.pt', torch_zip(described(legacy=False)))


GRAPH_NAMES = {name: name.replace('.', '/') for name in TENSORS}


def graph(nodes: Mapping[str, bytes] | None = None) -> bytes:
    """A frozen graph of constants; `nodes` gives more, each a NodeDef."""
    of = graph_writer
    consts = [of.node(of_const(GRAPH_NAMES[n], array)) for n, array in TENSORS.items()]
    extra = (nodes or {}).values()
    return b''.join(tf_writer.field(1, node) for node in [*consts, *extra])


def of_const(name: str, array: np.ndarray):
    """A constant's node."""
    from jaxprobe.encoders.loading.frozen_graph import Node

    return Node(name, 'Const', (), {'value': array})


LAYERS = [
    ('conv', {'kernel': TENSORS['conv.weight'], 'bias': TENSORS['conv.bias']}),
    ('dense', {'kernel': TENSORS['head.weight']}),
]
CONFIG = [{'class_name': 'Dense', 'name': 'dense', 'config': {}}]
ARCHIVE = {'layers/dense/vars/0': TENSORS['head.weight'], 'layers/conv/vars/0': TENSORS['step']}


# Readers: run in the child, through what an encoder's `weights=PATH` goes through.


def _located(path: Path, kind: str = 'file') -> Path:
    from jaxprobe.encoders.loading import hub

    return hub.locate(WeightsRef(kind=kind, source='nowhere', filename='f'), str(path), 'encoder x')


def _checkpoint(path: Path) -> Mapping[str, np.ndarray]:
    from jaxprobe.encoders.loading import checkpoint

    return checkpoint.read(_located(path))


def _release(path: Path) -> Mapping[str, np.ndarray]:
    from jaxprobe.encoders.clmr import weights

    return weights.read(_located(path))


def _v1(path: Path) -> Mapping[str, np.ndarray]:
    from jaxprobe.encoders.vggish import weights

    return weights.read(_located(path))


def _bundle(path: Path) -> Mapping[str, np.ndarray]:
    from jaxprobe.encoders.loading.tf_bundle import read_bundle

    return read_bundle(path, INSIDE)


def _published(path: Path) -> Mapping[str, np.ndarray]:
    from jaxprobe.encoders.loading import wheel

    sha256 = (path.parent / 'published').read_text()  # A card carries it; written when valid.
    ref = WeightsRef(kind='wheel', source='pkg', filename=PACKAGE, sha256=sha256)
    return _bundle(wheel.checked(ref, path))


def _variables(path: Path) -> Mapping[str, np.ndarray]:
    return _bundle(path / 'variables')


def _graph(path: Path) -> Mapping[str, np.ndarray]:
    from jaxprobe.encoders.loading import frozen_graph

    return frozen_graph.constants(frozen_graph.read(_located(path)))


def _layers(path: Path) -> Mapping[str, np.ndarray]:
    from jaxprobe.encoders.loading import h5_file

    found = h5_file.read_layers(_located(path))
    return {f'{one.name}/{leaf}': array for one in found for leaf, array in one.tensors.items()}


def _archive(path: Path) -> Mapping[str, np.ndarray]:
    from jaxprobe.encoders.loading import h5_file

    found = h5_file.read_archive(_located(path))
    h5_file.paths(found.layers)
    return found.tensors


def _publish(folder: Path) -> None:
    _wheel_write(folder)
    (folder / 'published').write_text(fs.sha256(folder / PACKAGE))


_FLAT = {f'{layer}/{leaf}': array for layer, held in LAYERS for leaf, array in held.items()}
_SLASHED = {GRAPH_NAMES[name]: array for name, array in TENSORS.items()}


def _one(name: str, data: Callable[[], bytes]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(data())

    return write


FORMATS: dict[str, Format] = {
    'safetensors': Format(
        'm.safetensors',
        ('m.safetensors',),
        '',
        _one('m.safetensors', safetensors),
        _checkpoint,
        TENSORS,
    ),
    'torch_zip': Format(
        'm.pt',
        ('m.pt',),
        'crc32 of every zip entry',
        _one('m.pt', lambda: torch_zip(described(legacy=False))),
        _checkpoint,
        TENSORS,
    ),
    'torch_legacy': Format(
        'm.pth',
        ('m.pth',),
        '',
        _one('m.pth', lambda: torch_legacy(described(legacy=True))),
        _checkpoint,
        TENSORS,
    ),
    'release_zip': Format(
        'release.zip',
        ('release.zip',),
        'crc32 of every zip entry',
        _release_write,
        _release,
        TENSORS,
    ),
    'tf_bundle': Format(
        'model',
        ('model.index', f'model{DATA}'),
        'crc32c of every block and tensor',
        _bundle_write,
        _bundle,
        TENSORS,
    ),
    'tf_in_wheel': Format(
        PACKAGE,
        (PACKAGE,),
        'crc32 of every zip entry, crc32c within',
        _wheel_write,
        _bundle,
        TENSORS,
    ),
    'wheel': Format(PACKAGE, (PACKAGE,), 'sha256 of the file', _publish, _published, TENSORS),
    'saved_model': Format(
        '',
        ('variables/variables.index', f'variables/variables{DATA}'),
        'crc32c of every block and tensor',
        _variables_write,
        _variables,
        TENSORS,
    ),
    'tf_v1': Format(
        'model.ckpt',
        ('model.ckpt',),
        'crc32c of every block',
        lambda folder: tf_v1_writer.write(folder / 'model.ckpt', TENSORS),
        _v1,
        TENSORS,
    ),
    'frozen_pb': Format('g.pb', ('g.pb',), '', _one('g.pb', graph), _graph, _SLASHED),
    'h5': Format(
        'w.h5',
        ('w.h5',),
        '',
        lambda folder: keras_writer.write_layers(folder / 'w.h5', LAYERS),
        _layers,
        _FLAT,
    ),
    'h5_gz': Format(
        'w.h5.gz',
        ('w.h5.gz',),
        'crc32 of the gzip stream',
        lambda folder: keras_writer.write_layers(folder / 'w.h5.gz', LAYERS),
        _layers,
        _FLAT,
    ),
    'keras': Format(
        'm.keras',
        ('m.keras',),
        'crc32 of every zip entry',
        lambda folder: keras_writer.write_archive(folder / 'm.keras', CONFIG, ARCHIVE),
        _archive,
        ARCHIVE,
    ),
}


# Changed bytes.


def _cut(data: bytearray, draw: np.random.RandomState) -> None:
    del data[draw.randint(len(data)) :]


def _flip(data: bytearray, draw: np.random.RandomState) -> None:
    data[draw.randint(len(data))] ^= 1 << draw.randint(8)


def _flips(data: bytearray, draw: np.random.RandomState) -> None:
    for _ in range(draw.randint(2, 30)):
        _flip(data, draw)


def _zeros(data: bytearray, draw: np.random.RandomState) -> None:
    first, size = draw.randint(len(data)), draw.randint(1, 200)
    data[first : first + size] = bytes(len(data[first : first + size]))


def _huge(data: bytearray, draw: np.random.RandomState) -> None:
    first = draw.randint(len(data))
    size = int(draw.choice([2, 4, 8]))
    value = int(draw.choice([0xFF, 0x7F, 0x80])) << 8 * (size - 1) | (1 << 8 * (size - 1)) - 1
    data[first : first + size] = value.to_bytes(size, 'little')[: len(data) - first]


def _lost(data: bytearray, draw: np.random.RandomState) -> None:
    first = draw.randint(len(data))
    del data[first : first + draw.randint(1, 64)]


def _twice(data: bytearray, draw: np.random.RandomState) -> None:
    first, size = draw.randint(len(data)), draw.randint(1, 300)
    data[first:first] = data[first : first + size]


def _swapped(data: bytearray, draw: np.random.RandomState) -> None:
    size = draw.randint(1, 64)
    a, b = (int(n) for n in draw.randint(max(1, len(data) - size), size=2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def _tail(data: bytearray, draw: np.random.RandomState) -> None:
    data += draw.bytes(draw.randint(1, 300))


def _head(data: bytearray, draw: np.random.RandomState) -> None:
    """Bytes near either end, where formats keep their lengths."""
    where = draw.randint(min(64, len(data)))
    data[where if draw.randint(2) else -1 - where] = draw.randint(256)


CHANGES = {
    'cut': _cut,
    'flip': _flip,
    'flips': _flips,
    'zeros': _zeros,
    'huge': _huge,
    'lost': _lost,
    'twice': _twice,
    'swapped': _swapped,
    'tail': _tail,
    'ends': _head,
}


def changed(kind: str, change: str, folder: Path, draw: np.random.RandomState) -> None:
    """Changes bytes of one of the files of a valid checkpoint in `folder`."""
    parts = FORMATS[kind].parts
    path = folder / parts[draw.randint(len(parts))]
    data = bytearray(path.read_bytes())
    CHANGES[change](data, draw)
    path.write_bytes(data)
