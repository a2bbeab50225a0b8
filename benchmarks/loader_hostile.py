"""Checkpoints that are made to hurt: what `benchmarks.loaders` tries besides changed bytes.

Each takes the folder of a valid checkpoint and replaces its file. Nothing here is dangerous to
write; run by an honest `pickle.load` the pickles would make a file named CANARY in the folder that
`os.environ['JAXPROBE_CANARY']` names.
"""

import functools
import gzip
import io
import json
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import loader_cases as cases
from benchmarks.loader_cases import (
    ANY,
    BIG,
    DATA,
    EITHER,
    INSIDE,
    PACKAGE,
    REFUSED,
    SAME,
    TENSORS,
    Made,
    described,
    named,
    number,
    pair,
    safetensors,
    tensor,
    text,
    torch_legacy,
    torch_zip,
)
from jaxprobe.encoders.loading.crc32c import crc32c, masked
from tests.encoders.loading import graph_writer, tf_v1_writer, tf_writer
from tests.encoders.loading.tf_writer import field, fixed32, varint

DEEP = 100_000
SHELL = 'touch "$JAXPROBE_CANARY/CANARY"'
BIAS_SUM = masked(crc32c(TENSORS['conv.bias'].tobytes()))
PYTHON = 'open(__import__("os").environ["JAXPROBE_CANARY"] + "/CANARY", "w")'


