"""Writes a TensorFlow V2 checkpoint the plain way: what the reader is tested against.

Written from tensor_bundle.proto and LevelDB's table format; several data blocks and shared key
prefixes, so that every part of the reader is used.
"""

from pathlib import Path

import numpy as np

from jaxprobe.encoders.loading.crc32c import crc32c, masked
from jaxprobe.encoders.loading.tf_table import MAGIC

TYPES = {'float32': 1, 'float64': 2, 'int32': 3, 'int64': 9, 'float16': 19}


def varint(value):
    out = b''
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def fixed32(number, value):
    return varint(number << 3 | 5) + value.to_bytes(4, 'little')


def block(entries, interval=16):
    body, restarts, last = b'', [], b''
    for index, (key, value) in enumerate(entries):
        shared = 0
        if index % interval == 0:
            restarts.append(len(body))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        body += varint(shared) + varint(len(key) - shared) + varint(len(value))
        body += key[shared:] + value
        last = key
    restarts = restarts or [0]
    body += b''.join(r.to_bytes(4, 'little') for r in [*restarts, len(restarts)])
    kind = b'\x00'
    return body + kind + masked(crc32c(body + kind)).to_bytes(4, 'little')


def table(entries, per_block=20):
    """A table file of sorted (key, value) pairs."""
    out, index = b'', []
    for first in range(0, len(entries), per_block):
        some = entries[first : first + per_block]
        data = block(some)
        index.append((some[-1][0], varint(len(out)) + varint(len(data) - 5)))
        out += data
    handles = b''
    for content in ([], index):
        data = block(content, interval=1)
        handles += varint(len(out)) + varint(len(data) - 5)
        out += data
    return out + handles.ljust(40, b'\x00') + MAGIC.to_bytes(8, 'little')


def bundle(tensors):
    """Index and data file of one checkpoint.

    Args:
        tensors: name -> array.

    Returns:
        (bytes of the .index file, bytes of the .data-00000-of-00001 file).
    """
    data = b''
    entries = [(b'', field(1, 1) + field(3, field(1, 1)))]
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order='C')
        raw = array.tobytes()
        shape = b''.join(field(2, field(1, size)) for size in array.shape)
        value = field(1, TYPES[str(array.dtype)]) + field(2, shape)
        value += field(4, len(data)) + field(5, len(raw)) + fixed32(6, masked(crc32c(raw)))
        entries.append((name.encode(), value))
        data += raw
    return table(entries), data


def write(prefix, tensors):
    """Writes `<prefix>.index` and `<prefix>.data-00000-of-00001`."""
    index, data = bundle(tensors)
    Path(f'{prefix}.index').write_bytes(index)
    Path(f'{prefix}.data-00000-of-00001').write_bytes(data)
