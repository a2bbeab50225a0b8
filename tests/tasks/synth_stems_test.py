import numpy as np
import pytest
import soundfile

from jaxprobe.core.errors import ConfigError
from jaxprobe.tasks import registry, synth_stem_sound
from jaxprobe.tasks.base import Kind


def small():
    return registry.build('synth_separation', {'items': (2, 1, 1)})


def test_the_mixture_is_the_sum_of_its_stems_to_the_last_bit(tmp_path):
    task = small()
    assert task.prepare(tmp_path).usable
    for item in task.items(tmp_path):
        assert [path.stem for path in item.target.paths] == list(task.labels)
        stems = [soundfile.read(path, dtype='int16')[0] for path in item.target.paths]
        mixture, rate = soundfile.read(item.path, dtype='int16')
        np.testing.assert_array_equal(np.sum(stems, axis=0), mixture)
        assert (rate, len(mixture)) == (22050, synth_stem_sound.SAMPLES)
        assert min(np.abs(stem.astype(float)).max() for stem in stems) > 500  # None is silent.


def test_made_once_and_mended(tmp_path):
    task = small()
    assert task.prepare(tmp_path).notes[0] == '4 clips written, 0 were there'
    before = {p: p.read_bytes() for p in tmp_path.rglob('*.wav')}
    assert len(before) == 4 * 5
    task.items(tmp_path)[0].target.paths[1].unlink()
    assert task.prepare(tmp_path).notes[0] == '1 clips written, 3 were there'
    assert {p: p.read_bytes() for p in tmp_path.rglob('*.wav')} == before


def test_what_it_is():
    task = small()
    assert (task.kind, task.primary) == (Kind.SEPARATION, 'sdr')
    assert task.protocol.window_seconds == 3.0
    with pytest.raises(ConfigError, match='three counts'):
        registry.build('synth_separation', {'items': (2, 1)})
    with pytest.raises(ConfigError, match='uni, bi'):
        registry.build('synth_separation', {'direction': 'forward'})
