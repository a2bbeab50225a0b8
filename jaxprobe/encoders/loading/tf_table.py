"""The sorted table that TensorFlow keeps a checkpoint's index in (LevelDB's file format).

    data block ... metaindex block, index block, footer of 48 bytes

A block is a run of prefix-compressed (key, value) entries, an array of restart offsets and
their count, followed by a type byte and a masked CRC-32C over block and type. The index block
maps keys to (offset, size) of the data blocks.
"""

from collections.abc import Iterator

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.loading.crc32c import crc32c, masked

MAGIC = 0xDB4775248B80FB57
FOOTER = 48
LONGEST_KEY = 4096


def read_table(data: bytes, source: str) -> dict[bytes, bytes]:
    """Reads every entry of a table file.

    Args:
        data: the whole file.
        source: what the user knows it by.

    Returns:
        Key -> value, in the file's order.

    Raises:
        WeightsError: the file is no table, is cut short, or a block fails its checksum.
    """
    if len(data) < FOOTER or int.from_bytes(data[-8:], 'little') != MAGIC:
        raise WeightsError(
            f'{source} is not a TensorFlow checkpoint index: its {len(data)} bytes do not end '
            f'in the table signature. A download cut short, an HTML page saved as a file, or a '
            f'Git LFS pointer would look like this; fetch it again.'
        )
    try:
        footer = data[-FOOTER:]
        _, _, at = _handle(footer, 0)  # The metaindex holds filters, which we do not need.
        offset, size, _ = _handle(footer, at)
        found, last, length = {}, b'', 0
        for _, handle in _entries(_block(data, offset, size, source)):
            for key, value in _entries(_block(data, *_handle(handle, 0)[:2], source)):
                length += len(key)
                if (found and key <= last) or len(key) > LONGEST_KEY:
                    raise ValueError('its keys are too long, out of order, or stand twice')
                if length > 16 * len(data) + (1 << 20):  # They share prefixes, and may share all.
                    raise ValueError('its keys are longer together than any names')
                found[key] = value
                last = key
        return found
    except (IndexError, ValueError) as error:
        raise WeightsError(f'{source} is damaged: {error}. Fetch it again.') from error


def varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """Reads a base-128 integer; returns it and the position after it.

    Raises:
        ValueError: it runs past the end, or is longer than any 64-bit number.
    """
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(f'a number at byte {at} has no end')


def _handle(data: bytes, at: int) -> tuple[int, int, int]:
    offset, at = varint(data, at)
    size, at = varint(data, at)
    return offset, size, at


def _block(data: bytes, offset: int, size: int, source: str) -> bytes:
    """Cuts one block out of the file and checks it."""
    trailer = offset + size
    if trailer + 5 > len(data) - FOOTER or size < 4:
        raise ValueError(f'a block of {size} bytes at {offset} lies outside its {len(data)} bytes')
    stored = int.from_bytes(data[trailer + 1 : trailer + 5], 'little')
    if masked(crc32c(data[offset : trailer + 1])) != stored:
        raise ValueError(f'the block at byte {offset} fails its checksum')
    if data[trailer] != 0:
        raise WeightsError(
            f'{source}: block compression {data[trailer]} is not supported; TensorFlow itself '
            f'writes checkpoint indexes uncompressed.'
        )
    return data[offset:trailer]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields a block's entries; each key shares a prefix with the one before."""
    restarts = int.from_bytes(block[-4:], 'little')
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise ValueError(f'a block of {len(block)} bytes claims {restarts} restart points')
    at, key = 0, b''
    while at < end:
        shared, at = varint(block, at)
        fresh, at = varint(block, at)
        length, at = varint(block, at)
        if shared > len(key) or at + fresh + length > end:
            raise ValueError(f'an entry at byte {at} of a block runs past its end')
        key = key[:shared] + block[at : at + fresh]
        at += fresh
        yield key, block[at : at + length]
        at += length
