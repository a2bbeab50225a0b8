"""Audio files to mono float32 at one rate, or an error that says what is wrong with the file.

Conventions
-----------
Samples are float32 in [-1, 1] (float files may exceed it). Mono is the plain mean of the
channels. Resampling is soxr HQ, streamed; it gives the same samples as soxr on the whole file.
Files are decoded in blocks into buffers that each thread reuses, because whole-file decoding in
threads spends its time on page faults. soundfile and soxr release the GIL.

libsndfile reads truncated files of most formats as shorter ones without a word, so the
length a file declares is read from its own headers (`jaxprobe.audio.truncation`).
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from jaxprobe.audio import truncation
from jaxprobe.core.errors import DataError

RESAMPLER = 'soxr-HQ'  # Part of every store's fingerprint.
BLOCK = 65536  # Frames decoded at once.
_TRUSTED = 1 << 24  # Samples, 64 MiB: eleven minutes at 24 kHz.
_LEAST_RATE = 1000  # Hz; below, the header is damaged, and resampling would fill the memory.
_MOST_RATE = 10_000_000  # Hz; above, it is damaged too, and soxr's filter takes seconds to make.

REASONS = {
    'missing': 'there is no such file',
    'unreadable': 'the file cannot be opened',
    'empty': 'the file has 0 bytes',
    'not_audio': 'not an audio file that libsndfile can read',
    'no_samples': 'the file holds no samples',
    'past_end': 'the segment starts after the end of the file',
    'truncated': 'the file is truncated or damaged',
    'not_finite': 'the file holds NaN or infinite samples',
    'too_short': 'the item is shorter than the encoder can use',
    'encoder_not_finite': 'the encoder gave NaN or infinite embeddings for it',
}

_buffers = threading.local()


class AudioError(DataError):
    """A file or segment that cannot be used; `reason` is one of `REASONS`."""

    def __init__(self, reason: str, path: Path | None, detail: str):
        """Phrases the error; `path` is None where the samples come from no file."""
        self.reason = reason
        self.detail = detail
        where = f'{path}: ' if path else ''
        super().__init__(f'{where}{REASONS[reason]} ({detail})')


class AudioInfo(NamedTuple):
    """What a file's header says: rate in Hz, channels, frames (samples per channel)."""

    rate: int
    channels: int
    frames: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate


def probe(path: Path) -> AudioInfo:
    """Reads a file's header.

    Raises:
        AudioError: missing, unreadable, empty or not_audio.
    """
    with _open(path) as file:
        return AudioInfo(file.samplerate, file.channels, file.frames)


