"""Torch's pickles, read as data before they are run, and run without importing what they name.

A torch file describes its tensors by a pickle, and a pickle is a program. Here its operations are
read first: every name it would import must be on the short lists below, and every argument must fit
what is there. Only then is it run, with stand-ins that record storages, shapes and strides; what a
training framework keeps beside the weights becomes an object that does nothing.

Source: `torch/_utils.py` and `torch/serialization.py` of torch 2 (documented there only);
`pickletools` of the standard library for the operations.
"""

import collections
import fnmatch
import io
import pickle
import pickletools
import warnings
from collections.abc import Mapping
from typing import IO, Any, NamedTuple, cast

import ml_dtypes
import numpy as np

from jaxprobe.core.errors import WeightsError

PICKLE_LIMIT = 16 << 20  # Bytes of the describing pickle; a large model's has under 1 MB.
LINE_LIMIT = 4096  # Bytes of the longest name it may hold.

_DTYPES: dict[str, Any] = {
    'Double': np.float64,
    'Float': np.float32,
    'Half': np.float16,
    'BFloat16': ml_dtypes.bfloat16,
    'Long': np.int64,
    'Int': np.int32,
    'Short': np.int16,
    'Char': np.int8,
    'Byte': np.uint8,
    'Bool': np.bool_,
    'ComplexFloat': np.complex64,
    'ComplexDouble': np.complex128,
}


class StorageType(NamedTuple):
    """Stands in for `torch.FloatStorage` and its like."""

    dtype: np.dtype


class Storage(NamedTuple):
    """A run of numbers that tensors share; its bytes lie elsewhere in the file."""

    key: str
    dtype: np.dtype
    elements: int
    offset: int = 0  # In elements; a legacy file may share a larger storage.


