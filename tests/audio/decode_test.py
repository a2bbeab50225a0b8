import os
import subprocess
import sys
import wave as wavefile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from jaxprobe.audio import decode
from jaxprobe.audio.decode import AudioError
from jaxprobe.core.errors import DataError

RATE = 22050
ROOT = Path(__file__).resolve().parents[2]


def _noise(seconds=2.0, channels=2, rate=RATE):
    rng = np.random.default_rng(0)
    return 0.1 * rng.standard_normal((round(seconds * rate), channels)).astype(np.float32)


def _reason(path, **segment):
    with pytest.raises(AudioError) as caught:
        decode.read(path, RATE, **segment)
    assert isinstance(caught.value, DataError)
    assert str(path) in str(caught.value)
    return caught.value.reason


def _loaded_whole(path, rate):
    """What the pieces amount to, done in one go by the libraries themselves."""
    audio, native = soundfile.read(path, dtype='float32', always_2d=True)
    mono = audio.astype(np.float64).mean(axis=1).astype(np.float32)
    return mono if native == rate else soxr.resample(mono, native, rate, quality='HQ')


@pytest.mark.parametrize('channels', [1, 2, 3, 6])
@pytest.mark.parametrize('rate', [RATE, 16000, 44100])
def test_read_equals_whole_file_decoding(tmp_path, channels, rate):
    path = tmp_path / 'a.wav'
    soundfile.write(path, _noise(4.0, channels), RATE, subtype='FLOAT')
    wave = decode.read(path, rate)
    expected = _loaded_whole(path, rate)
    assert wave.dtype == np.float32
    assert wave.shape == expected.shape
    np.testing.assert_allclose(wave, expected, atol=1e-6)


@pytest.mark.parametrize('ending', ['wav', 'flac', 'ogg', 'mp3', 'aiff', 'opus'])
def test_every_format_reads_whole(tmp_path, ending):
    path, rate = tmp_path / f'a.{ending}', 48000 if ending == 'opus' else RATE
    more = {'format': 'OGG', 'subtype': 'OPUS'} if ending == 'opus' else {}
    soundfile.write(path, _noise(3.0, rate=rate), rate, **more)
    np.testing.assert_allclose(decode.read(path, 16000), _loaded_whole(path, 16000), atol=1e-6)


def test_real_recordings_read_whole(shared):
    paths = [*(shared / 'data/music').glob('*.ogg')][:3]
    paths += sorted((shared / 'data/fsdd/recordings').glob('7_*_4.wav'))
    paths += [p for p in (shared / 'data/real_layouts').rglob('*') if p.suffix in ('.mp3', '.wav')]
    assert len(paths) > 10
    for path in paths:
        np.testing.assert_allclose(decode.read(path, 16000), _loaded_whole(path, 16000), atol=1e-6)


def test_threads_do_not_share_buffers(tmp_path):
    paths = []
    for i in range(8):
        paths.append(tmp_path / f'{i}.wav')
        soundfile.write(paths[-1], np.full((4 * RATE, 1 + i % 2), i / 10, np.float32), RATE)
    with ThreadPoolExecutor(4) as pool:
        waves = list(pool.map(lambda path: decode.read(path, RATE), paths * 3))
    for i, wave in enumerate(waves):
        np.testing.assert_allclose(wave, i % 8 / 10, atol=1e-4)


@pytest.mark.parametrize(('start', 'duration'), [(0.5, 0.7), (1.0, None), (0.0, 0.25), (1.9, 5.0)])
@pytest.mark.parametrize('ending', ['wav', 'flac', 'ogg', 'mp3'])
def test_segments(tmp_path, ending, start, duration):
    """A segment is the same samples as that stretch of the file; it is cut at the file's end."""
    path = tmp_path / f'a.{ending}'
    soundfile.write(path, _noise(2.0), RATE)
    whole = decode.read(path, RATE)
    first = round(start * RATE)
    stop = len(whole) if duration is None else min(first + round(duration * RATE), len(whole))
    wave = decode.read(path, RATE, start, duration)
    assert len(wave) == stop - first
    np.testing.assert_allclose(wave, whole[first:stop], atol=1e-3 if ending == 'mp3' else 1e-5)


@pytest.mark.parametrize('start', [2.0, 2.5, -0.1])
def test_a_start_outside_the_file(tmp_path, start):
    soundfile.write(tmp_path / 'a.wav', _noise(2.0), RATE)
    assert _reason(tmp_path / 'a.wav', start=start) == 'past_end'


@pytest.mark.parametrize('ending', ['wav', 'flac', 'ogg', 'mp3', 'aiff'])
@pytest.mark.parametrize('kept', [0.5, 0.9])
def test_truncated(tmp_path, ending, kept):
    path = tmp_path / f'a.{ending}'
    soundfile.write(path, _noise(3.0), RATE)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    assert _reason(path) == 'truncated'


def test_a_segment_before_the_cut_is_good(tmp_path):
    """What is asked for is there, so it is given."""
    path = tmp_path / 'a.wav'
    soundfile.write(path, _noise(3.0), RATE)
    whole = decode.read(path, RATE)
    path.write_bytes(path.read_bytes()[:-100000])
    np.testing.assert_array_equal(decode.read(path, RATE, 0.0, 1.0), whole[:RATE])
    assert _reason(path, start=0.0, duration=2.9) == 'truncated'