def read(
    path: Path, sample_rate: int, start: float = 0.0, duration: float | None = None
) -> Float[np.ndarray, 'S']:
    """Decodes a file, or a segment of it, to mono at `sample_rate`.

    Args:
        path: any format libsndfile reads (wav, flac, ogg, opus, mp3, aiff and more).
        sample_rate: Hz wanted.
        start: where the segment begins, in seconds.
        duration: its length in seconds; None means to the end. A segment that ends after the
            file does is cut there, as annotated lengths are often rounded up.

    Returns:
        The samples, float32.

    Raises:
        AudioError: missing, unreadable, empty, not_audio, no_samples, past_end, truncated,
            not_finite.
    """
    with _open(path) as file:
        rate = file.samplerate
        if not _LEAST_RATE <= rate <= _MOST_RATE:
            raise AudioError('not_audio', path, f'its header says {rate} Hz')
        frames = truncation.sound_frames(path, file.frames)
        if not frames:
            fault = truncation.fault(path, 0)
            detail = fault or f'{file.format}, {rate} Hz, 0 frames'
            raise AudioError('truncated' if fault else 'no_samples', path, detail)
        first = round(min(max(start * rate, -1), frames))  # Times may be beyond any number.
        if not 0 <= first < frames:
            raise AudioError('past_end', path, f'starts at {start:g} s of {frames / rate:.3f} s')
        stop = frames
        if duration is not None:
            stop = first + max(round(min(duration * rate, frames)), 1)
        if stop >= frames and (fault := truncation.fault(path, frames)):
            raise AudioError('truncated', path, fault)
        stop = min(stop, frames)
        blocks = _mono_blocks(file, path, first, stop)
        if rate != sample_rate:
            blocks = _resampled(blocks, rate, sample_rate)
        wave = _joined(blocks, (stop - first) * sample_rate // rate + 2)
    # The sum is finite unless a term is not, and costs no temporary array.
    if not np.isfinite(wave.sum()) and (wrong := np.count_nonzero(~np.isfinite(wave))):
        raise AudioError('not_finite', path, f'{wrong} samples')
    return wave


def resample(
    wave: Float[np.ndarray, 'samples'], rate: int, sample_rate: int
) -> Float[np.ndarray, 'S']:
    """Resamples a mono wave as `read` resamples what it decodes."""
    if rate == sample_rate:
        return wave
    blocks = (wave[at : at + BLOCK] for at in range(0, len(wave), BLOCK))
    return _joined(_resampled(blocks, rate, sample_rate), len(wave) * sample_rate // rate + 2)


def _open(path: Path) -> soundfile.SoundFile:
    """Opens a file, telling apart what libsndfile calls 'System error' or 'not recognised'."""
    try:
        if not path.is_file():
            if not path.exists():
                raise AudioError('missing', path, 'check the path')
            what = 'a folder' if path.is_dir() else 'a device, pipe or socket'
            raise AudioError('not_audio', path, f'it is {what}')
        if not path.stat().st_size:
            raise AudioError('empty', path, 'an interrupted copy? fetch it again')
        name: Any = os.fsencode(path)  # Bytes: as text, a name must be UTF-8.
        return soundfile.SoundFile(name)
    except OSError as error:
        raise AudioError('unreadable', path, error.strerror or str(error)) from error
    except soundfile.LibsndfileError as error:
        if not os.access(path, os.R_OK):
            raise AudioError('unreadable', path, 'permission denied') from error
        detail = f'{error.error_string} Convert m4a, aac or wma to flac or wav'
        raise AudioError('not_audio', path, detail) from error


def _mono_blocks(
    file: soundfile.SoundFile, path: Path, first: int, stop: int
) -> Iterator[np.ndarray]:
    """Yields mono blocks of frames first..stop-1; each is overwritten by the next."""
    at = first
    try:
        if first:
            file.seek(first)
        while at < stop:
            wanted = min(BLOCK, stop - at)
            block = file.read(out=_buffer(file.channels, wanted))
            if not len(block):
                break
            at += len(block)
            yield _mono(block)
    except soundfile.LibsndfileError as error:
        detail = f'decoding stops after {at} of {stop} frames: {error.error_string}'
        raise AudioError('truncated', path, detail) from error
    if at < stop and not truncation.is_length_estimate(path):
        raise AudioError('truncated', path, f'{at} of {stop} frames could be decoded')


def _buffer(channels: int, frames: int) -> np.ndarray:
    held = getattr(_buffers, 'block', None)
    if held is None or held.shape[1] != channels:
        held = _buffers.block = np.empty((BLOCK, channels), np.float32)
    return held[:frames]


def _mono(block: Float[np.ndarray, 'frames channels']) -> Float[np.ndarray, 'frames']:
    """Means over channels, column by column: `mean(axis=1)` is 30 times slower on two columns."""
    if block.shape[1] == 1:
        return block[:, 0]
    mono = block[:, 0] + block[:, 1]
    for channel in range(2, block.shape[1]):
        mono += block[:, channel]
    mono *= np.float32(1 / block.shape[1])
    return mono


def _resampled(blocks: Iterator[np.ndarray], rate: int, sample_rate: int) -> Iterator[np.ndarray]:
    stream = soxr.ResampleStream(rate, sample_rate, 1, dtype='float32', quality='HQ')
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _joined(blocks: Iterator[np.ndarray], expected: int) -> Float[np.ndarray, 'S']:
    """Joins blocks, each overwritten by the next, into one array of about `expected` samples.

    A damaged header can promise terabytes, so more than `_TRUSTED` samples are believed only as
    they come.
    """
    whole, size = np.empty(min(expected, _TRUSTED), np.float32), 0
    for block in blocks:
        if size + len(block) > len(whole):
            grown = np.empty(2 * len(whole) + len(block), np.float32)
            grown[:size] = whole[:size]
            whole = grown
        whole[size : size + len(block)] = block
        size += len(block)
    return whole[:size]
