"""Sound files by the book and against it: encodings, channels, lengths, cuts, wraps, contents."""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.inputs.cases import ACCEPT, EITHER, LEAST, RATE, REFUSE, WINDOW, Case, Heard

# Ending and libsndfile's name of the formats whose cut files must be told from whole ones.
FORMATS = {
    'wav': 'WAV', 'flac': 'FLAC', 'ogg': 'OGG', 'mp3': 'MP3', 'aiff': 'AIFF', 'au': 'AU',
    'caf': 'CAF', 'w64': 'W64', 'rf64': 'RF64',
}  # fmt: skip
MORE = ('WAVEX', 'AVR', 'SVX', 'MAT4', 'MAT5', 'PAF', 'PVF', 'SDS', 'IRCAM', 'NIST')
EXACT = {'PCM_S8': 8, 'PCM_U8': 8, 'PCM_16': 16, 'PCM_24': 24, 'PCM_32': 32, 'ALAC_16': 16}
FLOATS = {'FLOAT': np.float32, 'DOUBLE': np.float64}
# Largest rms error, as a share of the signal's, of what a codec does to tones and faint noise.
LOSSY = {'ULAW': 0.03, 'ALAW': 0.03, 'VORBIS': 0.2, 'OPUS': 0.3, 'MPEG_LAYER_III': 0.2}
_BLOCK = 0.35  # Of ADPCM and GSM.
NOT_WRITTEN = ('DWVW_12', 'DWVW_16', 'DWVW_24', 'DWVW_N', 'MPEG_LAYER_I', 'MPEG_LAYER_II')


def tones(samples: int, channels: int, rng: np.random.Generator, rate: int = RATE) -> np.ndarray:
    """Float64 [samples, channels]: other tones in every channel, and faint noise; below 0.7."""
    t = np.arange(samples)[:, None] / rate
    pitch = rng.uniform(150, 900, (2, channels))
    wave = 0.3 * np.sin(2 * np.pi * pitch[0] * t) + 0.3 * np.sin(2 * np.pi * pitch[1] * t)
    return wave + 0.002 * rng.standard_normal((samples, channels))


def write(path: Path, wave: np.ndarray, kind: str, subtype: str, rate: int = RATE) -> np.ndarray:
    """Writes a wave [samples, channels]; returns the mono that was put in, in float64."""
    if subtype in EXACT:
        bits = EXACT[subtype]
        whole = np.round(wave * 2.0 ** (bits - 1)).astype(np.int64)
        wide = 16 if bits <= 16 else 32
        held = (whole << (wide - bits)).astype(np.int16 if wide == 16 else np.int32)
        wave = whole / 2.0 ** (bits - 1)
    else:
        held = wave.astype(FLOATS.get(subtype, np.float64))
    soundfile.write(path, held, rate, format=kind, subtype=subtype)
    return np.float64(held if subtype in FLOATS else wave).mean(axis=1)


def default(ending: str) -> str:
    """The encoding a format is cut and damaged in."""
    return {'ogg': 'VORBIS', 'mp3': 'MPEG_LAYER_III'}.get(ending, 'PCM_16')


def whole(
    folder: Path, rng: np.random.Generator, ending: str, samples: int = 20800, channels: int = 1
) -> tuple[Path, np.ndarray]:
    """A good file of a format in its usual encoding, and its mono."""
    path = folder / f'a.{ending}'
    wave = tones(samples, channels, rng)
    return path, write(path, wave, FORMATS[ending], default(ending))


def cases() -> list[Case]:
    """All systematic cases of audio but those of headers."""
    groups = (_encodings, _channels, _lengths, _cuts, _wraps, _contents, _places, _clips)
    return [case for group in groups for case in group()]


def _encodings() -> Iterator[Case]:
    for kind in (*FORMATS.values(), *MORE):
        for subtype in soundfile.available_subtypes(kind):
            if subtype in NOT_WRITTEN or not soundfile.check_format(kind, subtype):
                continue
            if kind == 'WAV' and subtype == 'MPEG_LAYER_III':
                continue  # libsndfile lists it and cannot write it.
            for channels in (1, 2):
                yield _case(
                    f'encoding/{kind}-{subtype}-{channels}', _encoded(kind, subtype, channels)
                )


def _encoded(kind: str, subtype: str, channels: int):
    def make(folder: Path, rng: np.random.Generator) -> Heard:
        path = folder / f'a.{kind.lower()}'
        wave = tones(20800, channels, rng)
        try:
            mono = write(path, wave, kind, subtype)
        except soundfile.LibsndfileError:  # Mono alone, as GSM.
            mono = write(path, wave[:, :1], kind, subtype)
        exact = subtype in EXACT or subtype in FLOATS or subtype.startswith('ALAC')
        error = 2**-15 if subtype.startswith('ALAC') else 0.0
        blocks = not exact and subtype not in LOSSY
        if kind == 'SDS':  # Of 8 and 24 bits, libsndfile writes fewer.
            exact, blocks = False, False
        return Heard(
            path, ACCEPT, mono, error=error if exact else LOSSY.get(subtype, _BLOCK),
            more=4096 if blocks else 0,
        )  # fmt: skip

    return make