def _file(name: str, data: Callable[[], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(data())

    return spoil


def _linked(name: str, target: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        if target == 'itself moved':
            (folder / name).rename(folder / 'elsewhere')
        else:
            (folder / name).unlink()
        (folder / name).symlink_to(folder / 'elsewhere' if target == 'itself moved' else target)

    return spoil


def _pipe(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return spoil


def _folder(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return spoil


# Safetensors.


def _entry(name: str, **changes: Any) -> Callable[[Path], None]:
    """The tensor `name` is described otherwise."""
    return _file(
        'm.safetensors', lambda: safetensors(lambda entries: entries[name].update(changes))
    )


def _header(data: bytes) -> Callable[[Path], None]:
    return _file('m.safetensors', lambda: safetensors(data))


def _head_length(length: int) -> Callable[[Path], None]:
    return _file('m.safetensors', lambda: safetensors(length=length))


def _renamed(to: str) -> Callable[[Path], None]:
    def header(entries: dict[str, Any]) -> None:
        entries[to] = entries.pop('step')

    return _file('m.safetensors', lambda: safetensors(header))


def _doubled() -> bytes:
    head = safetensors()
    (length,) = struct.unpack('<Q', head[:8])
    body = head[8 : 8 + length].decode()
    again = '"conv.bias": {"dtype": "F32", "shape": [8], "data_offsets": [400, 432]}'
    return safetensors((body[:-1] + ', ' + again + '}').encode())


def safetensors_cases() -> dict[str, Made]:
    """Headers that lie."""
    bias, step = {'name': 'conv.bias'}, {'name': 'step'}
    lies = {
        'header of 2^40': _head_length(1 << 40),
        'header of 2^63': _head_length((1 << 63) + 1),
        'header of 0': _head_length(0),
        'header of 1': _head_length(1),
        'JSON nested deep': _header(b'{"a":' * DEEP),
        'lists nested deep': _header(b'{"a":' + b'[' * DEEP + b']' * DEEP + b'}'),
        'JSON of a million': _header(b'{"__metadata__":[' + b'{},' * 300_000 + b'{}]}'),
        'JSON of numbers': _header(b'{"a":' + b'9' * 1_000_000 + b'}'),
        'a name twice': _file('m.safetensors', _doubled),
        'overlap': _entry('conv.bias', data_offsets=[0, 32]),
        'hole': _file('m.safetensors', lambda: safetensors(lambda e: e.pop('conv.bias'))),
        'wider dtype': _entry(**bias, dtype='F64'),
        'unknown dtype': _entry(**bias, dtype='F3'),
        'dtype a list': _entry(**bias, dtype=['F32']),
        '2^60 elements': _entry(**bias, shape=[1 << 60]),
        '2^60 times 0': _entry(**bias, shape=[1 << 60, 0]),
        '2^80 times 0': _entry(**bias, shape=[1 << 80, 0], data_offsets=[384, 384]),
        'wraps to 8': _entry(**bias, shape=[1 << 33, (1 << 31), 8]),
        'hundred axes': _entry(**bias, shape=[1] * 99 + [8]),
        'a hundred thousand axes': _entry(**bias, shape=[1 << 62] * DEEP),
        'negative': _entry(**bias, shape=[-8]),
        'twice negative': _entry(**bias, shape=[-4, -2]),
        'fraction': _entry(**bias, shape=[8.0]),
        'truth value': _entry(**bias, shape=[True, 8]),
        'offsets reversed': _entry(**bias, data_offsets=[416, 384]),
        'offsets beyond': _entry(**bias, data_offsets=[1 << 62, (1 << 62) + 32]),
        'offsets negative': _entry(**bias, data_offsets=[-32, 0]),
        'offsets as text': _entry(**bias, data_offsets='ab'),
        'no shape': _file('m.safetensors', lambda: safetensors(lambda e: e['step'].pop('shape'))),
        'half a surrogate': _renamed('\ud800'),
        'UTF-16': _header(json.dumps({}).encode('utf-16')),
        'link to nothing': _linked('m.safetensors', '/nowhere/at/all'),
        'link to zeros': _linked('m.safetensors', '/dev/zero'),
        'link in a circle': _linked('m.safetensors', 'm.safetensors'),
        'pipe': _pipe('m.safetensors'),
        'folder': _folder('m.safetensors'),
        'web page': _file('m.safetensors', lambda: b'<!DOCTYPE html>' + bytes(500)),
        'LFS pointer': _file('m.safetensors', lambda: b'version https://git-lfs.github.com/'),
        'empty': _file('m.safetensors', lambda: b''),
    }
    made = {name: Made(REFUSED, spoil) for name, spoil in lies.items()}
    made['link'] = Made(SAME, _linked('m.safetensors', 'itself moved'))
    made['dtype of the same width'] = Made(ANY, _entry(**bias, dtype='I32'))
    made['shape of the same size'] = Made(ANY, _entry(**step, shape=[2, 1]))
    made['metadata of anything'] = Made(
        EITHER, _file('m.safetensors', lambda: safetensors(lambda e: e.update(__metadata__=[1])))
    )
    made['a name of a megabyte'] = Made(ANY, _renamed('n' * 1_000_000))
    return made


# Pickles: operations that leave one object.

CALL_SHELL = b'(' + text(SHELL) + b'tR'


def _on_stack(module: str, name: str) -> bytes:
    """STACK_GLOBAL: the name comes from strings."""
    return (
        b'\x8c'
        + bytes([len(module)])
        + module.encode()
        + (b'\x8c' + bytes([len(name)]) + name.encode() + b'\x93')
    )


def calls() -> dict[str, bytes]:
    """Pickles that would run something."""
    code = pair(text(PYTHON))
    return {
        'os.system': named('os', 'system') + CALL_SHELL,
        'posix.system': named('posix', 'system') + CALL_SHELL,
        'os.popen': named('os', 'popen') + CALL_SHELL,
        'subprocess.Popen': named('subprocess', 'Popen')
        + pair(pair(text('sh'), text('-c'), text(SHELL)))
        + b'R',
        'builtins.eval': named('builtins', 'eval') + code + b'R',
        'builtins.exec': named('builtins', 'exec') + code + b'R',
        'Python 2 eval': named('__builtin__', 'eval') + code + b'R',
        'getattr': named('builtins', 'getattr') + pair(named('os', 'path'), text('x')) + b'R',
        'on the stack': _on_stack('os', 'system') + CALL_SHELL,
        'on the stack, dotted': _on_stack('torch._utils', '_rebuild_tensor_v2.__globals__'),
        'on the stack, from a memo': text('os')
        + b'q\x00'
        + text('system')
        + b'q\x01\x93'
        + CALL_SHELL,
        'INST': b'(' + text(SHELL) + b'ios\nsystem\n',
        'OBJ': b'(' + named('os', 'system') + text(SHELL) + b'o',
        'NEWOBJ': named('subprocess', 'Popen') + pair(text(SHELL)) + b'\x81',
        'NEWOBJ_EX': named('subprocess', 'Popen') + pair(text(SHELL)) + b'}\x92',
        'BUILD': named('types', 'SimpleNamespace') + b')R}' + text('a') + text('b') + b'sb',
        'torch.load': named('torch.serialization', 'load') + pair(text('/dev/zero')) + b'R',
        'torch.hub': named('torch.hub', 'load') + pair(text('a/b'), text('c')) + b'R',
        'torch.jit': named('torch.jit', 'load') + pair(text('/dev/zero')) + b'R',
        'storage from bytes': named('torch.storage', '_load_from_bytes') + pair(b'C\x01x') + b'R',
        'rebuild by name': named('torch._utils', '_rebuild_wrapper_subclass') + b')R',
        'fromkeys': named('collections', 'OrderedDict.fromkeys') + b')R',
        'partial': named('functools', 'partial') + pair(named('os', 'system')) + b'R',
        'a class of their own': named('__main__', 'Model') + b')R',
        'ours': named('jaxprobe.core.fs', 'sweep') + CALL_SHELL,
        'extension': b'\x82\x01',
        'import of a module': named('antigravity', 'x'),
        'under a known module': named('collections', '_sys.modules'),
        'lines in a name': b'\x8c\x0bos\nsystem\nx\x8c\x01y\x93',
    }


def poisons() -> dict[str, bytes]:
    """Pickles that would change what stands in for torch's own functions."""
    state = b'(N}' + text('__defaults__') + pair(b'N') + b'st'
    return {
        'defaults of a stand-in': named('torch._utils', '_rebuild_tensor_v2') + state + b'b',
        'attributes of a stand-in': named('torch._utils', '_rebuild_parameter')
        + b'}'
        + text('poison')
        + b'Nsb',
        'attributes of a class': named('collections', 'OrderedDict') + state + b'b',
        'a method replaced': named('collections', 'OrderedDict')
        + b')R}'
        + text('items')
        + named('torch', 'Size')
        + b'sb',
    }


def bombs() -> dict[str, bytes]:
    """Small pickles that would take memory or time without end."""
    lists = b']' + b'q\x00'
    for level in range(60):
        lists += b'0](' + bytes([ord('h'), level]) * 10 + b'e' + bytes([ord('q'), level + 1])
    tuples = b')' + b'q\x00'
    for level in range(60):
        tuples += b'0' + bytes([ord('h'), level]) * 2 + b'\x86' + bytes([ord('q'), level + 1])
    long = text('x' * 100_000) + b'q\xfa0'
    many = 20_000
    floods = b''.join(
        b'\x8a\x10' + (k * ((1 << 61) - 1)).to_bytes(16, 'little') + b'N' for k in range(1, 40_000)
    )
    keys = b''.join(b'J' + struct.pack('<i', k) + b'N' for k in range(5_000))
    state = b'}(' + b''.join(text(f'a{k}') + b'N' for k in range(5_000)) + b'u'
    wide = b'(' + b'N' * 50_000 + b't'
    pairs = b'](' + b''.join(pair(number(k), b'N') for k in range(5_000)) + b'e'
    ordered = named('collections', 'OrderedDict')
    beside = named('argparse', 'Namespace')
    return {
        'memo of 2^32': b'Nr\xff\xff\xff\xff',
        'memo of 2^31, as text': b'Np2147483647\n',
        'memo of nothing': b'h\xff',
        'lists of lists': b']' * DEEP + b'a' * (DEEP - 1),
        'tuples in tuples': b')' + b'\x85' * DEEP,
        'dicts in dicts': b'}N' * 50_000 + b'N' + b's' * 50_000,
        'a billion laughs': lists,
        'a tuple that hashes for ever': b'}' + tuples + b'Ns',
        'a tuple that hashes for ever, in a set': b'\x8f(' + tuples + b'\x90',
        'a tuple that prints for ever': tensor(
            text('1'), 'float32', tuples, pair(number(1)), 8, False
        ),
        'a size made of a text': long
        + b']('
        + (named('torch', 'Size') + b'h\xfa\x85R') * 2_000
        + b'e',
        'a class made of many': wide + b'q\xfa0](' + (beside + b'h\xfaR') * 2_000 + b'e',
        'dicts made of one list': pairs + b'q\xfa0](' + (ordered + b'h\xfa\x85R') * 2_000 + b'e',
        'state copied': state + b'q\xfa0](' + (ordered + b')Rh\xfab') * 2_000 + b'e',
        'keys that collide': b'}(' + floods + b'u',
        'keys': b'}(' + keys + b'u',
        'storages named by a long tuple': wide + b'q\xfa0](' + b'h\xfaQ' * many + b'e',
        'LONG4 of 2^31': b'\x8b\xff\xff\xff\x7f',
        'LONG4 negative': b'\x8b\xff\xff\xff\xff',
        'a number of a megabyte': b'\x8b' + struct.pack('<i', 1 << 20) + b'\x7f' * (1 << 20),
        'a number as text': b'I' + b'9' * 4_000 + b'\n',
        'a longer number as text': b'L' + b'9' * 200_000 + b'L\n',
        'BINUNICODE of 2^32': b'X\xff\xff\xff\xffabc',
        'BINUNICODE8 of 2^62': b'\x8d' + struct.pack('<Q', 1 << 62) + b'abc',
        'BINBYTES8 of 2^40': b'\x8e' + struct.pack('<Q', 1 << 40),
        'BYTEARRAY8 of 2^40': b'\x96' + struct.pack('<Q', 1 << 40),
        'FRAME of 2^60': b'\x95' + struct.pack('<Q', 1 << 60) + b'N',
        'sets': b'](' + b'\x8f' * 400_000 + b'e',
        'ordered dicts': ordered + b'q\xfa0](' + b'h\xfa)R' * 100_000 + b'e',
        'a buffer outside': b'\x97',
        'a text as storage': b'Pstorage\n',
        'nothing on the stack': b'00000',
        'a mark without end': b'((((',
        'tuple of nothing': b'\x87',
        'unknown operation': b'\xff',
        'protocol 200': b'\x80\xc8N',
        'not UTF-8': b'X\x02\x00\x00\x00\xff\xfe',
        'no STOP': b'N' * 100,
        'a key that is a list': b'}]Ns',
        'append to nothing': b'NNa',
    }


def geometries(legacy: bool) -> dict[str, tuple[str, bytes]]:
    """Tensors that are not where they say: (expected, operations)."""
    one, big = pair(number(1)), number(1 << 60)
    key = text('1')

    def of(shape: bytes, strides: bytes, **more: Any) -> bytes:
        return tensor(more.pop('key', key), 'float32', shape, strides, 8, legacy, **more)

    return {
        '2^60 elements': (REFUSED, of(pair(big), one)),
        '2^60 by stride 0': (REFUSED, of(pair(big), pair(number(0)))),
        '2^60 times 0': (ANY, of(pair(big, number(0)), pair(number(1), number(1)))),
        'wraps': (REFUSED, of(pair(number(1 << 33), number(1 << 31)), pair(number(0), number(0)))),
        'negative stride': (REFUSED, of(pair(number(2)), pair(number(-1)))),
        'negative size': (REFUSED, of(pair(number(-8)), one)),
        'offset 2^62': (REFUSED, of(pair(number(8)), one, offset=number(1 << 62))),
        'offset -1': (REFUSED, of(pair(number(8)), one, offset=number(-1))),
        'offset a text': (REFUSED, of(pair(number(8)), one, offset=text('a'))),
        'one beyond': (REFUSED, of(pair(number(9)), one)),
        'size a text': (REFUSED, of(pair(text('8')), one)),
        'size a number': (REFUSED, of(number(8), one)),
        'hundred axes': (REFUSED, of(pair(*[number(1)] * 100), pair(*[number(1)] * 100))),
        'many axes': (REFUSED, of(pair(*[big] * 30_000), pair(*[big] * 30_000))),
        'storage of another': (REFUSED, of(pair(number(8)), one, key=text('9'))),
        'storage outside': (REFUSED, of(pair(number(8)), one, key=text('../../etc/passwd'))),
        'storage by number': (REFUSED, of(pair(number(8)), one, key=number(1))),
        'wider dtype': (
            REFUSED,
            tensor(key, 'float64', pair(number(8)), one, 8, legacy),
        ),
        'overlapping strides': (ANY, of(pair(number(4), number(4)), pair(number(1), number(1)))),
    }


def _views(legacy: bool) -> bytes:
    """A thousand tensors, each a thousand numbers made from one."""
    size, stride = pair(number(2_000)), pair(number(0))
    many = b''.join(
        text(f'v{k}') + tensor(text('1'), 'float32', size, stride, 8, legacy) for k in range(3_000)
    )
    return b'\x80\x02}(' + many + b'u.'


def pickle_cases(legacy: bool) -> dict[str, Made]:
    """Everything above, within one of the two formats."""
    name, wrap = ('m.pth', torch_legacy) if legacy else ('m.pt', torch_zip)

    def made(expected: str, pickled: Callable[[], bytes]) -> Made:
        return Made(expected, _file(name, lambda: wrap(pickled())))

    found = {
        f'calls {k}': made(REFUSED, lambda v=v: described(legacy, v)) for k, v in calls().items()
    }
    found |= {
        f'poison: {k}': made(EITHER, lambda v=v: described(legacy, v)) for k, v in poisons().items()
    }
    found |= {
        f'bomb: {k}': made(EITHER, lambda v=v: described(legacy, v)) for k, v in bombs().items()
    }
    found |= {
        f'geometry: {k}': made(e, lambda v=v: described(legacy, own={'conv.bias': v}))
        for k, (e, v) in geometries(legacy).items()
    }
    ended = b'\x80\x02}' + text('state_dict') + named('os', 'system') + CALL_SHELL + b's.'
    circle = b'\x80\x02}q\x00' + text('state_dict') + b'h\x00s.'
    found['calls os.system, as the state dict'] = made(REFUSED, lambda: ended)
    found['a state dict within itself'] = made(REFUSED, lambda: circle)
    found['views larger than the file'] = made(REFUSED, lambda: _views(legacy))
    found['a name of a megabyte, no tensor'] = made(
        REFUSED, lambda: b'\x80\x02}' + text('k' * 1_000_000) + b'Ns.'
    )
    found['harmless: what Lightning keeps'] = made(
        SAME, lambda: described(legacy, named('pytorch_lightning.callbacks', 'Checkpoint') + b')R')
    )
    return found


def legacy_cases() -> dict[str, Made]:
    """What only the legacy layout has."""
    good = described(legacy=True)

    def made(**how: Any) -> Made:
        return Made(REFUSED, _file('m.pth', lambda: torch_legacy(good, **how)))

    tuples = bombs()['a tuple that hashes for ever'][1:-2]
    return {
        'a storage of 2^62': made(elements=1 << 62),
        'a storage of -1': made(elements=-1),
        'a storage of one more': made(elements=97),
        'keys that hash for ever': made(keys=b'\x80\x02](' + tuples + b'e.'),
        'keys that call': made(keys=b'\x80\x02' + named('os', 'system') + CALL_SHELL + b'.'),
        'keys by number': made(keys=b'\x80\x02](K\x00K\x01K\x02K\x03e.'),
        'a key twice': made(keys=b'\x80\x02](' + text('0') * 4 + b'e.'),
        'keys of a dict': made(keys=b'\x80\x02}.'),
        'a tail': Made(EITHER, _file('m.pth', lambda: torch_legacy(good) + bytes(500))),
        'pipe': Made(REFUSED, _pipe('m.pth')),
    }


# Zips.


def _deflated(
    name: str, members: dict[str, Any], method: int = zipfile.ZIP_DEFLATED
) -> Callable[[Path], None]:
    """A zip of members; a callable gives the bytes, a number that many zeros."""

    def spoil(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, 'w', method, compresslevel=1) as archive:
            for member, data in members.items():
                with archive.open(member, 'w', force_zip64=True) as file:
                    if isinstance(data, int):
                        for _ in range(data >> 20):
                            file.write(bytes(1 << 20))
                    else:
                        file.write(data())

    return spoil


def _patched(name: str, change: Callable[[bytearray], None]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        change(data)
        (folder / name).write_bytes(data)

    return spoil


def _directory(at: int, value: bytes, every: bool = True) -> Callable[[bytearray], None]:
    """Sets bytes of entries of the central directory."""

    def change(data: bytearray) -> None:
        first = data.find(b'PK\x01\x02')
        while first >= 0:
            data[first + at : first + at + len(value)] = value
            first = data.find(b'PK\x01\x02', first + 4) if every else -1

    return change


def _end(at: int, value: bytes) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        first = data.rfind(b'PK\x05\x06')
        data[first + at : first + at + len(value)] = value

    return change


def zip_lies(name: str) -> dict[str, Made]:
    """What may be wrong with any zip."""
    huge = struct.pack('<I', 0xFFFFFFFE)
    lies = {
        'encrypted by its flags': _directory(8, b'\x01\x00'),
        'compressed by LZMA': _directory(10, b'\x0e\x00'),
        'compressed by an unknown way': _directory(10, b'\x63\x00'),
        'sizes of 4 GB': _directory(20, huge * 2),
        'unpacked sizes of 4 GB': _directory(24, huge),
        'needs version 9.9': _directory(6, b'\x63\x00'),
        'members lie elsewhere': _directory(42, struct.pack('<I', 7)),
        'a directory of 4 GB': _end(12, huge),
        'a directory at 4 GB': _end(16, huge),
        'no entries': _end(8, bytes(4)),
        'on another disk': _end(4, b'\x07\x00\x07\x00'),
    }
    made = {f'zip: {k}': Made(EITHER, _patched(name, change)) for k, change in lies.items()}
    made['zip: members are links'] = Made(
        EITHER, _patched(name, _directory(38, struct.pack('<I', 0o120777 << 16)))
    )
    return made


def _overlapping() -> bytes:
    """A torch zip whose directory names ten thousand storages in the same megabyte."""
    size = 1 << 20
    head = struct.pack('<4sHHHHHIIIHH', b'PK\x03\x04', 20, 0, 0, 0, 0, 0, size, size, 1, 0) + b'd'
    pickled = b'\x80\x02}(' + b''.join(
        text(f't{k}') + tensor(text(str(k)), 'float32', pair(number(1)), pair(number(1)), 1, False)
        for k in range(10_000)
    )
    pickled += b'u.'
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, 'w') as archive:
        archive.writestr('m/data.pkl', pickled)
    data = bytearray(memory.getvalue())
    first = data.find(b'PK\x01\x02')
    end = data.rfind(b'PK\x05\x06')
    front, own = data[:first], data[first:end]
    at = len(front)
    body = front + head + bytes(size)
    crc = zlib.crc32(bytes(size))
    entries = bytes(own)
    for k in range(10_000):
        name = f'm/data/{k}'.encode()
        entries += struct.pack(
            '<4sHHHHHHIIIHHHHHII',
            *(b'PK\x01\x02', 20, 20, 0, 0, 0, 0, crc, size, size, len(name), 0, 0, 0, 0, 0, at),
        )
        entries += name
    tail = struct.pack(
        '<4sHHHHIIH', b'PK\x05\x06', 0, 0, 10_001, 10_001, len(entries), len(body), 0
    )
    return bytes(body) + entries + tail


def torch_zip_cases() -> dict[str, Made]:
    """What only the zip layout has."""
    good = described(legacy=False)

    def made(expected: str, change: Callable[[zipfile.ZipFile], None]) -> Made:
        return Made(expected, _file('m.pt', lambda: torch_zip(good, change)))

    other = np.zeros(8, np.float32).tobytes()
    inside = {f'm/data/{i}': lambda i=i: list(TENSORS.values())[i].tobytes() for i in range(4)}
    return {
        'a storage twice': made(REFUSED, lambda a: a.writestr('m/data/1', other)),
        'data.pkl twice': made(REFUSED, lambda a: a.writestr('m/data.pkl', good)),
        'data.pkl elsewhere': made(REFUSED, lambda a: a.writestr('n/data.pkl', good)),
        'byte order big': made(REFUSED, lambda a: a.writestr('m/byteorder', 'big')),
        'names that lead out': made(EITHER, lambda a: a.writestr('../../CANARY', other)),
        'absolute names': made(EITHER, lambda a: a.writestr('/tmp/CANARY', other)),
        'a byte order of 200 MB': Made(
            REFUSED, _deflated('m.pt', {'m/data.pkl': lambda: good, 'm/byteorder': BIG})
        ),
        'a pickle of 200 MB': Made(REFUSED, _deflated('m.pt', {'m/data.pkl': BIG, **inside})),
        'a storage of 200 MB': Made(
            REFUSED,
            _deflated('m.pt', {'m/data.pkl': lambda: good, **inside, 'm/data/0': BIG}),
        ),
        'members over one another': Made(REFUSED, _file('m.pt', _overlapping)),
        **zip_lies('m.pt'),
    }


def release_cases() -> dict[str, Made]:
    """CLMR's release: a checkpoint within a zip."""
    good = lambda: torch_zip(described(legacy=False))  # noqa: E731 (bytes made when written)
    evil = lambda: torch_zip(described(False, calls()['os.system']))  # noqa: E731
    return {
        'member of 200 MB': Made(REFUSED, _deflated('release.zip', {'clmr.pt': BIG})),
        'names that lead out': Made(SAME, _deflated('release.zip', {'../../../clmr.pt': good})),
        'absolute names': Made(SAME, _deflated('release.zip', {'/tmp/clmr_x.pt': good})),
        'a name of 300 letters': Made(
            EITHER, _deflated('release.zip', {f'clmr{"x" * 300}.pt': good})
        ),
        'a name of a folder': Made(REFUSED, _deflated('release.zip', {'clmr.pt/': lambda: b''})),
        'a name with control letters': Made(
            EITHER, _deflated('release.zip', {'clmr\x1b[2J\n.pt': good})
        ),
        'two of them': Made(REFUSED, _deflated('release.zip', {'clmr.pt': good, 'clmr2.pt': good})),
        'none': Made(REFUSED, _deflated('release.zip', {'README': lambda: b'x'})),
        'a pickle that calls': Made(REFUSED, _deflated('release.zip', {'clmr.pt': evil})),
        'LZMA': Made(EITHER, _deflated('release.zip', {'clmr.pt': good}, zipfile.ZIP_LZMA)),
        'bzip2': Made(EITHER, _deflated('release.zip', {'clmr.pt': good}, zipfile.ZIP_BZIP2)),
        'bzip2 of 200 MB': Made(
            REFUSED, _deflated('release.zip', {'clmr.pt': BIG // 4}, zipfile.ZIP_BZIP2)
        ),
        'a zip in a zip': Made(REFUSED, _deflated('release.zip', {'clmr.pt': _nested})),
        **zip_lies('release.zip'),
    }


def _nested() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, 'w') as archive:
        archive.writestr('clmr.pt', b'PK\x03\x04')
    return memory.getvalue()


# TensorFlow.


def _proto(
    shape: tuple[Any, ...] = (8,),
    dtype: Any = 1,
    offset: Any = 0,
    size: Any = 32,
    shard: Any = 0,
    crc: int | None = None,
    more: bytes = b'',
) -> bytes:
    """A BundleEntryProto of the first tensor, conv.bias (its 32 bytes lie first)."""
    sizes = b''.join(field(2, field(1, n)) for n in shape)
    value = field(1, dtype) + field(2, sizes) + field(3, shard) + field(4, offset)
    value += field(5, size) + more
    return value + fixed32(6, BIAS_SUM if crc is None else crc)


HEADER = (b'', field(1, 1) + field(3, field(1, 1)))


def _index(*entries: tuple[bytes, bytes], header: tuple[bytes, bytes] = HEADER) -> bytes:
    return tf_writer.table([header, *entries])


def _raw_table(body: bytes, handles: list[bytes] | None = None) -> bytes:
    """A table of one block given as bytes, its index as handles."""

    def sealed(content: bytes) -> bytes:
        return content + b'\x00' + masked(crc32c(content + b'\x00')).to_bytes(4, 'little')

    data = sealed(body)
    known = varint(0) + varint(len(body))
    index = sealed(_entries([(b'k%06d' % i, h) for i, h in enumerate(handles or [known])]))
    at = len(data)
    footer = varint(at) + varint(len(index) - 5)
    footer = varint(0) + varint(len(body)) + footer
    return data + index + footer.ljust(40, b'\x00') + tf_writer.MAGIC.to_bytes(8, 'little')


def _entries(pairs: list[tuple[bytes, bytes]]) -> bytes:
    body = b''.join(varint(0) + varint(len(k)) + varint(len(v)) + k + v for k, v in pairs)
    return body + bytes(4) + (1).to_bytes(4, 'little')


def _growing() -> bytes:
    """Keys that share all of the long one before them: 20 000 of 60 000 letters."""
    body = varint(0) + varint(60_000) + varint(0) + b'a' * 60_000
    for k in range(20_000):
        body += varint(60_000 + k) + varint(1) + varint(0) + b'b'
    return _raw_table(body + bytes(4) + (1).to_bytes(4, 'little'))


def _many_handles() -> bytes:
    body = _entries([HEADER, *((b'n%06d' % k, _proto()) for k in range(5_000))])
    handle = varint(0) + varint(len(body))
    return _raw_table(body, [handle] * 10_000)


def index_lies() -> dict[str, tuple[str, Callable[[], bytes]]]:
    """Indexes whose check sums are right and whose content lies."""
    name = b'conv.bias'

    def of(**how: Any) -> Callable[[], bytes]:
        return lambda: _index((name, _proto(**how)))

    big = 1 << 60
    return {
        '2^60 elements': (REFUSED, of(shape=(big,))),
        '2^39 elements': (REFUSED, of(shape=(1 << 39,), size=1 << 41)),
        'wraps': (REFUSED, of(shape=(1 << 33, 1 << 31, 8))),
        'negative size': (REFUSED, of(shape=((1 << 64) - 8,))),
        '2^40 times 0': (REFUSED, of(shape=(1 << 40, 0))),
        'hundred axes': (REFUSED, of(shape=(1,) * 99 + (8,))),
        'many axes': (REFUSED, of(shape=(1 << 39,) * 50_000)),
        'offset 2^62': (REFUSED, of(offset=1 << 62)),
        'offset bytes': (REFUSED, of(offset=b'abc')),
        'offset past the end': (REFUSED, of(offset=1 << 20)),
        'size 2^62': (REFUSED, of(size=1 << 62)),
        'size bytes': (REFUSED, of(size=b'a')),
        'size negative': (REFUSED, of(size=(1 << 64) - 32)),
        'shard 2^31': (REFUSED, of(shard=1 << 31)),
        'shard bytes': (REFUSED, of(shard=b'../../etc/passwd')),
        'dtype bytes': (REFUSED, of(dtype=b'\x01')),
        'dtype unknown': (REFUSED, of(dtype=99)),
        'wider dtype': (REFUSED, of(dtype=2)),
        'dtype of the same width': (ANY, of(dtype=3)),
        'another sum': (REFUSED, of(crc=1)),
        'in slices': (REFUSED, of(more=field(7, field(1, b'')))),
        'shape a number': (REFUSED, lambda: _index((name, field(1, 1) + field(2, 5)))),
        'dimension a text': (
            REFUSED,
            lambda: _index((name, field(1, 1) + field(2, field(2, field(1, b'x'))))),
        ),
        'shards bytes': (
            REFUSED,
            lambda: _index((name, _proto()), header=(b'', field(1, b'../../etc/passwd'))),
        ),
        'shards 2^63': (REFUSED, lambda: _index((name, _proto()), header=(b'', field(1, 1 << 63)))),
        'big endian': (
            REFUSED,
            lambda: _index((name, _proto()), header=(b'', field(1, 1) + field(2, 1))),
        ),
        'header missing': (REFUSED, lambda: tf_writer.table([(name, _proto())])),
        'name not UTF-8': (REFUSED, lambda: _index((b'\xff\xfe', _proto()))),
        'a name twice': (REFUSED, lambda: _index((name, _proto()), (name, _proto(dtype=3)))),
        'names out of order': (EITHER, lambda: _index((b'z', _proto()), (name, _proto()))),
        'keys that grow': (REFUSED, _growing),
        'a block ten thousand times': (REFUSED, _many_handles),
        'a block that is itself': (REFUSED, lambda: _raw_table(bytes(4), [b'\x00\x04'] * 3)),
        'restarts 2^32': (REFUSED, lambda: _raw_table(b'abcd\xff\xff\xff\xff')),
        'empty block': (REFUSED, lambda: _raw_table(b'')),
        'a varint without end': (REFUSED, lambda: _index((name, b'\x08' + b'\xff' * 40))),
        'wire type 7': (REFUSED, lambda: _index((name, b'\x0f\x01'))),
        'groups nested deep': (REFUSED, lambda: _index((name, b'\x0b' * DEEP))),
        'V1 checkpoint': (REFUSED, lambda: tf_v1_writer.saved(TENSORS)),
        'web page': (REFUSED, lambda: b'<html>' + bytes(200)),
        'empty': (REFUSED, lambda: b''),
    }


def bundle_cases(index: str, data: str) -> dict[str, Made]:
    """A checkpoint of two files."""

    def shared(folder: Path) -> None:
        (folder / data).write_bytes(bytes(1 << 20))
        zeros = masked(crc32c(bytes(1 << 20)))
        proto = _proto(size=1 << 20, shape=(1 << 18,), crc=zeros)
        entries = [(b'n%06d' % k, proto) for k in range(5_000)]
        (folder / index).write_bytes(_index(*entries))

    made = {k: Made(expected, _file(index, make)) for k, (expected, make) in index_lies().items()}
    return made | {
        'tensors over one another': Made(REFUSED, shared),
        'data a link to zeros': Made(REFUSED, _linked(data, '/dev/zero')),
        'data a link': Made(SAME, _linked(data, 'itself moved')),
        'data a pipe': Made(REFUSED, _pipe(data)),
        'data a folder': Made(REFUSED, _folder(data)),
        'data in a circle': Made(REFUSED, _linked(data, Path(data).name)),
        'index a link to zeros': Made(REFUSED, _linked(index, '/dev/zero')),
        'index a pipe': Made(REFUSED, _pipe(index)),
        'index a folder': Made(REFUSED, _folder(index)),
        'index gone': Made(REFUSED, lambda folder: (folder / index).unlink()),
        'data gone': Made(REFUSED, lambda folder: (folder / data).unlink()),
        'data of another': Made(REFUSED, _file(data, lambda: bytes(4_000))),
    }


def wheel_cases() -> dict[str, Made]:
    """The same within a wheel."""
    index, data = tf_writer.bundle(TENSORS)

    def packed(index: bytes = index, data: bytes = data) -> Callable[[Path], None]:
        members = {f'{INSIDE}.index': lambda: index, f'{INSIDE}{DATA}': lambda: data}
        return _deflated(PACKAGE, members)

    made = {
        k: Made(e, lambda folder, make=make: packed(make())(folder))
        for k, (e, make) in index_lies().items()
    }
    whole = {f'{INSIDE}.index': lambda: index, f'{INSIDE}{DATA}': lambda: data}

    def twice(folder: Path) -> None:
        with warnings.catch_warnings(), zipfile.ZipFile(folder / PACKAGE, 'a') as archive:
            warnings.simplefilter('ignore')
            archive.writestr(f'{INSIDE}{DATA}', bytes(len(data)))

    return (
        made
        | {
            'data of 200 MB': Made(REFUSED, _deflated(PACKAGE, {**whole, f'{INSIDE}{DATA}': BIG})),
            'index of 200 MB': Made(REFUSED, _deflated(PACKAGE, {**whole, f'{INSIDE}.index': BIG})),
            'names that lead out': Made(
                SAME, _deflated(PACKAGE, {**whole, '../../CANARY': lambda: b'x'})
            ),
            'data twice': Made(REFUSED, twice),
            'LZMA': Made(EITHER, _deflated(PACKAGE, whole, zipfile.ZIP_LZMA)),
            'bzip2': Made(EITHER, _deflated(PACKAGE, whole, zipfile.ZIP_BZIP2)),
        }
        | zip_lies(PACKAGE)
    )


def _v1_saved(proto: bytes, dtype: int = 1, shape: tuple[int, ...] = (8,), again: int = 1) -> bytes:
    """A V1 checkpoint of one tensor whose TensorProto is given."""
    sizes = b''.join(field(2, field(1, n)) for n in shape)
    extents = field(1, b'') * len(shape)
    meta = field(1, b'w') + field(2, sizes) + field(3, dtype) + field(4, extents)
    slice_ = field(2, field(1, b'w') + field(2, extents) + field(3, proto))
    rows = [(b'\x00w%d' % k, slice_) for k in range(again)]
    return tf_writer.table([(b'', field(1, field(1, meta))), *rows])


def v1_cases() -> dict[str, Made]:
    """V1 checkpoints whose sums are right."""
    floats = field(5, TENSORS['conv.bias'].tobytes())
    lies = {
        '2^60 elements': lambda: _v1_saved(floats, shape=(1 << 60,)),
        'wraps': lambda: _v1_saved(floats, shape=(1 << 33, 1 << 31)),
        'hundred axes': lambda: _v1_saved(floats, shape=(1,) * 99 + (8,)),
        'many axes': lambda: _v1_saved(floats, shape=(1 << 39,) * 20_000),
        'negative': lambda: _v1_saved(floats, shape=((1 << 64) - 8,)),
        'wider dtype': lambda: _v1_saved(floats, dtype=2),
        'dtype unknown': lambda: _v1_saved(floats, dtype=20),
        'a float of 69 bits': lambda: _v1_saved(b'\x28' + b'\xff' * 9 + b'\x7f', shape=(1,)),
        'a number of 69 bits': lambda: _v1_saved(
            field(10, b'\xff' * 9 + b'\x7f'), dtype=9, shape=(1,)
        ),
        'values of half a number': lambda: _v1_saved(field(5, b'abc')),
        'no values': lambda: _v1_saved(b''),
        'a name of 2^33': lambda: tf_writer.table(
            [(b'', field(1, field(1, field(1, 1 << 33))))],
        ),
        'twice': lambda: _v1_saved(floats, again=2),
        'an index': lambda: tf_writer.bundle(TENSORS)[0],
        'keys that grow': _growing,
        'a block ten thousand times': _many_handles,
    }
    made = {k: Made(REFUSED, _file('model.ckpt', make)) for k, make in lies.items()}
    made['2^40 times 0'] = Made(
        ANY, _file('model.ckpt', lambda: _v1_saved(b'', shape=(1 << 40, 0)))
    )
    made['a million numbers'] = Made(
        ANY,
        _file(
            'model.ckpt',
            lambda: _v1_saved(field(10, b'\xff\x7f' * 500_000), dtype=9, shape=(500_000,)),
        ),
    )
    return made | {
        'link to zeros': Made(REFUSED, _linked('model.ckpt', '/dev/zero')),
        'pipe': Made(REFUSED, _pipe('model.ckpt')),
    }


def _const(proto: bytes, name: bytes = b'c') -> bytes:
    value = field(1, b'value') + field(2, field(8, proto))
    return field(1, name) + field(2, b'Const') + field(5, value)


def graph_cases() -> dict[str, Made]:
    """Frozen graphs: constants that claim, messages that lie."""
    sized = lambda *sizes: field(2, graph_writer.shape(sizes))  # noqa: E731

    def nodes(proto: bytes, count: int = 1) -> Callable[[], bytes]:
        return lambda: cases.graph({f'n{k}': _const(proto, b'n%d' % k) for k in range(count)})

    two = field(5, np.array([1, 2], '<f4').tobytes())
    one = field(5, np.array([1], '<f4').tobytes())
    attributes = field(1, b'x') + field(2, b'NoOp')
    lies = {
        '2^60 of one number': nodes(field(1, 1) + sized(1 << 60) + one),
        '2^26 of two numbers': nodes(field(1, 1) + sized(1 << 26) + two),
        '2^26 of two, a hundred times': nodes(field(1, 1) + sized(1 << 26) + two, 100),
        '2^22 of two, a thousand times': nodes(field(1, 1) + sized(1 << 22) + two, 1000),
        '2^26 of one, a thousand times': nodes(field(1, 1) + sized(1 << 26) + one, 1000),
        '2^26 zeros, a thousand times': nodes(field(1, 9) + sized(1 << 26), 1000),
        '2^26 texts': nodes(field(1, 7) + sized(1 << 26) + field(8, b'a')),
        '2^40 times 0': nodes(field(1, 1) + sized(1 << 62, 1 << 62, 0)),
        'wraps': nodes(field(1, 1) + sized(1 << 33, 1 << 31) + field(4, bytes(32))),
        'hundred axes': nodes(field(1, 1) + sized(*[1] * 100) + field(4, bytes(4))),
        'many axes': nodes(field(1, 1) + sized(*[1 << 62] * 50_000)),
        'negative': nodes(field(1, 1) + sized(-8)),
        'type of text': nodes(field(1, b'f') + sized(8)),
        'shape a number': nodes(field(1, 1) + field(2, 8)),
        'values a number': nodes(field(1, 1) + sized(1) + field(4, 5)),
        'a float of 69 bits': nodes(field(1, 1) + sized(1) + b'\x28' + b'\xff' * 9 + b'\x7f'),
        'a node without end': lambda: b'\x0a\xff\xff\xff\xff\x0f',
        'a length of 2^63': lambda: cases.graph() + b'\x0a' + b'\xff' * 8 + b'\x7f',
        'groups nested deep': lambda: b'\x0b' * DEEP,
        'messages nested deep': lambda: _russian(2_000),
        'a name twice': lambda: cases.graph({'x': _const(field(1, 1) + one, b'conv/bias')}),
        'a list of anything': lambda: cases.graph(
            {'x': attributes + field(5, field(1, b'l') + field(2, field(1, field(11, b'x'))))}
        ),
        'a name that is a number': lambda: field(1, field(1, 7) + field(2, b'NoOp')),
        'a name of 2^33': lambda: field(1, field(1, 1 << 33) + field(2, b'NoOp')),
        'texts of 2^33': nodes(field(1, 7) + sized(1) + field(8, 1 << 33)),
        'web page': lambda: b'<html>',
        'ONNX': lambda: b'\x08\x07\x12\x07pytorch',
        'empty': lambda: b'',
    }
    made = {k: Made(REFUSED, _file('g.pb', make)) for k, make in lies.items()}
    made['messages nested deep'] = Made(EITHER, made['messages nested deep'].spoil)
    made['hundred thousand empty nodes'] = Made(REFUSED, _file('g.pb', lambda: b'\x0a\x00' * DEEP))
    made['2^12 of one number'] = Made(ANY, _file('g.pb', nodes(field(1, 1) + sized(1 << 12) + one)))
    made['a million numbers'] = Made(
        ANY,
        _file('g.pb', nodes(field(1, 9) + sized(1_000_000) + field(10, b'\x01' * 1_000_000))),
    )
    return made | {
        'link to zeros': Made(REFUSED, _linked('g.pb', '/dev/zero')),
        'pipe': Made(REFUSED, _pipe('g.pb')),
    }


def _russian(depth: int) -> bytes:
    data = b''
    for _ in range(depth):
        data = field(10, data)
    return cases.graph({'x': field(1, b'x') + field(2, b'NoOp') + field(5, data)})


# HDF5.


def _h5(change: Callable[[Any, Path], None]) -> Callable[[Path], None]:
    """Changes the legacy file with h5py itself."""

    def spoil(folder: Path) -> None:
        import h5py

        with h5py.File(folder / 'w.h5', 'r+') as file:
            change(file, folder)

    return spoil


def _dataset(**how: Any) -> Callable[[Path], None]:
    """dense/dense/kernel:0 is made again, otherwise."""

    def change(file: Any, _: Path) -> None:
        del file['dense/dense/kernel:0']
        file.create_dataset('dense/dense/kernel:0', **how)

    return _h5(change)


def _link(target: str, outside: str = '') -> Callable[[Path], None]:
    def change(file: Any, folder: Path) -> None:
        import h5py

        del file['dense/dense/kernel:0']
        if outside:
            with h5py.File(folder / 'other.h5', 'w') as other:
                other['x'] = np.zeros((24, 16), np.float32)
            link = h5py.ExternalLink(outside.format(folder=folder), target)
        else:
            link = h5py.SoftLink(target)
        file['dense/dense/kernel:0'] = link

    return _h5(change)


def _virtual(file: Any, folder: Path) -> None:
    import h5py

    with h5py.File(folder / 'other.h5', 'w') as other:
        other['x'] = np.zeros((24, 16), np.float32)
    layout = h5py.VirtualLayout((24, 16), np.float32)
    layout[:] = h5py.VirtualSource(str(folder / 'other.h5'), 'x', (24, 16))
    del file['dense/dense/kernel:0']
    file.create_virtual_dataset('dense/dense/kernel:0', layout)


def _external(file: Any, folder: Path) -> None:
    (folder / 'secret').write_bytes(bytes(24 * 16 * 4))
    del file['dense/dense/kernel:0']
    where = [(str(folder / 'secret'), 0, 24 * 16 * 4)]
    file.create_dataset('dense/dense/kernel:0', (24, 16), np.float32, external=where)


def _references(file: Any, _: Path) -> None:
    import h5py

    del file['dense/dense/kernel:0']
    data = np.array([file.ref, file['dense'].ref], dtype=h5py.ref_dtype)
    file.create_dataset('dense/dense/kernel:0', data=data)


def _texts(file: Any, _: Path) -> None:
    """Names of variable length, which Keras never writes."""
    import h5py

    file.attrs.create('layer_names', ['x' * 60_000] * 40, dtype=h5py.string_dtype())


def _looped(file: Any, _: Path) -> None:
    file['dense/again'] = file['/']
    file['dense/dense/again'] = file['dense']


def _attribute(group: str, name: str, value: Any) -> Callable[[Path], None]:
    return _h5(lambda file, _: file[group].attrs.__setitem__(name, value))


def h5_cases() -> dict[str, Made]:
    """Everything HDF5 can do that a file of weights has no use for."""
    lies: dict[str, tuple[str, Callable[[Path], None]]] = {
        'external link': (REFUSED, _link('x', 'other.h5')),
        'external link, absolute': (REFUSED, _link('x', '{folder}/other.h5')),
        'external link to nothing': (REFUSED, _link('x', '/nowhere.h5')),
        'soft link to itself': (REFUSED, _link('/dense/dense/kernel:0')),
        'soft link to nothing': (REFUSED, _link('/nothing')),
        'virtual dataset': (REFUSED, _h5(_virtual)),
        'bytes in another file': (REFUSED, _h5(_external)),
        'object references': (REFUSED, _h5(_references)),
        'groups in a circle': (EITHER, _h5(_looped)),
        'names of variable length': (REFUSED, _h5(_texts)),
        'ten thousand names': (
            REFUSED,
            _attribute('/', 'layer_names', np.array([b'conv'] * 10_000)),
        ),
        'a layer twice': (REFUSED, _attribute('/', 'layer_names', np.array([b'conv'] * 2))),
        'names that lead up': (REFUSED, _attribute('/', 'layer_names', np.array([b'../x', b'/']))),
        'names of numbers': (REFUSED, _attribute('/', 'layer_names', np.arange(4))),
        'one number for names': (REFUSED, _attribute('/', 'layer_names', 7)),
        'one text for names': (REFUSED, _attribute('/', 'layer_names', 'conv')),
        'weights of numbers': (REFUSED, _attribute('conv', 'weight_names', np.arange(2.0))),
        'a group for a tensor': (REFUSED, _attribute('conv', 'weight_names', np.array([b'conv']))),
        'a tensor of another layer': (
            EITHER,
            _attribute('conv', 'weight_names', np.array([b'/dense/dense/kernel:0'])),
        ),
        '2^40 never written': (REFUSED, _dataset(shape=(1 << 40,), dtype='f4', chunks=(1 << 20,))),
        '2^34 never written, whole': (REFUSED, _dataset(shape=(1 << 34,), dtype='f4')),
        '2^26 of a fill value': (
            REFUSED,
            _dataset(shape=(1 << 26,), dtype='f4', chunks=(1 << 16,), fillvalue=3.0),
        ),
        'gzip within': (
            EITHER,
            _dataset(data=np.zeros((24, 16), np.float32), compression='gzip', chunks=(24, 16)),
        ),
        'gzip of 200 MB': (
            REFUSED,
            _dataset(data=np.zeros(BIG // 4, np.float32), compression=1, chunks=(1 << 22,)),
        ),
        'lzf': (EITHER, _dataset(data=np.zeros((24, 16), np.float32), compression='lzf')),
        'texts': (REFUSED, _dataset(data=np.array([b'a', b'b']))),
        'texts of variable length': (REFUSED, _dataset(data=['a' * 100] * 9)),
        'a compound': (REFUSED, _dataset(data=np.zeros(3, [('a', 'f4'), ('b', 'i8')]))),
        'arrays in arrays': (REFUSED, _dataset(shape=(2,), dtype=np.dtype(('f4', (1 << 10,))))),
        'big endian': (ANY, _dataset(data=TENSORS['head.weight'].astype('>f4'))),
        'a null space': (REFUSED, _dataset(dtype='f4', shape=None)),
        'pipe': (REFUSED, _pipe('w.h5')),
        'link to zeros': (REFUSED, _linked('w.h5', '/dev/zero')),
        'a user block': (
            EITHER,
            _patched('w.h5', lambda d: d.__setitem__(slice(0, 0), bytes(512))),
        ),
        'the end beyond the file': (REFUSED, _patched('w.h5', _far_end)),
    }
    return {k: Made(*made) for k, made in lies.items()}


def _far_end(data: bytearray) -> None:
    data[40:48] = struct.pack('<Q', 1 << 50)  # End of file address, superblock version 0.


def gz_cases() -> dict[str, Made]:
    """The same behind gzip."""
    plain = lambda: gzip.decompress(_written())  # noqa: E731
    return {
        '200 MB of zeros': Made(REFUSED, _file('w.h5.gz', _gzip_bomb)),
        '200 MB after the file': Made(REFUSED, _file('w.h5.gz', lambda: _written() + _gzip_bomb())),
        'in two members': Made(
            SAME,
            _file('w.h5.gz', lambda: gzip.compress(plain()[:999]) + gzip.compress(plain()[999:])),
        ),
        'ten thousand empty members': Made(
            EITHER, _file('w.h5.gz', lambda: _written() + gzip.compress(b'') * 10_000)
        ),
        'gzip in gzip': Made(REFUSED, _file('w.h5.gz', lambda: gzip.compress(_written()))),
        'another sum': Made(REFUSED, _patched('w.h5.gz', lambda d: d.__setitem__(-6, d[-6] ^ 1))),
        'a tail': Made(EITHER, _patched('w.h5.gz', lambda d: d.extend(b'tail'))),
        'a name of a megabyte': Made(
            EITHER,
            _file('w.h5.gz', lambda: b'\x1f\x8b\x08\x08' + bytes(6) + b'n' * (1 << 20)),
        ),
        'pipe': Made(REFUSED, _pipe('w.h5.gz')),
    }


def _written() -> bytes:
    memory = io.BytesIO()
    import h5py

    with h5py.File(memory, 'w') as file:
        file.attrs['layer_names'] = np.array([name.encode() for name, _ in cases.LAYERS])
        for name, tensors in cases.LAYERS:
            group = file.create_group(name)
            group.attrs['weight_names'] = np.array([f'{name}/{t}:0'.encode() for t in tensors])
            for leaf, array in tensors.items():
                group.create_dataset(f'{name}/{leaf}:0', data=array)
    return gzip.compress(memory.getvalue())


def _gzip_bomb() -> bytes:
    memory = io.BytesIO()
    with gzip.GzipFile(fileobj=memory, mode='wb', compresslevel=1) as file:
        for _ in range(BIG >> 20):
            file.write(bytes(1 << 20))
    return memory.getvalue()


def _inner(change: Callable[[Any, Path], None] | None = None) -> Callable[[Path], None]:
    """The archive's weights, changed with h5py."""

    def spoil(folder: Path) -> None:
        import h5py

        memory = io.BytesIO()
        with h5py.File(memory, 'w') as file:
            for name, array in cases.ARCHIVE.items():
                file.create_dataset(name, data=array)
            if change:
                change(file, folder)
        members = {'config.json': _config, 'model.weights.h5': memory.getvalue}
        _deflated('m.keras', members)(folder)

    return spoil


def _config(layers: Any = None) -> bytes:
    layers = cases.CONFIG if layers is None else layers
    return json.dumps({'config': {'layers': layers}}).encode()


def keras_cases() -> dict[str, Made]:
    """The archive."""

    def weights() -> bytes:
        import h5py

        memory = io.BytesIO()
        with h5py.File(memory, 'w') as file:
            for name, array in cases.ARCHIVE.items():
                file.create_dataset(name, data=array)
        return memory.getvalue()

    def config(data: Callable[[], bytes]) -> Callable[[Path], None]:
        return _deflated('m.keras', {'config.json': data, 'model.weights.h5': weights})

    def linked(file: Any, folder: Path) -> None:
        import h5py

        with h5py.File(folder / 'other.h5', 'w') as other:
            other['x'] = np.zeros((24, 16), np.float32)
        del file['layers/dense/vars/0']
        file['layers/dense/vars/0'] = h5py.ExternalLink(str(folder / 'other.h5'), 'x')

    def twice(folder: Path) -> None:
        with warnings.catch_warnings(), zipfile.ZipFile(folder / 'm.keras', 'a') as archive:
            warnings.simplefilter('ignore')
            archive.writestr('config.json', _config([{'class_name': 'A', 'name': 'a'}]))

    lies: dict[str, tuple[str, Callable[[Path], None]]] = {
        'config of 200 MB': (
            REFUSED,
            _deflated('m.keras', {'config.json': BIG, 'model.weights.h5': weights}),
        ),
        'weights of 200 MB': (
            REFUSED,
            _deflated('m.keras', {'config.json': _config, 'model.weights.h5': BIG}),
        ),
        'config nested deep': (REFUSED, config(lambda: b'{"a":' * DEEP)),
        'config nested deep and whole': (
            REFUSED,
            config(lambda: b'{"config":' + b'[' * DEEP + b']' * DEEP + b'}'),
        ),
        'config a list': (REFUSED, config(lambda: b'[]')),
        'layers a number': (REFUSED, config(lambda: b'{"config":{"layers":5}}')),
        'layers a text': (REFUSED, config(lambda: b'{"config":{"layers":"abc"}}')),
        'layers without names': (REFUSED, config(lambda: _config([{'class_name': 'A'}]))),
        'a layer that is null': (REFUSED, config(lambda: _config([None]))),
        'not UTF-8': (REFUSED, config(lambda: b'\xff\xfe\xfa')),
        'config twice': (REFUSED, twice),
        'external link': (REFUSED, _inner(linked)),
        'dataset of 2^40': (
            REFUSED,
            _inner(
                lambda file, _: (
                    file.create_dataset('big', (1 << 40,), 'f4', chunks=(1 << 20,)) and None
                )
            ),
        ),
        'virtual dataset': (REFUSED, _inner(_archive_virtual)),
        'bytes in another file': (REFUSED, _inner(_archive_external)),
        'object references': (
            REFUSED,
            _inner(lambda file, _: _ref(file)),
        ),
        'groups in a circle': (EITHER, _inner(lambda file, _: file.__setitem__('c/d', file['/']))),
        'names that lead out': (
            SAME,
            _deflated(
                'm.keras',
                {
                    'config.json': _config,
                    'model.weights.h5': weights,
                    '../../CANARY': lambda: b'x',
                },
            ),
        ),
        'LZMA': (
            EITHER,
            _deflated(
                'm.keras',
                {'config.json': _config, 'model.weights.h5': weights},
                zipfile.ZIP_LZMA,
            ),
        ),
        'pipe': (REFUSED, _pipe('m.keras')),
    }
    return {k: Made(*made) for k, made in lies.items()} | zip_lies('m.keras')


def _ref(file: Any) -> None:
    import h5py

    file.create_dataset('r', data=np.array([file.ref], dtype=h5py.ref_dtype))


def _archive_virtual(file: Any, folder: Path) -> None:
    import h5py

    with h5py.File(folder / 'other.h5', 'w') as other:
        other['x'] = np.zeros((24, 16), np.float32)
    layout = h5py.VirtualLayout((24, 16), np.float32)
    layout[:] = h5py.VirtualSource(str(folder / 'other.h5'), 'x', (24, 16))
    file.create_virtual_dataset('v', layout)


def _archive_external(file: Any, folder: Path) -> None:
    (folder / 'secret').write_bytes(bytes(24 * 16 * 4))
    where = [(str(folder / 'secret'), 0, 24 * 16 * 4)]
    file.create_dataset('e', (24, 16), np.float32, external=where)


MADE: dict[str, Callable[[], dict[str, Made]]] = {
    'safetensors': safetensors_cases,
    'torch_zip': lambda: pickle_cases(legacy=False) | torch_zip_cases(),
    'torch_legacy': lambda: pickle_cases(legacy=True) | legacy_cases(),
    'release_zip': release_cases,
    'tf_bundle': lambda: bundle_cases('model.index', f'model{DATA}'),
    'tf_in_wheel': wheel_cases,
    'wheel': lambda: {k: Made(REFUSED, v.spoil) for k, v in zip_lies(PACKAGE).items()},
    'saved_model': lambda: bundle_cases('variables/variables.index', f'variables/variables{DATA}'),
    'tf_v1': v1_cases,
    'frozen_pb': graph_cases,
    'h5': h5_cases,
    'h5_gz': gz_cases,
    'keras': keras_cases,
}


@functools.cache
def of(kind: str) -> dict[str, Made]:
    """Name -> case, of a format."""
    return MADE[kind]()
