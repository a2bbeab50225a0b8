"""Torch's pickles, run by a small machine of our own that imports and calls nothing.

A torch file describes its tensors by a pickle, and a pickle is a program. The standard library's
own reader is not used, not even with restricted names: what it lets a pickle do with plain
containers alone (keys that hash for ever, one list copied a thousand times, attributes set on
functions) is enough to hang a process or to fill its memory. Here every operation makes plain
containers or stand-ins that record storages, shapes and strides, in memory and time in proportion
to the pickle; what a training framework keeps beside the weights becomes an object that does
nothing; every other name is refused.

Source: `torch/_utils.py` and `torch/serialization.py` of torch 2 (documented there only);
`pickletools` of the standard library for the operations.
"""

import fnmatch
import io
import pickletools
import warnings
from collections.abc import Callable, Sequence
from typing import IO, Any, NamedTuple, cast

import ml_dtypes
import numpy as np

from jaxprobe.core.errors import WeightsError

PICKLE_LIMIT = 16 << 20  # Bytes of the describing pickle; a large model's has under 1 MB.
LINE_LIMIT = 4096  # Bytes of the longest name it may hold.
OPERATIONS = 4 << 20  # A large model's has some hundred thousand.
ARGUMENTS = 64  # The most that anything is made of, and axes of a tensor.
LONGEST = 1 << 63  # Numbers from here on are keys of nobody.

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


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    """Records a tensor; whether it lies within its storage is the file's matter."""
    whole = isinstance(storage, Storage) and type(offset) is int
    for axes in (size, stride):
        whole = whole and isinstance(axes, tuple | list) and len(axes) <= ARGUMENTS
        whole = whole and all(type(n) is int and abs(n) < LONGEST for n in axes)
    if not whole:
        raise ValueError('a tensor whose storage, offset, size or strides are none')
    return Tensor(storage, offset, tuple(size), tuple(stride))


def _parameter(data: Any = None, *_: Any) -> Any:
    return data


def _device(*_: Any) -> str:
    return 'device'


def _size(axes: Any = ()) -> tuple[Any, ...]:
    if not isinstance(axes, tuple | list) or len(axes) > ARGUMENTS:
        raise ValueError('a torch.Size that is none')
    return tuple(axes)


