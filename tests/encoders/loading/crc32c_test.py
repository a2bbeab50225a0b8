import numpy as np
import pytest

from jaxprobe.encoders.loading.crc32c import crc32c, masked


def bitwise(data):
    """The definition: one bit at a time."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ('data', 'expected'),  # RFC 3720, appendix B.4.
    [
        (b'', 0),
        (b'123456789', 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b'\xff' * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_crc32c_published_values(data, expected):
    assert crc32c(data) == expected


@pytest.mark.parametrize('size', [1, 2, 3, 4, 5, 63, 64, 65, 255, 256, 257, 4096, 20001])
def test_crc32c_any_length(size):
    data = np.random.RandomState(size).bytes(size)
    assert crc32c(data) == bitwise(data)


def test_crc32c_notices_every_single_bit():
    data = bytearray(np.random.RandomState(0).bytes(70))
    right = crc32c(bytes(data))
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        assert crc32c(bytes(data)) != right
        data[bit // 8] ^= 1 << bit % 8


def test_masked_is_the_stored_form():
    # Rotated right by 15 bits, then a constant added: the reader of LevelDB says why.
    assert masked(0) == 0xA282EAD8
    assert masked(0xFFFFFFFF) == 0xA282EAD7
