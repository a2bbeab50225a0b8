"""Is a file as long as it says? libsndfile reads cut files as shorter ones without a word.

Known from the containers themselves: wav, rf64, w64, caf and aiff declare the bytes of their sound
chunk and au those of its sound, the last page of an ogg stream carries an end-of-stream flag, a
Xing or Info frame declares the frames of an mp3 (libsndfile reports them, so that decoding fewer
shows the cut). flac raises while decoding. Not known: the other containers, and mp3 files without
such a frame.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)  # What streaming writers put.
_W64_PLAIN = (1, 3, 6, 7, 0xFFFE)  # Encodings where a block of bytes is a frame.
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
        if magic[:4] in (b'RIFF', b'RF64', b'BW64') and magic[8:] == b'WAVE':
            return _chunk_fault(file, size, _RIFF, frames)
        if magic[:4] == b'RIFX' and magic[8:] == b'WAVE':
            return _chunk_fault(file, size, _RIFF._replace(length='>I'), frames)
        if magic[:4] == b'FORM' and magic[8:] in (b'AIFF', b'AIFC'):
            return _chunk_fault(file, size, _AIFF, frames)
        if magic == b'riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb':
            return _chunk_fault(file, size, _W64, frames)
        if magic[:4] == b'caff':
            return _chunk_fault(file, size, _CAF, frames)
        if magic[:4] == b'.snd':
            return _lacking(
                size - int.from_bytes(magic[4:8], 'big'), int.from_bytes(magic[8:], 'big'), frames
            )
        if magic[:4] == b'OggS':
            return _ogg_fault(file, size, frames)
    return ''


def sound_frames(path: Path, frames: int) -> int:
    """Frames of a file that are sound, of those that libsndfile reports.

    In w64, libsndfile takes chunks behind the sound for sound.
    """
    with open(path, 'rb') as file:
        size = file.seek(0, 2)
        file.seek(0)
        if file.read(4) != b'riff':
            return frames
        frame = 0
        for name, at, declared in _chunks(file, size, _W64):
            if name[:4] == b'fmt ':
                file.seek(at)
                tag, *_, frame = struct.unpack('<HHIIH', file.read(14).ljust(14, b'\0'))
                frame = frame if tag in _W64_PLAIN else 0
            if name[:4] == b'data' and frame and declared not in _UNKNOWN_SIZES:
                return min(frames, declared // frame)
    return frames


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


class _Chunks(NamedTuple):
    """How a container lays out its chunks.

    Attributes:
        first: bytes before the first one.
        name: bytes of a chunk's name, then comes its length.
        length: layout of that, for `struct`.
        inside: whether the length counts the name and itself.
        align: chunks begin at multiples of so many bytes.
        sound: what the name of those that are needed for decoding begins with.
    """

    first: int
    name: int
    length: str
    inside: bool
    align: int
    sound: tuple[bytes, ...]


_RIFF = _Chunks(12, 4, '<I', False, 2, (b'data',))
_AIFF = _Chunks(12, 4, '>I', False, 2, (b'SSND',))
_W64 = _Chunks(40, 16, '<Q', True, 8, (b'data',))
_CAF = _Chunks(8, 4, '>Q', False, 1, (b'data', b'pakt'))  # The packets of a codec: `pakt`.


def _chunk_fault(file: BinaryIO, size: int, layout: _Chunks, frames: int) -> str:
    long = 0
    for name, at, declared in _chunks(file, size, layout):
        if name[:4] == b'ds64':  # Of rf64: lengths that 32 bits cannot say.
            file.seek(at + 8)
            long = int.from_bytes(file.read(8), 'little')
        if not name.startswith(layout.sound):
            continue
        if declared == 0xFFFFFFFF and long:
            declared = long
        if fault := _lacking(size - at, declared, frames):
            return fault
    return ''


def _chunks(file: BinaryIO, size: int, layout: _Chunks) -> Iterator[tuple[bytes, int, int]]:
    """Yields every chunk's name, where its content begins and how long it declares to be."""
    at, head = layout.first, layout.name + struct.calcsize(layout.length)
    while at + head <= size:
        file.seek(at)
        header = file.read(head)
        declared = struct.unpack(layout.length, header[layout.name :])[0]
        if layout.inside and declared not in _UNKNOWN_SIZES:
            declared = max(0, declared - head)
        yield header[: layout.name], at + head, declared
        at += head + declared
        at += -at % layout.align


def _lacking(there: int, declared: int, frames: int) -> str:
    if declared in _UNKNOWN_SIZES or there >= declared:
        return ''
    return f'{there} of {declared} bytes of sound, {frames} frames, are there'


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
