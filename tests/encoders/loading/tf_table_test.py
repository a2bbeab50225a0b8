import contextlib

import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading.crc32c import crc32c, masked
from jaxprobe.encoders.loading.tf_table import MAGIC, read_table, varint
from tests.encoders.loading import tf_writer


def entries(count):
    state = np.random.RandomState(count)
    keys = sorted({f'layer_{k // 7}/part_{k}'.encode() for k in range(count)})
    return [(key, state.bytes(int(state.randint(0, 300)))) for key in keys]


@pytest.mark.parametrize('count', [0, 1, 2, 15, 16, 17, 300])
def test_read_table_gives_back_what_was_written(count):
    written = entries(count)
    assert list(read_table(tf_writer.table(written), 'x').items()) == written


def test_read_table_needs_the_signature():
    data = tf_writer.table(entries(5))
    for wrong in (b'', data[:20], data[:-1], data[:-8] + bytes(8), b'<html>' * 100):
        with pytest.raises(WeightsError, match='x is not a TensorFlow checkpoint index'):
            read_table(wrong, 'x')


def test_read_table_notices_every_flipped_bit_of_its_blocks():
    written = entries(9)
    data = bytearray(tf_writer.table(written, per_block=4))
    blocks = sum(len(tf_writer.block(written[first : first + 4])) for first in (0, 4, 8))
    for bit in range(0, 8 * blocks, 13):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WeightsError, match='^x is damaged'):
            read_table(bytes(data), 'x')
        data[bit // 8] ^= 1 << bit % 8


def test_read_table_with_a_damaged_footer_never_dies_of_anything_else():
    data = bytearray(tf_writer.table(entries(9), per_block=4))
    for bit in range(8 * (len(data) - 48), 8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(WeightsError):  # Padding may change unnoticed.
            assert read_table(bytes(data), 'x') == dict(entries(9))
        data[bit // 8] ^= 1 << bit % 8


def test_read_table_cut_in_the_middle_but_with_its_footer():
    data = tf_writer.table(entries(200))
    with pytest.raises(WeightsError, match='lies outside'):
        read_table(data[:40] + data[-48:], 'x')


def test_read_table_refuses_compressed_blocks_by_name():
    body = tf_writer.table(entries(3))
    length = len(tf_writer.block(entries(3))) - 5
    packed = bytearray(body)
    packed[length] = 1
    stored = tf_writer.masked(tf_writer.crc32c(bytes(packed[: length + 1])))
    packed[length + 1 : length + 5] = stored.to_bytes(4, 'little')
    with pytest.raises(WeightsError, match='compression 1'):
        read_table(bytes(packed), 'x')


@pytest.mark.parametrize('value', [0, 1, 127, 128, 300, 2**32, 2**64 - 1])
def test_varint(value):
    written = tf_writer.varint(value)
    assert varint(b'..' + written + b'..', 2) == (value, 2 + len(written))


@pytest.mark.parametrize('data', [b'', b'\x80', b'\xff' * 20])
def test_varint_without_an_end(data):
    with pytest.raises(ValueError, match='no end'):
        varint(data, 0)


def grown(count):
    """Keys that each share all of the one before them."""
    body = tf_writer.varint(0) + tf_writer.varint(3000) + tf_writer.varint(0) + b'a' * 3000
    for k in range(count):
        body += tf_writer.varint(3000 + k) + tf_writer.varint(1) + tf_writer.varint(0) + b'b'
    return body + bytes(4) + (1).to_bytes(4, 'little')


def sealed(content):
    return content + b'\x00' + masked(crc32c(content + b'\x00')).to_bytes(4, 'little')


@pytest.mark.parametrize('case', ['twice', 'out of order', 'growing', 'one block many times'])
def test_keys_that_no_writer_makes(case):
    entries = {'twice': [(b'a', b''), (b'a', b'')], 'out of order': [(b'b', b''), (b'a', b'')]}
    if case in entries:
        data = tf_writer.table(entries[case])
    else:
        body = grown(1000) if case == 'growing' else tf_writer.block([(b'a', b'')])[:-5]
        handle = tf_writer.varint(0) + tf_writer.varint(len(body))
        pairs = [(b'k%04d' % k, handle) for k in range(1 if case == 'growing' else 999)]
        index, data = tf_writer.block(pairs), sealed(body)
        footer = handle + tf_writer.varint(len(data)) + tf_writer.varint(len(index) - 5)
        data += index + footer.ljust(40, b'\x00') + MAGIC.to_bytes(8, 'little')
    with pytest.raises(WeightsError, match='its keys are'):
        read_table(data, 'x.index')
