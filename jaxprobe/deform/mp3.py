"""MP3 at a constant bit rate: LAME encodes, mpg123 decodes, in memory, through libsndfile."""

import io
from collections.abc import Mapping

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from jaxprobe.deform.base import Card, negative

# Rate in Hz -> bit rates in kbit/s that MPEG-1, 2 or 2.5 has there.
RANGES = {
    **dict.fromkeys((8000, 11025, 12000), (8, 64)),
    **dict.fromkeys((16000, 22050, 24000), (8, 160)),
    **dict.fromkeys((32000, 44100, 48000), (32, 320)),
}
# The rate to which LAME takes mono audio for few bits. Measured with lameenc 1.9.0 (LAME 3.100):
# libsndfile forbids it that, so we do it.
MOST_RATE = {8: 8000, 16: 16000, 24: 16000, 32: 22050, 40: 24000, 48: 32000, 56: 32000}

DELAY = 576 + 529  # Samples that LAME's encoder and any decoder put before the first one.
LEAST = 8 * 1152  # Samples below which a file has too few frames to be known as MP3.


def apply(
    wave: Float[np.ndarray, 'S'],
    rate: int,
    severity: float,
    options: Mapping[str, float],
    random: np.random.RandomState,
) -> Float[np.ndarray, 'S']:
    """Encodes as mono MP3 of `severity` kbit/s, decodes, and takes the codec's delay away.

    As LAME does it, a rate that is too high for so few bits is lowered before and restored after,
    and more bits than the format has at a rate become as many as it has. Samples beyond 1 are
    scaled down for the codec and up again.
    """
    del options, random
    within = coded_rate(rate, severity)
    peak = np.float32(max(1.0, float(np.abs(wave).max(initial=0.0))))
    there = _resampled(wave / peak, rate, within)
    there = np.pad(there, (0, max(0, LEAST - len(there))))
    back = _resampled(_coded(there, within, severity), within, rate)
    fitted = np.zeros(len(wave), np.float32)
    fitted[: len(back)] = back[: len(wave)]
    return fitted * peak


def coded_rate(rate: int, kbps: float) -> int:
    """The sampling rate of the MP3: the file's own, or what LAME takes for so few bits.

    >>> coded_rate(44100, 32), coded_rate(44100, 128), coded_rate(16000, 32)
    (22050, 44100, 16000)
    """
    most = min(rate, *(hz for bits, hz in MOST_RATE.items() if bits >= kbps), 48000)
    return max((hz for hz in RANGES if hz <= most), default=min(RANGES))


def encoded(wave: Float[np.ndarray, 'S'], rate: int, kbps: float) -> bytes:
    """The MP3 file of a mono wave at one of the format's rates."""
    least, most = RANGES[rate]
    # libsndfile maps 0..1 linearly to most..least and takes the nearest rate; it refuses a 1.
    level = min(max((most - kbps) / (most - least), 0.0), 0.999)
    file = io.BytesIO()
    with soundfile.SoundFile(
        file,
        'w',
        rate,
        1,
        format='MP3',
        subtype='MPEG_LAYER_III',
        compression_level=level,
        bitrate_mode='CONSTANT',
    ) as mp3:
        mp3.write(wave)
    return file.getvalue()


def _coded(wave: Float[np.ndarray, 'S'], rate: int, kbps: float) -> Float[np.ndarray, 'S2']:
    decoded, _ = soundfile.read(io.BytesIO(encoded(wave, rate, kbps)), dtype='float32')
    # Where a frame has room for LAME's tag, the decoder knows of delay and length and has taken
    # them away; at low bit rates there is none.
    return decoded[DELAY:] if len(decoded) > len(wave) else decoded


def _resampled(wave: Float[np.ndarray, 'S'], rate: int, other: int) -> Float[np.ndarray, 'S2']:
    return wave if rate == other else soxr.resample(wave, rate, other, quality='HQ')


CARD = Card(
    name='mp3',
    title='MP3',
    severity='bit rate',
    unit='kbit/s',
    severities=(128.0, 64.0, 32.0, 16.0),
    least=8.0,
    most=320.0,
    harm=negative,
    what='LAME at a constant bit rate, mono, decoded again; the delay of the codec is taken away',
    source='mir_ref D3 (32 kbit/s): audiomentations Mp3Compression',
    apply=apply,
)
