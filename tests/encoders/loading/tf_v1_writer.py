"""Writes a TensorFlow V1 checkpoint the plain way: what the reader is tested against.

Written from saved_tensor_slice.proto and tensor.proto. A slice's key is the ordered code of
(0, name, rank, start and length per axis); the reader takes names from the values, so the key
only has to sort as TensorFlow's does.
"""

import numpy as np

from tests.encoders.loading.tf_writer import field, table, varint

# numpy type -> (DataType, field of TensorProto).
TYPES = {
    'float32': (1, 5),
    'float64': (2, 6),
    'int32': (3, 7),
    'uint8': (4, 7),
    'int8': (6, 7),
    'int64': (9, 10),
    'bool': (10, 11),
    'float16': (19, 13),
}


def key(name, rank):
    """The whole slice starts at 0 (code 0x80) and has length -1 (code 0x7f) on every axis."""
    return (
        b'\x00'
        + name.encode()
        + b'\x00\x01'
        + bytes([1, rank] if rank else [0])[:2]
        + (b'\x80\x7f' * rank)
    )


def values(array):
    kind, number = TYPES[str(array.dtype)]
    if array.dtype.kind == 'f' and array.dtype.itemsize > 2:
        packed = array.tobytes()
    else:
        whole = array.view(np.uint16) if array.dtype == np.float16 else array
        packed = b''.join(varint(int(n) % (1 << 64)) for n in whole.ravel())
    return kind, field(number, packed) if packed else b''


def saved(tensors, slices=b''):
    """The bytes of a checkpoint.

    Args:
        tensors: name -> array.
        slices: one more TensorSliceProto for every tensor, as a partitioned one has.
    """
    metas, entries = b'', []
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order='C')
        kind, data = values(array)
        shape = b''.join(field(2, field(1, size)) for size in array.shape)
        extents = field(1, b'') * array.ndim
        meta = field(1, name.encode()) + field(2, shape) + field(3, kind) + field(4, extents)
        metas += field(1, meta + (field(4, slices) if slices else b''))
        slice_ = field(1, name.encode()) + field(2, extents) + field(3, data)
        entries.append((key(name, array.ndim), field(2, slice_)))
    return table([(b'', field(1, metas)), *sorted(entries)], per_block=5)


def write(path, tensors):
    path.write_bytes(saved(tensors))
