import json
import struct
from pathlib import Path

import numpy as np
import pytest

from jaxprobe.deform import mp3
from tests.deform import against_audiomentations as other

# Bit rates by index, of MPEG-1 and of MPEG-2 and 2.5, layer III (ISO 11172-3, 13818-3).
RATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def coded(wave, rate, kbps):
    return mp3.apply(wave, rate, kbps, {}, np.random.RandomState(0))


def lag(wave, reference):
    """Samples by which `wave` comes later, to a tenth, by its correlation with `reference`."""
    size = 2 ** int(np.ceil(np.log2(len(wave) + len(reference))))
    spectra = np.fft.rfft(wave, size) * np.conj(np.fft.rfft(reference, size))
    found = np.fft.irfft(spectra, 10 * size)
    at = int(np.argmax(found)) / 10
    return at - size if at > size / 2 else at


@pytest.mark.parametrize(
    ('rate', 'kbps'),
    [(44100, 32.0), (44100, 128.0), (22050, 32.0), (16000, 16.0), (96000, 64.0), (8000, 320.0)],
)
def test_every_sample_stays_where_it_is(rate, kbps):
    """At any rate, with and without LAME's tag, of which the decoder learns the delay."""
    random = np.random.RandomState(0)
    wave = np.convolve(random.standard_normal(rate // 2), np.ones(12) / 12, 'same')
    wave = (0.2 * wave).astype(np.float32)
    out = coded(wave, rate, kbps)
    assert out.dtype == np.float32
    assert len(out) == len(wave)
    assert abs(lag(out, wave)) <= 0.1
    assert other.ratio(wave, out.astype(np.float64) - wave) > 3


@pytest.mark.parametrize(('kbps', 'least', 'most'), [(32.0, 7000, 11025), (128.0, 15000, 20500)])
def test_few_bits_leave_a_narrow_band(kbps, least, most):
    noise = 0.2 * np.random.RandomState(0).standard_normal(44100).astype(np.float32)
    power = np.abs(np.fft.rfft(coded(noise, 44100, kbps))) ** 2  # Bins of 1 Hz.
    share = np.cumsum(power) / power.sum()
    assert least < np.searchsorted(share, 0.99) < most


@pytest.mark.parametrize(
    ('rate', 'kbps', 'hertz', 'coded_kbps'),
    [
        (44100, 32, 22050, 32),
        (44100, 64, 44100, 64),
        (44100, 320, 44100, 320),
        (48000, 48, 32000, 48),
        (16000, 16, 16000, 16),
        (16000, 320, 16000, 160),
        (8000, 8, 8000, 8),
        (96000, 128, 48000, 128),
    ],
)
def test_the_file_is_mp3_at_the_bit_rate_and_at_the_rate_that_lame_takes(
    rate, kbps, hertz, coded_kbps
):
    within = mp3.coded_rate(rate, float(kbps))
    assert within == hertz
    wave = 0.1 * np.random.RandomState(0).standard_normal(within).astype(np.float32)
    file = mp3.encoded(wave, within, float(kbps))
    word = struct.unpack('>I', file[:4])[0]
    version = word >> 19 & 3
    assert word >> 21 == 0x7FF
    assert RATES[3 if version == 3 else 2][word >> 12 & 15] == coded_kbps
    assert HERTZ[version][word >> 10 & 3] == hertz
    assert len(file) * 8 / 1000 == pytest.approx(coded_kbps, rel=0.2)  # Of a second and a bit.


def test_the_error_is_about_that_of_audiomentations():
    """Another setting of the same encoder, LAME, whose delay they leave in."""
    golden = json.loads((Path(__file__).parents[1] / 'golden/audiomentations.json').read_text())
    wave = other.wave()
    for name, theirs in golden['mp3'].items():
        out = coded(wave, other.RATE, float(name.split(':')[1]))
        assert theirs['delay'] == mp3.DELAY
        assert other.ratio(wave, out - wave) == pytest.approx(theirs['error_db'], abs=2)


def test_loud_samples_are_not_clipped():
    wave = 3 * other.wave()
    assert np.abs(wave).max() > 1.2
    loud, soft = coded(wave, 22050, 128.0), coded(wave / 4, 22050, 128.0)
    assert other.ratio(loud, 4 * soft - loud) > 15
    assert np.abs(loud).max() > 1.1
