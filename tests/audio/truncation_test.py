import numpy as np
import pytest
import soundfile

from jaxprobe.audio import truncation

NOISE = 0.1 * np.random.default_rng(0).standard_normal(66150).astype(np.float32)


@pytest.fixture(params=['wav', 'flac', 'ogg', 'mp3', 'aiff'])
def whole(request, tmp_path):
    path = tmp_path / f'a.{request.param}'
    soundfile.write(path, NOISE, 22050)
    return path


def test_a_whole_file_has_no_fault(whole):
    assert truncation.fault(whole, len(NOISE)) == ''
    assert not truncation.is_length_estimate(whole)


@pytest.mark.parametrize('cut', [1, 2, 27, 28, 100, 1000, 5000, 15000])
@pytest.mark.parametrize('ending', ['wav', 'ogg', 'aiff'])
def test_any_cut_is_found(tmp_path, ending, cut):
    path = tmp_path / f'a.{ending}'
    soundfile.write(path, NOISE, 22050)
    path.write_bytes(path.read_bytes()[:-cut])
    assert truncation.fault(path, 1)


def test_every_cut_of_a_short_ogg_is_found(tmp_path):
    path = tmp_path / 'a.ogg'
    soundfile.write(path, NOISE[:8000], 22050)
    data = path.read_bytes()
    for size in range(4000, len(data), 7):
        path.write_bytes(data[:size])
        assert truncation.fault(path, 1), size


def test_chunks_after_the_sound_and_streamed_lengths_are_no_faults(tmp_path):
    path = tmp_path / 'a.wav'
    soundfile.write(path, NOISE, 22050)
    data = path.read_bytes()
    path.write_bytes(data + b'LIST\x04\x00\x00\x00abcd')
    assert truncation.fault(path, 1) == ''
    at = data.index(b'data') + 4
    for unknown in (b'\xff\xff\xff\xff', b'\x00\x00\x00\x00'):
        path.write_bytes(data[:at] + unknown + data[at + 4 :])
        assert truncation.fault(path, 1) == ''


def test_nonsense_does_not_raise(tmp_path):
    rng = np.random.default_rng(0)
    for head in (b'RIFF0000WAVE', b'FORM0000AIFF', b'OggS', b'ID3', b'\xff\xfb', b''):
        for size in (0, 1, 3, 9, 40, 5000):
            path = tmp_path / 'x'
            path.write_bytes((head + rng.bytes(size)) or b'\0')
            truncation.fault(path, 0)
            truncation.is_length_estimate(path)


def test_an_mp3_without_a_length_frame_is_an_estimate(tmp_path):
    path = tmp_path / 'a.mp3'
    soundfile.write(path, NOISE, 22050)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'Xing', b'\0\0\0\0').replace(b'Info', b'\0\0\0\0'))
    assert truncation.is_length_estimate(path)
    tag = b'ID3\x04\x00\x00\x00\x00\x40\x00' + bytes(64 * 128)
    path.write_bytes(tag + data)
    assert not truncation.is_length_estimate(path)


@pytest.mark.parametrize('cut', [1, 2, 3, 64, 1000, 30000])
@pytest.mark.parametrize('ending', ['rf64', 'w64', 'caf', 'au', 'rifx'])
def test_any_cut_of_other_containers_is_found(tmp_path, ending, cut):
    path = tmp_path / f'a.{ending}'
    if ending == 'rifx':
        soundfile.write(path, NOISE, 22050, format='WAV', endian='BIG')
    else:
        soundfile.write(path, NOISE, 22050)
    assert truncation.fault(path, len(NOISE)) == ''
    path.write_bytes(path.read_bytes()[:-cut])
    assert str(path.stat().st_size)[:2] in truncation.fault(path, 1)


def test_a_cut_list_of_packets_is_found(tmp_path):
    """ALAC in caf cannot be decoded to its end without the lengths of its packets."""
    path = tmp_path / 'a.caf'
    soundfile.write(path, NOISE, 22050, subtype='ALAC_16')
    assert truncation.fault(path, len(NOISE)) == ''
    path.write_bytes(path.read_bytes()[:-9])
    assert truncation.fault(path, len(NOISE))


@pytest.mark.parametrize('ending', ['rf64', 'w64', 'caf', 'au'])
def test_unknown_lengths_of_other_containers_are_no_faults(tmp_path, ending):
    path = tmp_path / f'a.{ending}'
    soundfile.write(path, NOISE, 22050)
    data = bytearray(path.read_bytes())
    mark, behind, size = {
        'rf64': (b'ds64', 16, 8), 'w64': (b'data', 16, 8), 'caf': (b'data', 4, 8),
        'au': (b'.snd', 8, 4),
    }[ending]  # fmt: skip
    at = data.index(mark) + behind
    data[at : at + size] = b'\xff' * size
    path.write_bytes(data[:-500])
    assert truncation.fault(path, 1) == ''


def test_chunks_behind_the_sound_of_a_w64_are_no_sound(tmp_path):
    path = tmp_path / 'a.w64'
    soundfile.write(path, NOISE, 22050)
    assert truncation.sound_frames(path, len(NOISE)) == len(NOISE)
    guid = b'levl' + bytes.fromhex('f3acd3118cd100c04f8edb8a')
    data = path.read_bytes()
    path.write_bytes(data + guid + (424).to_bytes(8, 'little') + bytes(400))
    assert soundfile.info(path).frames > len(NOISE)  # Of libsndfile 1.2.2.
    assert truncation.sound_frames(path, soundfile.info(path).frames) == len(NOISE)
    soundfile.write(path, NOISE, 22050, subtype='IMA_ADPCM')  # Blocks, not frames.
    reported = soundfile.info(path).frames
    assert truncation.sound_frames(path, reported) == reported