def _channels() -> Iterator[Case]:
    for ending, counts in (
        ('wav', (3, 4, 5, 6, 8, 16, 31, 32)),
        ('flac', (3, 5, 8)),
        ('caf', (6,)),
    ):
        for count in counts:

            def make(folder, rng, ending=ending, count=count):
                return Heard(*_heard(whole(folder, rng, ending, channels=count)))

            yield _case(f'channels/{ending}-{count}', make)

    def many(folder, rng):
        wave = tones(500, 1024, rng)
        return Heard(folder / 'a.wav', ACCEPT, write(folder / 'a.wav', wave, 'WAV', 'PCM_16'))

    yield _case('channels/wav-1024', many)


def _heard(made: tuple[Path, np.ndarray]) -> tuple[Path, str, np.ndarray]:
    return made[0], ACCEPT, made[1]


def _lengths() -> Iterator[Case]:
    edges = (0, 1, 2, 64, LEAST - 1, LEAST, LEAST + 1, WINDOW - 1, WINDOW, WINDOW + 1)
    edges += (2 * WINDOW - 1, 2 * WINDOW, 2 * WINDOW + 1)
    for ending in ('wav', 'flac', 'aiff', 'caf', 'w64', 'rf64', 'au'):
        for samples in edges if ending in ('wav', 'flac') else (0, 1, WINDOW):

            def make(folder, rng, ending=ending, samples=samples):
                path, mono = whole(folder, rng, ending, samples)
                return Heard(path, ACCEPT if samples else REFUSE, mono)

            yield _case(f'length/{ending}-{samples}', make)
    for ending in ('ogg', 'mp3'):
        for samples in (0, 1, 300, WINDOW):

            def lossy(folder, rng, ending=ending, samples=samples):
                path, mono = whole(folder, rng, ending, samples)
                verdict = ACCEPT if samples == WINDOW else EITHER
                return Heard(path, verdict, mono if samples == WINDOW else None, error=0.3)

            yield _case(f'length/{ending}-{samples}', lossy)