def test_missing_empty_garbage_folder(tmp_path):
    (tmp_path / 'empty.wav').touch()
    (tmp_path / 'text.wav').write_text('<html>404 not found</html>' * 100)
    assert _reason(tmp_path / 'none.wav') == 'missing'
    assert _reason(tmp_path / 'empty.wav') == 'empty'
    assert _reason(tmp_path / 'text.wav') == 'not_audio'
    assert _reason(tmp_path) == 'not_audio'
    for name, reason in {
        'none.wav': 'missing',
        'empty.wav': 'empty',
        'text.wav': 'not_audio',
    }.items():
        with pytest.raises(AudioError, match=name) as caught:
            decode.probe(tmp_path / name)
        assert caught.value.reason == reason


def test_no_samples(tmp_path):
    with wavefile.open(str(tmp_path / 'a.wav'), 'wb') as file:
        file.setparams((1, 2, RATE, 0, 'NONE', ''))
    assert _reason(tmp_path / 'a.wav') == 'no_samples'


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_not_finite(tmp_path, value):
    audio = _noise()
    audio[100, 0] = value
    soundfile.write(tmp_path / 'a.wav', audio, RATE, subtype='FLOAT')
    assert _reason(tmp_path / 'a.wav') == 'not_finite'


def test_a_file_one_may_not_open_is_not_called_garbage(tmp_path, monkeypatch):
    """libsndfile calls both 'System error' or 'not recognised'. Root may open everything."""
    (tmp_path / 'a.wav').write_text('secret')
    monkeypatch.setattr(decode.os, 'access', lambda path, mode: False)
    assert _reason(tmp_path / 'a.wav') == 'unreadable'


def test_silence_is_no_error(tmp_path):
    soundfile.write(tmp_path / 'a.wav', np.zeros((RATE, 2), np.float32), RATE)
    assert not decode.read(tmp_path / 'a.wav', 16000).any()


def test_probe(tmp_path):
    soundfile.write(tmp_path / 'a.flac', _noise(1.5, 3), RATE)
    info = decode.probe(tmp_path / 'a.flac')
    assert info == (RATE, 3, round(1.5 * RATE))
    assert info.seconds == pytest.approx(1.5)


@pytest.mark.parametrize('ending', ['wav', 'flac', 'ogg', 'mp3', 'aiff'])
def test_damaged_headers_are_audio_errors_or_audio(tmp_path, ending):
    """Whatever bytes are wrong: no other exception, and no memory for what a header promises."""
    path, rng = tmp_path / f'a.{ending}', np.random.default_rng(0)
    soundfile.write(path, _noise(0.5), RATE)
    data, reasons = path.read_bytes(), set()
    for _ in range(150):
        changed = bytearray(data)
        for at in rng.integers(0, 200, rng.integers(1, 6)):
            changed[at] = rng.integers(0, 256)
        path.write_bytes(changed)
        try:
            reasons.add(decode.read(path, RATE).ndim)
        except AudioError as error:
            reasons.add(error.reason)
    assert 'not_audio' in reasons or 'truncated' in reasons
    assert reasons <= {1, *decode.REASONS}


def test_an_absurd_rate_is_a_damaged_header(tmp_path):
    soundfile.write(tmp_path / 'a.wav', _noise(), 3)
    assert _reason(tmp_path / 'a.wav') == 'not_audio'


def test_importing_costs_no_jax():
    code = 'import sys, jaxprobe.audio.loader; assert "jax" not in sys.modules'
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)


@pytest.mark.parametrize('rate', [10_000_001, 2**31 - 1])
def test_a_rate_beyond_all_recorders_is_a_damaged_header(tmp_path, rate):
    path = tmp_path / 'a.wav'
    soundfile.write(path, _noise(), RATE)
    data = path.read_bytes()
    path.write_bytes(data[:24] + rate.to_bytes(4, 'little') + data[28:])
    assert _reason(path) == 'not_audio'


def test_times_beyond_any_number_of_samples(tmp_path):
    path = tmp_path / 'a.wav'
    soundfile.write(path, _noise(), RATE)
    assert _reason(path, start=1.7e308) == 'past_end'
    assert _reason(path, start=1.7e308, duration=1.7e308) == 'past_end'
    assert len(decode.read(path, RATE, 0.5, 1.7e308)) == 1.5 * RATE


def test_a_name_that_is_no_text(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path / 'a') + b'\xff\xfe.wav'))
    soundfile.write(os.fsencode(path), _noise(), RATE)
    assert len(decode.read(path, RATE)) == 2 * RATE


def test_what_is_neither_file_nor_folder_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'a.wav')
    assert _reason(tmp_path / 'a.wav') == 'not_audio'
    assert _reason(tmp_path / 'b\0.wav') == 'missing'


def test_what_stands_behind_the_sound_of_a_w64_is_not_heard(tmp_path):
    path = tmp_path / 'a.w64'
    soundfile.write(path, _noise(), RATE)
    path.write_bytes(path.read_bytes() + bytes(900))
    assert len(decode.read(path, RATE)) == 2 * RATE
