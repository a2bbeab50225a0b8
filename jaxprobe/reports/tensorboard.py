"""Layer-wise scores as TensorBoard scalars: a run per encoder, the depth of a layer as the step.

`jaxprobe report WORKDIR --tensorboard=DIR`, then `tensorboard --logdir=DIR` (extra `tensorboard`,
which needs no TensorFlow). Tags are `<task>/<metric>/<what>`: `test`, `valid` and the bounds of the
interval over depth; learned sums have no depth and stand at step 0 under `<what> of <source>`.

An event file is a sequence of records: length, masked CRC-32C of the length, the bytes, their
masked CRC. A record is a protobuf `Event`, of which four fields are written here by hand.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxprobe.core import fs
from jaxprobe.encoders.loading.crc32c import crc32c
from jaxprobe.reports.read import Result, encoders, of_encoder

FILE = 'events.out.tfevents.0000000000.jaxprobe'
VERSION = 'brain.Event:2'


class Scalar(NamedTuple):
    """One point of one curve."""

    tag: str
    step: int
    value: float


def write(results: Sequence[Result], folder: Path) -> list[Path]:
    """Writes an event file per encoder; what an earlier call wrote there is replaced."""
    written: list[Path] = []
    for name in encoders(results):
        run = folder / (re.sub(r'[^\w.() -]+', '_', name) or 'encoder')
        written.append(run / FILE)
        fs.write_bytes(written[-1], events(list(scalars(of_encoder(results, name)))))
    return written


def scalars(results: Sequence[Result]) -> Iterator[Scalar]:
    """Every curve of one encoder."""
    for r in results:
        layers = r.data['encoder']['layers']
        for row in r.data['layers']:
            values = {'test': row['test'], 'valid': row['valid']}
            values |= dict(zip(('ci95_low', 'ci95_high'), row['ci95'] or (), strict=False))
            single = len(row['layers']) == 1 and not row['learned']
            step = layers[row['layers'][0]]['index'] if single else 0
            for what, value in values.items():
                named = what if single else f'{what} of {row["source"]}'
                if value is not None:
                    yield Scalar(f'{r.task}/{r.metric}/{named}', step, value)


def events(values: Sequence[Scalar]) -> bytes:
    """The bytes of an event file; equal values give equal bytes, so times are 0."""
    head = _record(_double(1, 0.0) + _bytes(3, VERSION.encode()))
    return head + b''.join(_record(_event(value)) for value in values)


def _event(scalar: Scalar) -> bytes:
    value = _bytes(1, scalar.tag.encode()) + b'\x15' + struct.pack('<f', scalar.value)
    return _double(1, 0.0) + b'\x10' + _varint(scalar.step) + _bytes(5, _bytes(1, value))


def _record(data: bytes) -> bytes:
    size = struct.pack('<Q', len(data))
    return size + struct.pack('<I', masked(size)) + data + struct.pack('<I', masked(data))


def masked(data: bytes) -> int:
    """The checksum as record files store it."""
    found = crc32c(data)
    return ((found >> 15 | found << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _double(number: int, value: float) -> bytes:
    return bytes([number << 3 | 1]) + struct.pack('<d', value)


def _bytes(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