def _cuts() -> Iterator[Case]:
    """A file without its end: told from a whole one, wherever its format says how long it is."""
    for ending in FORMATS:
        for name, share in (('most', 0.9), ('half', 0.5), ('tenth', 0.1)):
            yield _case(f'cut/{ending}-{name}', _cut(ending, lambda n, s=share: int(n * s)))
        for lost in (1, 2, 3, 64):
            yield _case(f'cut/{ending}-less-{lost}', _cut(ending, lambda n, k=lost: n - k))
        for kept in (1, 4, 12, 20, 44, 60, 100):
            yield _case(f'cut/{ending}-first-{kept}', _cut(ending, lambda n, k=kept: k))

    def unheaded(folder, rng):
        """No Xing frame says how long this mp3 is: a cut one is a shorter one."""
        path, _ = whole(folder, rng, 'mp3', 48000)
        data = path.read_bytes().replace(b'Xing', bytes(4)).replace(b'Info', bytes(4))
        path.write_bytes(data[: len(data) * 2 // 3])
        return Heard(path, EITHER)

    yield _case('cut/mp3-without-a-length', unheaded)


def _cut(ending: str, kept: Callable[[int], int]):
    def make(folder: Path, rng: np.random.Generator) -> Heard:
        path, _ = whole(folder, rng, ending)
        data = path.read_bytes()
        path.write_bytes(data[: kept(len(data))])
        return Heard(path, REFUSE)

    return make


def _wraps() -> Iterator[Case]:
    """Whole sound in strange clothes, and strangers in the clothes of sound."""
    for ending in FORMATS:

        def trailing(folder, rng, ending=ending):
            path, mono = whole(folder, rng, ending)
            path.write_bytes(path.read_bytes() + rng.bytes(777))
            return Heard(path, EITHER, mono, error=_error(ending))

        yield _case(f'wrap/garbage-behind-{ending}', trailing)

        def misnamed(folder, rng, ending=ending):
            path, mono = whole(folder, rng, ending)
            other = path.rename(folder / f'A.{"wav" if ending == "mp3" else "MP3"}')
            return Heard(other, ACCEPT, mono, error=_error(ending))

        yield _case(f'wrap/misnamed-{ending}', misnamed)

        def tagged(folder, rng, ending=ending):
            path, mono = whole(folder, rng, ending)
            path.write_bytes(_id3(rng.bytes(3000)) + path.read_bytes())
            return Heard(path, EITHER, mono, error=_error(ending))

        yield _case(f'wrap/id3-before-{ending}', tagged)

    def closing(folder, rng):
        path, mono = whole(folder, rng, 'mp3')
        path.write_bytes(path.read_bytes() + b'TAG' + b'title'.ljust(125, b'\0'))
        return Heard(path, ACCEPT, mono, error=0.2)

    yield _case('wrap/id3v1-behind-mp3', closing)

    def nameless(folder, rng):
        path, mono = whole(folder, rng, 'flac')
        return Heard(path.rename(folder / 'a'), ACCEPT, mono)

    yield _case('wrap/no-ending', nameless)
    for name, data in {
        'nothing': b'', 'one-byte': b'R', 'zeros': bytes(50000), 'ones': b'\xff' * 50000,
        'text': b'this is not audio\n' * 200, 'html': b'<!DOCTYPE html><html>404</html>',
        'png': b'\x89PNG\r\n\x1a\n' + bytes(500), 'm4a': b'\0\0\0\x20ftypM4A \0\0\0\0' + bytes(999),
        'zip': b'PK\x03\x04' + bytes(999), 'git-lfs': b'version https://git-lfs.github.com/spec/v1',
        'riff-alone': b'RIFF', 'ogg-alone': b'OggS' + bytes(27), 'flac-alone': b'fLaC' + bytes(40),
        'id3-alone': b'ID3\x04\0\0\x7f\x7f\x7f\x7f', 'caff-alone': b'caff\0\1\0\0',
        'sync-alone': b'\xff\xfb\x90\x64' * 3, 'rf64-alone': b'RF64\xff\xff\xff\xffWAVEds64',
    }.items():  # fmt: skip
        for ending in ('wav', 'mp3') if name in ('zeros', 'ones', 'text') else ('wav',):

            def foreign(folder, rng, data=data, ending=ending):
                (folder / f'a.{ending}').write_bytes(data)
                return Heard(folder / f'a.{ending}', REFUSE)

            yield _case(f'wrap/{name}-as-{ending}', foreign)

    def noise(folder, rng):
        (folder / 'a.mp3').write_bytes(rng.bytes(60000))
        return Heard(folder / 'a.mp3', EITHER)

    for k in range(3):
        yield _case(f'wrap/noise-{k}', noise)


def _error(ending: str) -> float:
    return 0.2 if ending in ('ogg', 'mp3') else 0.0


def _id3(body: bytes) -> bytes:
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b'ID3\x04\x00\x00' + size + body


def _contents() -> Iterator[Case]:
    def filled(value: float, subtype: str, verdict: str, share: float = 1.0):
        def make(folder: Path, rng: np.random.Generator) -> Heard:
            wave = tones(20800, 1, rng)
            wave[: round(share * len(wave))] = value
            path = folder / 'a.wav'
            with np.errstate(over='ignore'):  # What does not fit float32 is the point.
                soundfile.write(path, wave, RATE, subtype=subtype)
            return Heard(path, verdict, wave[:, 0] if verdict == ACCEPT else None, error=1e-6)

        return make

    for name, value, subtype, verdict in (
        ('silence', 0.0, 'PCM_16', ACCEPT), ('dc', 0.5, 'PCM_16', ACCEPT),
        ('loud', 100.0, 'FLOAT', ACCEPT), ('huge', 1e30, 'FLOAT', EITHER),
        ('largest', 3.4e38, 'FLOAT', EITHER), ('denormal', 1e-42, 'FLOAT', ACCEPT),
        ('faint', 1e-7, 'FLOAT', ACCEPT), ('nan', np.nan, 'FLOAT', REFUSE),
        ('inf', np.inf, 'FLOAT', REFUSE), ('minus-inf', -np.inf, 'DOUBLE', REFUSE),
        ('beyond-float32', 1e300, 'DOUBLE', REFUSE), ('nan-double', np.nan, 'DOUBLE', REFUSE),
    ):  # fmt: skip
        yield _case(f'content/{name}', filled(value, subtype, verdict))
        if verdict == REFUSE:
            yield _case(f'content/{name}-once', filled(value, subtype, verdict, share=1 / 20800))


def _places() -> Iterator[Case]:
    """Things in the file system that are no files, or not where they seem to be."""

    def at(act: Callable[[Path], object], verdict: str = REFUSE, name: str = 'a.wav'):
        def make(folder: Path, rng: np.random.Generator) -> Heard:
            act(folder / name)
            return Heard(folder / name, verdict)

        return make

    acts = {
        'folder': lambda p: p.mkdir(),
        'fifo': os.mkfifo,
        'socket': _listen,
        'dangling-link': lambda p: p.symlink_to('nowhere.wav'),
        'link-to-itself': lambda p: p.symlink_to(p.name),
        'link-to-folder': lambda p: p.symlink_to('.'),
        'link-to-zeros': lambda p: p.symlink_to('/dev/zero'),
        'link-to-null': lambda p: p.symlink_to('/dev/null'),
        'link-to-stdin': lambda p: p.symlink_to('/dev/stdin'),
        'link-to-terminal': lambda p: p.symlink_to('/dev/tty'),
        'link-to-own-memory': lambda p: p.symlink_to('/proc/self/mem'),
        'absent': lambda p: None,
        'below-a-file': lambda p: p.parent.write_bytes(b'x'),
    }
    for name, act in acts.items():
        where = 'b/a.wav' if name == 'below-a-file' else 'a.wav'
        yield _case(f'place/{name}', at(act, name=where))
    for name, text in {
        'name-of-300-bytes': 'n' * 300 + '.wav', 'nul-in-name': 'a\0b.wav',
        'lone-surrogate': 'a\ud800.wav', 'path-of-5000-bytes': '/'.join(['d' * 99] * 50),
    }.items():  # fmt: skip
        yield _case(f'place/{name}', at(lambda p: None, name=text))
    for name, text in {
        'newline': 'a\nb.wav', 'dash': '-rf.wav', 'shell': '$(touch x);`y`&|*?.wav',
        'not-utf8': os.fsdecode(b'\xff\xfe.wav'), 'name-of-255-bytes': 'n' * 251 + '.wav',
        'emoji': '🎵 ‮gpj.wav', 'tilde': '~root.wav', 'percent': '%s%n%00.wav', 'space': ' .wav',
        'url': 'http:/x/a.wav',
    }.items():  # fmt: skip

        def named(folder, rng, text=text):
            path, mono = whole(folder, rng, 'wav')
            (folder / text).parent.mkdir(parents=True, exist_ok=True)
            return Heard(path.rename(folder / text), ACCEPT, mono)

        yield _case(f'place/{name}', named)

    def linked(folder, rng):
        path, mono = whole(folder, rng, 'wav')
        path.rename(folder / 'b.wav')
        path.symlink_to('b.wav')
        return Heard(path, ACCEPT, mono)

    yield _case('place/link', linked)

    def forbidden(folder, rng):
        path, mono = whole(folder, rng, 'wav')
        path.chmod(0)
        root = os.access(path, os.R_OK)  # Nothing is forbidden to root.
        return Heard(path, ACCEPT if root else REFUSE, mono)

    yield _case('place/forbidden', forbidden)

    def sparse(folder, rng):
        """A header that promises, and a hole of 64 MiB that keeps the promise: silence."""
        path = folder / 'a.wav'
        head = b'RIFF' + struct.pack('<I', 2**26 + 36) + b'WAVEfmt '
        head += struct.pack('<IHHIIHH', 16, 1, 1, RATE, 2 * RATE, 2, 16)
        path.write_bytes(head + b'data' + struct.pack('<I', 2**26))
        os.truncate(path, 44 + 2**26)
        return Heard(path, ACCEPT, np.zeros(2**18), start=2.0, duration=2**18 / RATE)

    yield _case('place/sparse', sparse)


def _listen(path: Path) -> None:
    held, here = socket.socket(socket.AF_UNIX), Path.cwd()
    os.chdir(path.parent)  # A socket's whole path has 108 bytes at most.
    try:
        held.bind(path.name)
    finally:
        os.chdir(here)
        held.close()


def _clips() -> Iterator[Case]:
    """Parts of a file that are there, and that are not."""
    for start, duration, verdict in (
        (0.25, 0.5, ACCEPT), (1.0, 5.0, ACCEPT), (0.0, 1e-9, ACCEPT), (0.0, 1e308, ACCEPT),
        (1.2999, None, ACCEPT), (1.3, None, REFUSE), (1.31, None, REFUSE), (1e6, 1.0, REFUSE),
        (1e300, None, REFUSE), (1e308, 1e308, REFUSE), (0.0, 2.5, ACCEPT),
    ):  # fmt: skip
        for ending in ('wav', 'flac', 'rf64'):

            def make(folder, rng, ending=ending, at=(start, duration, verdict)):
                path, mono = whole(folder, rng, ending)
                first = min(round(min(at[0], 1e6) * RATE), len(mono))
                last = len(mono) if at[1] is None else min(len(mono), first + at[1] * RATE)
                part = mono[first : max(first + 1, round(last))]
                return Heard(path, at[2], part, start=at[0], duration=at[1])

            yield _case(f'clip/{ending}-{start:g}-{duration}', make)


def _case(name: str, make) -> Case:
    return Case(f'audio/{name}', f'audio {name.split("/")[0]}', make)
