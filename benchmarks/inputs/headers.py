"""Sound whose headers lie: sizes, counts, depths and rates, one field at a time and at random.

What a wav with a damaged header holds is reckoned by Python's own `wave`, where that can read it.
"""

import contextlib
import struct
import warnings
import wave as wavefile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from benchmarks.inputs import audio
from benchmarks.inputs.cases import ACCEPT, EITHER, RATE, REFUSE, Case, Heard

# Field of a plain wav header -> (offset, format).
_WAV = {
    'riff-size': (4, '<I'), 'fmt-size': (16, '<I'), 'tag': (20, '<H'), 'channels': (22, '<H'),
    'rate': (24, '<I'), 'byte-rate': (28, '<I'), 'block-align': (32, '<H'), 'bits': (34, '<H'),
    'data-size': (40, '<I'),
}  # fmt: skip
_VALUES = {
    '<I': (0, 1, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF),
    '<H': (0, 1, 3, 7, 33, 0x7FFF, 0xFFFF),
}
_HARMLESS = ('riff-size', 'byte-rate')  # Nothing is decoded by these.

# Format -> where it claims a number of frames or bytes (a mark in the file, bytes behind it,
# format), and claims that cannot be true.
_HUGE = (2**31 - 1, 2**32 - 2, 2**60, 2**63 - 1)
_CLAIMS = {
    'rf64': (b'ds64', 4 + 4 + 8, '<Q'), 'w64': (b'data', 16, '<Q'), 'caf': (b'data', 4, '>Q'),
    'au': (b'.snd', 8, '>I'), 'aiff': (b'COMM', 10, '>I'), 'wav': (b'data', 4, '<I'),
}  # fmt: skip
_RATES = (0, 1, 7, 999, 1000, 8000, 11025, 22050, 44100, 48000, 96000, 192000, 384000, 10**6)
_RATES += (10**7, 10**7 + 1, 10**8, 2**31 - 1, 2**31, 2**32 - 1)


def cases() -> list[Case]:
    """All systematic cases of headers."""
    return [*_fields(), *_claims(), *_rates()]


def _fields() -> Iterator[Case]:
    for name, (offset, layout) in _WAV.items():
        for value in _VALUES[layout]:

            def make(folder, rng, name=name, offset=offset, layout=layout, value=value):
                path, mono = audio.whole(folder, rng, 'wav', channels=2)
                _patch(path, offset, layout, value)
                if name in _HARMLESS:
                    return Heard(path, ACCEPT, mono)
                return Heard(path, EITHER, *_by_wave(path))

            yield _case(f'header/wav-{name}-{value:#x}', make)


def _claims() -> Iterator[Case]:
    for ending, (mark, behind, layout) in _CLAIMS.items():
        for value in _HUGE:
            if value >= 2 ** (8 * struct.calcsize(layout)):
                continue

            def make(folder, rng, ending=ending, at=(mark, behind, layout), value=value):
                path, mono = audio.whole(folder, rng, ending)
                offset = path.read_bytes().index(at[0]) + at[1]
                _patch(path, offset, at[2], value)
                return Heard(path, EITHER, mono)

            yield _case(f'header/{ending}-claims-{value:#x}', make)

    def flac(folder, rng):
        """36 bits of frames, in bits of STREAMINFO."""
        path, mono = audio.whole(folder, rng, 'flac')
        data = bytearray(path.read_bytes())
        data[8 + 13] |= 0x0F
        data[8 + 14 : 8 + 18] = b'\xff' * 4
        path.write_bytes(data)
        return Heard(path, EITHER, mono)

    yield _case('header/flac-claims-0xfffffffff', flac)

    def xing(folder, rng):
        path, _ = audio.whole(folder, rng, 'mp3')
        data = path.read_bytes()
        at = max(data.find(b'Xing'), data.find(b'Info')) + 8
        path.write_bytes(data[:at] + b'\x7f\xff\xff\xff' + data[at + 4 :])
        return Heard(path, EITHER)

    yield _case('header/mp3-claims-0x7fffffff', xing)

    def ogg(folder, rng):
        """The last page's position, which libsndfile takes for the length."""
        path, _ = audio.whole(folder, rng, 'ogg')
        data = bytearray(path.read_bytes())
        at = data.rfind(b'OggS') + 6
        data[at : at + 8] = struct.pack('<q', 2**60)
        path.write_bytes(data)
        return Heard(path, EITHER)

    yield _case('header/ogg-claims-0x1000000000000000', ogg)


