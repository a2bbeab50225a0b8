"""What TFDS writes is read here as TFDS reads it."""

import json

import numpy as np
import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks.tfds_directory import Directory, samples, value
from tests.tasks import tfds_made


def by_tfds(path):
    """The same records by TFDS itself, once its Audio is called a Tensor (spec/ecosystem 1.5)."""
    import tensorflow_datasets as tfds

    file = path / 'features.json'
    text = json.loads(file.read_text())
    for feature in text['featuresDict']['features'].values():
        if 'audio' in feature:
            feature['pythonClassName'] = 'tensorflow_datasets.core.features.tensor_feature.Tensor'
            own = feature.pop('audio')
            feature['tensor'] = {k: own[k] for k in ('dtype', 'shape', 'encoding')}
            feature['tensor']['encoding'] = feature['tensor']['encoding'].lower()
    file.write_text(json.dumps(text))
    builder = tfds.builder_from_directory(path)
    return {split: list(builder.as_data_source(split)) for split in builder.info.splits}


@pytest.mark.parametrize('make', [tfds_made.gtzan, tfds_made.nsynth])
def test_equal_to_tfds(make, tmp_path):
    path = make(tmp_path)
    directory = Directory(path)
    ours = {split: list(directory.records(split)) for split in directory.splits}
    audio = directory.features['audio']
    family = directory.features.get('instrument/family')
    theirs = by_tfds(path)
    assert {s: len(rows) for s, rows in theirs.items()} == directory.splits
    for split, rows in theirs.items():
        for mine, row in zip(ours[split], rows, strict=True):
            wave = samples(audio, mine['audio'])
            assert wave.dtype == row['audio'].dtype
            np.testing.assert_array_equal(wave, row['audio'])
            if family:
                assert (
                    value(family, mine['instrument/family'])
                    == (family.labels[row['instrument']['family']])
                )
                bright = directory.features['qualities/bright']
                assert value(bright, mine['qualities/bright']) == row['qualities']['bright']
            else:
                name = directory.features['audio/filename']
                assert value(name, mine['audio/filename']) == row['audio/filename'].decode()


def test_the_obstacle_is_still_there(tmp_path):
    """The day TFDS opens Audio without TensorFlow, this module can go."""
    import tensorflow_datasets as tfds

    path = tfds_made.gtzan(tmp_path)
    with pytest.raises(Exception, match='tensorflow'):
        tfds.builder_from_directory(path)


def test_names_of_classes(tmp_path):
    directory = Directory(tfds_made.nsynth(tmp_path))
    assert directory.features['instrument/family'].labels == ('bass', 'brass', 'flute')
    assert directory.features['pitch'].labels[:3] == ('0', '1', '2')
    assert len(directory.features['pitch'].labels) == 128
    assert directory.splits == {'train': 8, 'valid': 4, 'test': 4}
    assert value(directory.features['pitch'], [-1]) is None


@pytest.mark.parametrize('encoding', ['bytes', 'zlib'])
def test_encoded_tensors(encoding, tmp_path):
    made = tfds_made.features(
        lambda tfds: tfds.features.FeaturesDict(
            {'audio': tfds.features.Tensor(shape=(None, 2), dtype=np.int16, encoding=encoding)}
        )
    )
    wave = np.arange(20, dtype=np.int16).reshape(10, 2)
    path = tfds_made.lay(tmp_path, 'x', made, {'train': [{'audio': wave}]}, shards=1)
    directory = Directory(path)
    (record,) = directory.records('train')
    np.testing.assert_array_equal(samples(directory.features['audio'], record['audio']), wave)


def test_another_format_or_none(tmp_path):
    path = tfds_made.gtzan(tmp_path)
    before = Directory(path).fingerprint
    info = json.loads((path / 'dataset_info.json').read_text())
    (path / 'dataset_info.json').write_text(json.dumps(info | {'fileFormat': 'tfrecord'}))
    with pytest.raises(DataError, match='tfrecord format; what can be read is array_record'):
        Directory(path)
    (path / 'dataset_info.json').write_text(json.dumps(info | {'version': '1.0.1'}))
    assert Directory(path).fingerprint != before
    (path / 'dataset_info.json').write_text('{')
    with pytest.raises(DataError, match='cannot be read'):
        Directory(path)
    with pytest.raises(DataError, match='no directory that TFDS has prepared'):
        Directory(tmp_path)


def test_a_missing_or_cut_shard(tmp_path):
    path = tfds_made.gtzan(tmp_path)
    shard = path / 'gtzan-train.array_record-00001-of-00002'
    whole = shard.read_bytes()
    for damage in (lambda: shard.write_bytes(whole[: len(whole) // 2]), shard.unlink):
        damage()
        with pytest.raises(DataError, match='Prepare the data set again'):
            list(Directory(path).records('train'))


def test_templates_that_count_otherwise(tmp_path):
    path = tfds_made.gtzan(tmp_path)
    info = json.loads((path / 'dataset_info.json').read_text())
    info['splits'][0]['filepathTemplate'] = '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_INDEX}'
    (path / 'dataset_info.json').write_text(json.dumps(info))
    for k in range(2):
        old = path / f'gtzan-train.array_record-{k:05d}-of-00002'
        old.rename(path / f'gtzan-train.array_record-{k:05d}')
    assert len(list(Directory(path).records('train'))) == 30