# All that a pickle may name. Functions of ours stand in; nothing of theirs is imported.
_ALLOWED: dict[tuple[str, str], Any] = {
    ('collections', 'OrderedDict'): dict,
    ('torch', 'Size'): _size,
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

    __slots__ = ()  # A pickle makes one of them from a byte.

    def __init__(self, *made_of: Any):
        """Keeps what it is made of."""
        super().__init__(made_of)

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


def unpickle(view: memoryview) -> tuple[Any, int]:
    """Runs the pickle at the start of `view`.

    Returns:
        The object, tensors as `Tensor`, and how many bytes its pickle took.

    Raises:
        WeightsError: it names something that plain tensors do not need; all such names at once.
        ValueError, LookupError, TypeError: it is damaged, or asks for what is out of proportion.
    """
    view = view[:PICKLE_LIMIT]
    machine, end, fault = _Machine(len(view)), 0, None
    stream = cast('IO[bytes]', MemoryFile(view))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # Of damaged escapes; the damage itself is an error.
            operations = enumerate(pickletools.genops(stream))
            for count, (operation, argument, position) in operations:
                end = (position or 0) + 1  # Right for STOP, of one byte.
                if count > OPERATIONS:
                    raise ValueError(f'more than {OPERATIONS} operations')
                if fault is None:
                    fault = machine.attempt(operation.name, argument)
                elif operation.name in ('GLOBAL', 'INST'):  # The error is to list every name.
                    machine.resolve(*str(argument).partition(' ')[::2])
        if fault is None and (len(machine.stack) != 1 or machine.marks):
            fault = ValueError(f'it ends with {len(machine.stack)} objects')
    except ValueError as error:
        fault = error
    if machine.refused:
        raise _refused(machine.refused) from fault
    if fault is not None:
        raise fault
    return machine.stack[0], end


class _Machine:
    """A pickle's stack, marks and memo.

    Attributes:
        stack: what is there since the last mark.
        marks: the stacks below it.
        refused: names that were asked for and are on none of our lists.
    """

    def __init__(self, size: int):
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.refused: list[str] = []
        self._memo: dict[int, Any] = {}
        self._size, self._copied = size, 0

    def attempt(self, name: str, argument: Any) -> Exception | None:
        """Runs one operation of `pickletools`; returns what is wrong with it."""
        try:
            self._run(name, argument)
        except (ValueError, LookupError, TypeError) as error:
            return error
        return None

    def _run(self, name: str, argument: Any) -> None:
        if name in _PUSHED:
            self.stack.append(argument)
        elif name in _MADE:
            self.stack.append(_MADE[name]())
        elif name in _TAKES:
            taken = self._pop_mark() if _TAKES[name] < 0 else self._pop(_TAKES[name])
            self.stack.append(_MAKES.get(name, tuple)(taken))
        elif name.endswith('PUT') or name == 'MEMOIZE':
            index = len(self._memo) if name == 'MEMOIZE' else int(argument)
            if index > self._size:
                raise ValueError(f'memo index {index}')
            self._memo[index] = self.stack[-1]
        elif name.endswith('GET'):
            self.stack.append(self._memo[int(argument)])
        else:
            handle = _HANDLERS.get(name)
            if handle is None:
                raise ValueError(f'the operation {name}, which no checkpoint needs')
            handle(self, argument)

    def _pop(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise ValueError('an operation on an empty stack')
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def _pop_mark(self) -> list[Any]:
        taken, self.stack = self.stack, self.marks.pop()
        return taken

    def _pop_one(self) -> None:
        if self.stack or not self.marks:
            self._pop(1)
        else:
            self._pop_mark()

    def _mark(self, _: Any) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def resolve(self, module: Any, name: Any) -> Any:
        """What stands in for a name; noted where nothing does."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError('a name that is no text')
        found = _stand_in(module, name)
        if found is None:
            self.refused.append(f'{module}.{name}'[:200])
            return Bystander
        return found

    def _global(self, argument: str) -> None:
        module, _, name = argument.partition(' ')
        self.stack.append(self.resolve(module, name))

    def _stack_global(self, _: Any) -> None:
        self.stack.append(self.resolve(*self._pop(2)))

    def _inst(self, argument: str) -> None:
        made_of = self._pop_mark()
        self._global(argument)
        self._call(self.stack.pop(), made_of)

    def _obj(self, _: Any) -> None:
        kind, *made_of = self._pop_mark()
        self._call(kind, made_of)

    def _reduce(self, _: Any) -> None:
        self._call(*self._pop(2))

    def _newobj_ex(self, _: Any) -> None:
        kind, made_of, more = self._pop(3)
        if not isinstance(made_of, tuple) or not isinstance(more, dict):
            raise ValueError('an object made of what is no arguments')
        self._call(kind, (*made_of[: ARGUMENTS + 1], *list(more.values())[: ARGUMENTS + 1]))

    def _call(self, kind: Any, made_of: Any) -> None:
        if not isinstance(made_of, tuple | list) or len(made_of) > ARGUMENTS:
            raise ValueError('an object made of what is no arguments')
        if kind is dict:
            self.stack.append(self._ordered(*made_of))
        elif any(kind is known for known in _CALLED):
            self.stack.append(kind(*made_of))
        else:
            raise ValueError(f'a call of {type(kind).__name__}')

    def _ordered(self, pairs: Any = ()) -> dict[Any, Any]:
        """An ordered dict; Python 2 wrote its items as a list."""
        if not isinstance(pairs, list | tuple):
            raise ValueError('an ordered dict made of what is no list')
        self._copied += len(pairs)
        if self._copied > self._size:  # Each item takes bytes: one list was named again and again.
            raise ValueError('lists that are copied over and over')
        return {_key(key): value for key, value in pairs}

    def _build(self, _: Any) -> None:
        made, state = self._pop(2)
        if isinstance(made, Bystander):
            made.append(state)
        elif type(made) is not dict:  # A state dict's own state is its versions, not needed.
            raise ValueError(f'a state for {type(made).__name__}')
        self.stack.append(made)

    def _appends(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError('items for what is no list')
        self.stack[-1].extend(items)

    def _setitems(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Bystander):
            target.extend(flat)
        elif type(target) is dict:
            target.update(_dict(flat))
        else:
            raise ValueError('entries for what is no dict')

    def _persistent(self, _argument: Any) -> None:
        (pid,) = self._pop(1)
        if not isinstance(pid, tuple) or not 5 <= len(pid) <= 6:
            raise ValueError('a persistent object that is no storage')
        kind, storage_type, key, _, elements, *rest = pid
        known = isinstance(storage_type, StorageType) and type(key) is str
        offset = 0
        if rest and rest[0] is not None:
            known = known and isinstance(rest[0], tuple) and len(rest[0]) == 3
            offset = rest[0][1] if known else 0
        if kind != 'storage' or not known or type(elements) is not int or type(offset) is not int:
            raise ValueError('a persistent object that is no storage')
        self.stack.append(Storage(key, storage_type.dtype, elements, offset))

    def _frame(self, length: int) -> None:
        if length > self._size:
            raise ValueError(f'a frame of {length} bytes')


def _dict(flat: Sequence[Any]) -> dict[Any, Any]:
    if len(flat) % 2:
        raise ValueError('a key without its value')
    return {_key(k): v for k, v in zip(flat[::2], flat[1::2], strict=True)}


def _key(key: Any) -> Any:
    """A dict's key, if it hashes at once: tuples within tuples may take for ever."""
    flat = key if type(key) is tuple and len(key) <= ARGUMENTS else (key,)
    for part in flat:
        if type(part) is int and abs(part) >= LONGEST:  # Such collide as their maker wishes.
            raise ValueError('a key of more than 64 bits')
        plain = part is None or type(part) in (str, bytes, int, float, bool)
        if not plain and not isinstance(part, Bystander | StorageType) and not callable(part):
            raise ValueError(f'a key that is a {type(part).__name__}')
    return key


def _old_text(argument: str) -> str:
    """Text that Python 2 wrote as bytes."""
    return argument.encode('latin-1').decode()


_CALLED = (Bystander, _tensor, _parameter, _device, _size)
_NUMBERS = ('INT', 'BININT', 'BININT1', 'BININT2', 'LONG', 'LONG1', 'LONG4', 'FLOAT', 'BINFLOAT')
_TEXTS = ('UNICODE', 'SHORT_BINUNICODE', 'BINUNICODE', 'BINUNICODE8')
_PUSHED = {*_NUMBERS, *_TEXTS, 'BINBYTES', 'SHORT_BINBYTES', 'BINBYTES8', 'BYTEARRAY8'}
_MADE: dict[str, Callable[[], Any]] = {
    'NONE': lambda: None,
    'NEWTRUE': lambda: True,
    'NEWFALSE': lambda: False,
    'EMPTY_LIST': list,
    'EMPTY_DICT': dict,
    'EMPTY_TUPLE': tuple,
    'EMPTY_SET': Bystander,
}
# Operations that take so many objects from the stack (-1: all since the mark) and make one.
_TAKES = {'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3, 'TUPLE': -1, 'LIST': -1, 'DICT': -1}
_TAKES['FROZENSET'] = -1
_MAKES: dict[str, Callable[[Any], Any]] = {'DICT': _dict, 'LIST': list, 'FROZENSET': Bystander}
_HANDLERS: dict[str, Callable[[_Machine, Any], None]] = {
    'MARK': _Machine._mark,
    'POP': lambda machine, _: machine._pop_one(),
    'POP_MARK': lambda machine, _: machine._pop_mark().clear(),
    'DUP': lambda machine, _: machine.stack.append(machine.stack[-1]),
    'PROTO': lambda machine, argument: None,
    'FRAME': _Machine._frame,
    'STOP': lambda machine, _: None,
    'STRING': lambda machine, argument: machine.stack.append(argument),
    'BINSTRING': lambda machine, argument: machine.stack.append(_old_text(argument)),
    'SHORT_BINSTRING': lambda machine, argument: machine.stack.append(_old_text(argument)),
    'GLOBAL': _Machine._global,
    'STACK_GLOBAL': _Machine._stack_global,
    'INST': _Machine._inst,
    'OBJ': _Machine._obj,
    'REDUCE': _Machine._reduce,
    'NEWOBJ': _Machine._reduce,
    'NEWOBJ_EX': _Machine._newobj_ex,
    'BUILD': _Machine._build,
    'APPEND': lambda machine, _: machine._appends(machine._pop(1)),
    'APPENDS': lambda machine, _: machine._appends(machine._pop_mark()),
    'ADDITEMS': lambda machine, _: machine._appends(machine._pop_mark()),
    'SETITEM': lambda machine, _: machine._setitems(machine._pop(2)),
    'SETITEMS': lambda machine, _: machine._setitems(machine._pop_mark()),
    'BINPERSID': _Machine._persistent,
}


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
        elif node and isinstance(node, dict | list | tuple) and id(node) not in seen:
            seen.add(id(node))
            todo.extend(node.values() if isinstance(node, dict) else node)
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
