import dataclasses

import numpy as np
import pytest
import soundfile

from jaxprobe.core.errors import DataError
from jaxprobe.stages import stem_waves
from jaxprobe.tasks.base import Item, Stems

RATE = 8000


def item(folder, seconds=(1.0, 1.0), **changes):
    """A mixture of two tones, which are its stems."""
    folder.mkdir(parents=True, exist_ok=True)
    stems = []
    for k, length in enumerate(seconds):
        time = np.arange(round(length * RATE)) / RATE
        stems.append(0.3 * np.sin(2 * np.pi * (200 + 300 * k) * time))
        soundfile.write(folder / f'{k}.wav', stems[-1], RATE, subtype='FLOAT')
    size = max(map(len, stems))
    mixture = sum(np.pad(s, (0, size - len(s))) for s in stems)
    soundfile.write(folder / 'mixture.wav', mixture, RATE, subtype='FLOAT')
    target = Stems((folder / '0.wav', folder / '1.wav'))
    return Item(folder.name, folder / 'mixture.wav', 'train', target, **changes)


def test_waves_are_decoded_once_and_known_where_they_moved(tmp_path):
    songs = [item(tmp_path / 'a'), item(tmp_path / 'b', start=0.25, duration=0.5)]
    events = []
    first = stem_waves.prepare(
        songs, tmp_path / 'stores', RATE, progress=lambda *at: events.append(at)
    )
    assert events == [(1.0, 2.0), (2.0, 2.0)]
    waves = np.load(first[0])
    assert waves.shape == (3, RATE)
    np.testing.assert_allclose(waves[1:].sum(axis=0), waves[0], atol=1e-6)
    assert np.load(first[1]).shape == (3, RATE // 2)
    (tmp_path / 'a').rename(tmp_path / 'c')
    moved = dataclasses.replace(
        songs[0], path=tmp_path / 'c/mixture.wav',
        target=Stems((tmp_path / 'c/0.wav', tmp_path / 'c/1.wav')),
    )  # fmt: skip
    events.clear()
    assert stem_waves.prepare([moved], tmp_path / 'stores', RATE) == first[:1]
    assert not events
    half = stem_waves.prepare([moved], tmp_path / 'stores', RATE // 2)
    assert abs(np.load(half[0]).shape[1] - RATE // 2) <= 1


@pytest.mark.parametrize('spoil', [lambda data: data[:-8], lambda data: data[:-1] + b'\x7f'])
def test_damaged_waves_are_decoded_again(tmp_path, spoil):
    song = item(tmp_path / 'a')
    (path,) = stem_waves.prepare([song], tmp_path, RATE)
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    assert stem_waves.prepare([song], tmp_path, RATE) == [path]
    assert path.read_bytes() == whole
    path.with_suffix('.json').unlink()  # As versions before left them.
    path.write_bytes(spoil(whole))
    stem_waves.prepare([song], tmp_path, RATE)
    assert path.read_bytes() == whole


def test_stems_of_another_length_are_refused_and_rounding_is_not(tmp_path):
    with pytest.raises(DataError, match=r'the mixture has 1\.00 s, but 1\.wav 0\.50 s'):
        stem_waves.prepare([item(tmp_path / 'a', (1.0, 0.5))], tmp_path, RATE)
    (path,) = stem_waves.prepare([item(tmp_path / 'b', (1.0, 0.995))], tmp_path, RATE)
    assert np.load(path)[2, -20:].tolist() == [0.0] * 20


def test_missing_stems(tmp_path):
    song = item(tmp_path / 'a')
    assert stem_waves.lacking([song]) == {}
    (tmp_path / 'a/1.wav').unlink()
    assert stem_waves.lacking([song]) == {0: 'missing: 1.wav'}
    with pytest.raises(DataError, match='1 stems cannot be read'):
        stem_waves.digests([song], tmp_path)


@pytest.mark.parametrize('begin', [-3, 0, 4, 7])
def test_waves_are_mirrored_at_their_ends(begin):
    waves = np.arange(20.0, dtype=np.float32).reshape(2, 10)
    padded = np.pad(waves, ((0, 0), (9, 9)), mode='reflect')
    found = stem_waves.cut(waves, begin, 6)
    np.testing.assert_array_equal(found, padded[:, 9 + begin : 9 + begin + 6])


def test_disk():
    """MUSDB18: ten hours of five recordings at 24 kHz."""
    assert stem_waves.disk_bytes(36000.0, 4, 24000) == pytest.approx(17.3e9, rel=0.01)
