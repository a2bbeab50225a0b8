import json

import numpy as np
import pytest
import soundfile

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import registry, targets, tfds_adapter
from tests.tasks import tfds_made

GENRE = {'label': 'label', 'group': 'audio/filename'}


def built(name, options, folder):
    return registry.build(f'tfds:{name}', options, folder)


def test_gtzan_as_tfds_prepares_it(tmp_path):
    tfds_made.gtzan(tmp_path / 'tfds', songs=60)
    task = built('gtzan', GENRE, tmp_path)
    assert (task.name, task.labels) == ('tfds_gtzan_label', tfds_made.GENRES)
    assert not any(item.path.exists() for item in task.items(tmp_path))
    found = task.prepare(tmp_path)
    assert found.usable
    assert found.missing == ()
    assert 'wrote 60 of 60 records' in found.notes[-1]
    items = task.items(tmp_path)
    targets.check(task, items)
    assert {item.group.split('.')[0] for item in items if item.target == 1} == {'classical'}
    assert task.card.split_source.startswith('80:10:10 by the sha1 of audio/filename')
    assert soundfile.info(items[0].path).samplerate == 22050
    random = np.random.RandomState(0)
    waves = [random.randint(-(2**15), 2**15, 2205) for _ in range(60)]
    ours = np.stack([soundfile.read(i.path, dtype='int16')[0] for i in items])
    assert sorted(map(bytes, ours)) == sorted(bytes(w.astype(np.int16)) for w in waves)


def test_nsynth_as_tfds_prepares_it(tmp_path):
    tfds_made.nsynth(tmp_path)
    task = built('nsynth', {'label': 'instrument/family', 'group': 'instrument/label'}, tmp_path)
    assert task.labels == ('bass', 'brass', 'flute')
    assert task.card.items == {'train': 8, 'valid': 4, 'test': 4}
    found = task.prepare(tmp_path)
    assert found.usable, found.notes
    items = task.items(tmp_path)
    assert soundfile.info(items[0].path).samplerate == 16000
    first = np.random.RandomState(1).uniform(-1, 1, 1600).astype(np.float32)
    wave = next(i for i in items if i.id == 'train/000000').path
    np.testing.assert_array_equal(soundfile.read(wave, dtype='float32')[0], first)
    pitch = built('nsynth', {'label': 'pitch'}, tmp_path)
    assert len(pitch.labels) == 128
    assert pitch.prepare(tmp_path).notes[-1].startswith('audio: ')
    assert [i.path for i in pitch.items(tmp_path)] == [i.path for i in items]
    both = built('nsynth/full/2.3.3', {'label': 'velocity,pitch', 'kind': 'regression'}, tmp_path)
    assert (both.labels, both.items(tmp_path)[0].target) == (('velocity', 'pitch'), (100.0, 40.0))


def test_an_interrupted_export_goes_on(tmp_path, monkeypatch):
    tfds_made.gtzan(tmp_path)
    task = built('gtzan', GENRE, tmp_path)
    write, left = tfds_adapter._write_wav, [10]

    def dying(*args):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write(*args)

    monkeypatch.setattr(tfds_adapter, '_write_wav', dying)
    with pytest.raises(KeyboardInterrupt):
        task.prepare(tmp_path)
    written = sorted((tmp_path / 'tfds_audio').rglob('*.*'))
    assert len(written) == 10
    before = [path.stat().st_mtime_ns for path in written]
    monkeypatch.setattr(tfds_adapter, '_write_wav', write)
    assert 'wrote 20 of 30 records' in task.prepare(tmp_path).notes[-1]
    assert [path.stat().st_mtime_ns for path in written] == before
    assert not list((tmp_path / 'tfds_audio').rglob('*.tmp-*'))
    again = task.prepare(tmp_path)
    assert again.found == again.expected
    assert again.notes[-1].startswith('audio: /')


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    tfds_made.gtzan(tmp_path)
    task = built('gtzan', GENRE, tmp_path)

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(tfds_adapter, '_write_wav', full)
    found = task.prepare(tmp_path)
    assert not found.usable
    assert 'No space left on device. What is written stays' in found.notes[0]


def test_a_data_set_that_is_prepared_anew_is_written_anew(tmp_path):
    path = tfds_made.gtzan(tmp_path)
    task = built('gtzan', GENRE, tmp_path)
    task.prepare(tmp_path)
    (before,) = {item.path.parents[1] for item in task.items(tmp_path)}
    info = json.loads((path / 'dataset_info.json').read_text())
    (path / 'dataset_info.json').write_text(json.dumps(info | {'description': 'mended'}))
    (after,) = {item.path.parents[1] for item in built('gtzan', GENRE, tmp_path).items(tmp_path)}
    assert before != after