def _rates() -> Iterator[Case]:
    for rate in _RATES:

        def make(folder, rng, rate=rate):
            path, mono = audio.whole(folder, rng, 'wav', 48000)
            _patch(path, *_WAV['rate'], rate)
            if not 1000 <= rate <= 384000:
                return Heard(path, REFUSE if rate < 1000 or rate > 10**7 else EITHER)
            wave: Any = soxr.resample(mono.astype(np.float32), rate, RATE, quality='HQ')
            return Heard(path, ACCEPT, wave, error=1e-5)

        yield _case(f'rate/wav-{rate}', make)
    for rate in (8000, 11025, 44100, 48000):
        for ending in ('flac', 'ogg', 'mp3'):

            def other(folder, rng, rate=rate, ending=ending):
                path, wave = folder / f'a.{ending}', audio.tones(rate, 2, rng, rate)
                kind, subtype = audio.FORMATS[ending], audio.default(ending)
                mono = audio.write(path, wave, kind, subtype, rate)
                heard: Any = soxr.resample(mono.astype(np.float32), rate, RATE, quality='HQ')
                error = 0.3 if ending != 'flac' else 1e-5
                return Heard(path, ACCEPT, heard, error=error)

            yield _case(f'rate/{ending}-{rate}', other)


def random(number: int) -> list[Case]:
    """Whole files with a few bytes of their first part changed, removed or doubled."""
    endings = list(audio.FORMATS)
    return [_damaged(k, endings[k % len(endings)]) for k in range(number)]


def _damaged(k: int, ending: str) -> Case:
    def make(folder: Path, rng: np.random.Generator) -> Heard:
        channels = int(rng.integers(1, 4)) if ending != 'mp3' else int(rng.integers(1, 3))
        path, _ = audio.whole(folder, rng, ending, int(rng.integers(500, 30000)), channels)
        data = bytearray(path.read_bytes())
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(0, min(len(data), int(rng.choice([16, 64, 200, 2000])))))
            how = int(rng.integers(0, 4))
            if how == 0:
                data[at] = int(rng.integers(0, 256))
            elif how == 1:
                data[at] ^= 1 << int(rng.integers(0, 8))
            elif how == 2:
                del data[at : at + int(rng.integers(1, 9))]
            else:
                data[at:at] = data[at : at + int(rng.integers(1, 9))]
        path.write_bytes(data)
        known = _by_wave(path) if ending == 'wav' else (None, RATE)
        return Heard(path, EITHER, *known)

    return Case(f'audio/random/{ending}-{k}', 'audio random damage', make)


def _patch(path: Path, offset: int, layout: str, value: int) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into(layout, data, offset, value)
    path.write_bytes(data)


def _by_wave(path: Path) -> tuple[np.ndarray | None, int]:
    """Mono samples and rate of a wav as Python's own module reads it; (None, 16000) if it cannot.

    One more guard: the size of a frame in the header must be that of its samples, since which of
    two that differ is right nobody can tell.
    """
    with contextlib.suppress(wavefile.Error, EOFError, struct.error, ArithmeticError, RuntimeError):
        data = path.read_bytes()
        aligned = struct.unpack('<H', data[32:34])[0]
        with warnings.catch_warnings(action='ignore'), wavefile.open(str(path), 'rb') as file:
            frames = file.readframes(min(file.getnframes(), 10**6))
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
        if width not in (1, 2, 4) or aligned != width * channels or not 1000 <= rate <= 10**6:
            return None, RATE
        bits = struct.unpack('<H', data[34:36])[0]
        if bits != 8 * width or data[36:40] != b'data':
            return None, RATE
        held = np.frombuffer(frames[: len(frames) // aligned * aligned], f'<i{width}')
        if width == 1:
            held = held.view(np.uint8).astype(np.int64) - 128
        return (held / 2.0 ** (8 * width - 1)).reshape(-1, channels).mean(axis=1), rate
    return None, RATE


Make = Callable[[Path, np.random.Generator], Heard]


def _case(name: str, make: Make) -> Case:
    return Case(f'audio/{name}', f'audio {name.split("/")[0]}', make)
