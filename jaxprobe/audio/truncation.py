"""Is a file as long as it says? libsndfile reads cut files as shorter ones without a word.

Known from the containers themselves: wav and aiff declare the bytes of their sound chunk, the
last page of an ogg stream carries an end-of-stream flag, a Xing or Info frame declares the
frames of an mp3 (libsndfile reports them, so that decoding fewer shows the cut). flac raises
while decoding. Not known: the other containers, and mp3 files without such a frame.
"""

import struct
from pathlib import Path

_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # What streaming writers put for a length.
_OGG_PAGE = 65307  # The longest page the format allows, in bytes.


def fault(path: Path, frames: int) -> str:
    """Says how a file's end contradicts its headers, '' where nothing is known to be wrong.

    Args:
        path: an audio file that could be opened.
        frames: its length as libsndfile reports it, for the message.
    """
    with open(path, 'rb') as file:
        size = file.seek(0, 2)
        file.seek(0)
        magic = file.read(12)
        if magic[:4] == b'RIFF' and magic[8:] == b'WAVE':
            return _chunk_fault(file, size, b'data', '<I', frames)
        if magic[:4] == b'FORM' and magic[8:] in (b'AIFF', b'AIFC'):
            return _chunk_fault(file, size, b'SSND', '>I', frames)
        if magic[:4] == b'OggS':
            return _ogg_fault(file, size, frames)
    return ''


def is_length_estimate(path: Path) -> bool:
    """True for an mp3 whose length libsndfile can only estimate: no Xing, Info or VBRI frame."""
    with open(path, 'rb') as file:
        head = file.read(10)
        if head[:3] == b'ID3':  # Skip the tag: its size is four bytes of seven bits.
            tag = sum((byte & 0x7F) << (21 - 7 * i) for i, byte in enumerate(head[6:10]))
            file.seek(10 + tag)
            head = b''
        elif not (head[0] == 0xFF and head[1] >= 0xE0):
            return False  # No mp3: every other container knows its length.
        head += file.read(4096)
    return not any(tag in head for tag in (b'Xing', b'Info', b'VBRI'))


def _chunk_fault(file, size: int, name: bytes, length: str, frames: int) -> str:
    at = 12
    while at + 8 <= size:
        file.seek(at)
        header = file.read(8)
        declared = struct.unpack(length, header[4:])[0]
        if header[:4] == name:
            there = size - at - 8
            if declared in _UNKNOWN_SIZES or there >= declared:
                return ''
            return f'{there} of {declared} bytes of sound, {frames} frames, are there'
        at += 8 + declared + declared % 2
    return ''


def _ogg_fault(file, size: int, frames: int) -> str:
    file.seek(max(0, size - 2 * _OGG_PAGE))
    tail = file.read()
    page = tail.rfind(b'OggS')
    # A cut inside the last page leaves its header: compare what it announces with what is there.
    if page < 0 or len(tail) < page + 27 or len(tail) < page + 27 + tail[page + 26]:
        return f'the stream breaks off inside a page, after {frames} frames'
    body = sum(tail[page + 27 : page + 27 + tail[page + 26]])
    if len(tail) < page + 27 + tail[page + 26] + body:
        return f'the stream breaks off inside a page, after {frames} frames'
    if not tail[page + 5] & 4:
        return f'the stream has no last page; {frames} frames are there'
    return ''