class Tensor(NamedTuple):
    """A tensor as the pickle describes it, before its bytes are looked up."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(storage: Storage, offset: int, size: Any, stride: Any, *_: Any) -> Tensor:
    return Tensor(storage, offset, tuple(size), tuple(stride))


def _parameter(data: Any, *_: Any) -> Any:
    return data


def _device(*_: Any) -> str:
    return 'device'


# All that a pickle may name. Functions of ours stand in; nothing of theirs is imported.
_ALLOWED: dict[tuple[str, str], Any] = {
    ('collections', 'OrderedDict'): collections.OrderedDict,
    ('torch', 'Size'): tuple,
    ('torch', 'device'): _device,
    ('torch._utils', '_rebuild_tensor'): _tensor,
    ('torch._utils', '_rebuild_tensor_v2'): _tensor,
    ('torch._utils', '_rebuild_parameter'): _parameter,
    ('torch._utils', '_rebuild_parameter_with_state'): _parameter,
    **{
        (module, f'{name}Storage'): StorageType(np.dtype(dtype))
        for module in ('torch', 'torch.cuda')
        for name, dtype in _DTYPES.items()
    },
    **{('torch', name): name for name in ('float64', 'float32', 'float16', 'bfloat16', 'int64')},
}


class Bystander(list):
    """Stands in for what a training framework keeps beside the weights; it does nothing.

    Whatever an object of theirs is made of is kept here as items, never interpreted, so that the
    storages of tensors among it are still found (`storages`).
    """

    def __new__(cls, *made_of: Any):  # Pickles make objects with `__init__` and without.
        made = super().__new__(cls)
        made.extend(made_of)
        return made

    def __init__(self, *_: Any):
        """Does nothing: `__new__` has kept the arguments."""

    def __setstate__(self, state: Any) -> None:
        self.append(state)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.extend((key, value))

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return id(self)  # An enumeration's value may be a key.


# Modules and names whose objects Lightning, argparse and numpy leave in a checkpoint.
_BESIDE = (
    'pytorch_lightning.*',
    'lightning.*',
    'lightning_fabric.*',
    'argparse.Namespace',
    'pathlib.*Path',
    'numpy.dtype',
    'numpy.ndarray',
    'numpy.core.multiarray.scalar',
    'numpy.core.multiarray._reconstruct',
    'numpy._core.multiarray.scalar',
    'numpy._core.multiarray._reconstruct',
    '_codecs.encode',
)


def _stand_in(module: str, name: str) -> Any:
    """What takes the place of a name, or None where it is refused."""
    if (module, name) in _ALLOWED:
        return _ALLOWED[module, name]
    if any(fnmatch.fnmatchcase(f'{module}.{name}', pattern) for pattern in _BESIDE):
        return Bystander
    return None


class _Unpickler(pickle.Unpickler):
    """Runs a checked pickle; names resolve to our stand-ins alone, or to nothing."""

    def find_class(self, module: str, name: str) -> Any:
        found = _stand_in(module, name)
        if found is None:
            raise _refused([f'{module}.{name}'])
        return found

    def persistent_load(self, pid: Any) -> Storage:
        kind, storage_type, key, _, elements, *rest = pid
        if kind != 'storage' or not isinstance(storage_type, StorageType) or type(key) is not str:
            raise ValueError('a persistent object that is no storage')
        offset = rest[0][1] if rest and rest[0] is not None else 0
        return Storage(key, storage_type.dtype, elements, offset)


def unpickle(view: memoryview) -> tuple[Any, int]:
    """Checks the pickle at the start of `view`, then runs it.

    Returns:
        The object, tensors as `Tensor`, and how many bytes its pickle took.

    Raises:
        WeightsError: it names something that plain tensors do not need; nothing was run.
        Exception: what the standard library raises of a damaged pickle.
    """
    end = _checked(view[:PICKLE_LIMIT])
    return _Unpickler(MemoryFile(view[:end]), encoding='utf-8').load(), end


def _checked(view: memoryview) -> int:
    """Reads a pickle as data.

    Returns:
        Its length in bytes.

    Raises:
        WeightsError: it names what `_stand_in` refuses; all such names at once.
        ValueError: an operation is unknown, cut short, or asks for memory out of proportion.
    """
    refused, end = [], 0
    stream = cast('IO[bytes]', MemoryFile(view))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # Of damaged escapes; the damage itself is an error.
        for operation, argument, position in pickletools.genops(stream):
            end = (position or 0) + 1  # Right for STOP, the last, which takes one byte.
            if operation.name in ('GLOBAL', 'INST'):
                module, _, name = str(argument).partition(' ')
                refused += [] if _stand_in(module, name) else [f'{module}.{name}']
            if operation.name.endswith('PUT') and int(str(argument)) > len(view):
                raise ValueError(f'memo index {argument}')  # As many would be allocated.
    if refused:
        raise _refused(refused)
    return end


def _refused(names: list[str]) -> WeightsError:
    listed = ', '.join(sorted(set(names))[:10])
    return WeightsError(
        f'asks to import {listed}, which plain tensors do not need; a pickle that does can run '
        f'any code, so it is not opened. If you trust the file, save its tensors alone: '
        f'`torch.save(model.state_dict(), PATH)` or safetensors.'
    )


def storages(found: Any) -> list[Storage]:
    """Every storage below an unpickled object, without recursion."""
    todo, storages, seen = [found], [], set()
    while todo:
        node = todo.pop()
        if isinstance(node, Storage | Tensor):
            storages.append(node if isinstance(node, Storage) else node.storage)
        elif isinstance(node, Mapping | list | tuple) and id(node) not in seen:
            seen.add(id(node))
            todo.extend(node.values() if isinstance(node, Mapping) else node)
    return storages


class MemoryFile:
    """A mapped file as a stream. Reads never allocate more than is there, unlike `io`'s own."""

    def __init__(self, view: memoryview):
        self._view, self._position = view, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._view)}
        self._position = max(0, base[whence] + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        end = len(self._view) if size is None or size < 0 else self._position + size
        data = bytes(self._view[self._position : end])
        self._position += len(data)
        return data

    def readline(self) -> bytes:
        ahead = bytes(self._view[self._position : self._position + LINE_LIMIT])
        return self.read(ahead.find(b'\n') + 1 or len(ahead))