def test_splits_by_name_and_drawn(tmp_path):
    tfds_made.nsynth(tmp_path, notes=(40, 4, 4))
    options = {'label': 'pitch', 'splits': 'train:train,test:valid'}
    task = built('nsynth', options, tmp_path)
    assert 'a tenth of training validates' in task.card.split_source
    assert task.card.items['test'] == 4
    assert task.card.items['train'] + task.card.items['valid'] == 40
    with pytest.raises(ConfigError, match='has no split validation; it has test, train, valid'):
        built('nsynth', {**options, 'splits': 'train:train,valid:validation,test:test'}, tmp_path)
    with pytest.raises(ConfigError, match='is not train:NAME'):
        built('nsynth', {**options, 'splits': 'train'}, tmp_path)


def test_newest_version_and_named_configuration(tmp_path):
    new = tfds_made.nsynth(tmp_path)
    new.rename(new.with_name('2.10.0'))
    tfds_made.nsynth(tmp_path, notes=(2, 2, 2))
    task = built('nsynth', {'label': 'pitch'}, tmp_path)
    assert sum(task.card.items.values()) == 16  # 2.10.0 is newer than 2.3.3.
    (tmp_path / 'nsynth/full').rename(tmp_path / 'nsynth/other')
    tfds_made.nsynth(tmp_path)
    with pytest.raises(ConfigError, match='name one of them: tfds:nsynth/full, tfds:nsynth/other'):
        built('nsynth', {'label': 'pitch'}, tmp_path)


def test_audio_of_other_kinds(tmp_path):
    """Stereo, 32 bits without a rate, and files that were never decoded."""
    stereo = tfds_made.features(
        lambda tfds: tfds.features.FeaturesDict(
            {
                'audio': tfds.features.Audio(shape=(None, 2), dtype=np.int64),
                'key': tfds.features.Text(),
            }
        )
    )
    wave = np.arange(-40, 40).reshape(40, 2) * 2**20
    examples = [{'audio': wave, 'key': key} for key in ('C major', 'Am', 'D minor', 'no key')]
    tfds_made.lay(tmp_path, 'loud', stereo, dict.fromkeys(('train', 'valid', 'test'), examples))
    options = {'label': 'key', 'kind': 'key'}
    with pytest.raises(ConfigError, match="sample rate of 'audio': give the option rate"):
        built('loud', options, tmp_path).prepare(tmp_path)
    task = built('loud', {**options, 'rate': 8000}, tmp_path)
    found = task.prepare(tmp_path)
    assert any('3 recordings are left out: whose key is none' in note for note in found.notes)
    assert {item.target for item in task.items(tmp_path)} == {0, 21, 14}
    data, rate = soundfile.read(task.items(tmp_path)[0].path, dtype='int32')
    np.testing.assert_array_equal(data, wave)
    assert rate == 8000

    features = tmp_path / 'loud/1.0.0/features.json'
    text = json.loads(features.read_text())
    text['featuresDict']['features']['audio']['audio'] |= {'lazyDecode': True, 'fileFormat': 'flac'}
    features.write_text(json.dumps(text))
    assert built('loud', options, tmp_path).items(tmp_path)[0].path.suffix == '.flac'


def test_what_cannot_be(tmp_path):
    tfds_made.gtzan(tmp_path)
    for name, options, says in (
        ('gtzan', {}, 'needs the feature to learn'),
        ('gtzan', {'label': 'genre'}, "has no feature 'genre'"),
        ('gtzan', {'label': 'lable'}, "Did you mean 'label'"),
        ('gtzan', {'label': 'label', 'kind': 'beats'}, "kind 'beats' cannot be read"),
        ('', {'label': 'label'}, 'names no data set'),
    ):
        with pytest.raises(ConfigError, match=says):
            built(name, options, tmp_path)
    task = built('fsdd', {'label': 'label'}, tmp_path)
    assert task.status == 'needs data'
    found = task.prepare(tmp_path)
    assert not found.usable
    assert "tfds.builder('fsdd', data_dir='tfds', file_format='array_record')" in found.notes[0]
    with pytest.raises(DataError, match='is not below'):
        task.items(tmp_path)
