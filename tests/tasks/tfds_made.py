"""Directories as TFDS prepares them: TFDS's own features, bytes and shards, without TensorFlow.

`tfds.features.Audio` asks TensorFlow for the names of types; two attributes stand in for it while
features are described and examples serialised. What is written is what TFDS writes.
"""

import json
from contextlib import ExitStack
from unittest import mock

import numpy as np

from jaxprobe.core import records


def features(make):
    """Builds a FeaturesDict by `make(tfds)`, TensorFlow or not."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.features import audio_feature

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(audio_feature, 'tf', mock.MagicMock()))
        return make(tfds)


def lay(folder, name, made, splits, *, version='1.0.0', shards=2, config=''):
    """Writes a prepared directory; `splits` are lists of examples. Returns its path."""
    from tensorflow_datasets.core.features import audio_feature

    path = folder / name / config / version
    path.mkdir(parents=True)
    numpys = property(lambda self: self.np_dtype)
    with mock.patch.object(audio_feature.Audio, 'dtype', numpys):
        made.save_config(path)
    entries = []
    for split, examples in splits.items():
        parts = [examples[k::shards] for k in range(shards)]
        for k, part in enumerate(parts):
            file = f'{name}-{split}.array_record-{k:05d}-of-{shards:05d}'
            with records.shard_writer(path / file) as write:
                for example in part:
                    write(made.serialize_example(example))
        entries.append(
            {
                'name': split,
                'filepathTemplate': '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
                'numBytes': '1',
                'shardLengths': [str(len(part)) for part in parts],
            }
        )
    info = {
        'name': name,
        'version': version,
        'fileFormat': 'array_record',
        'citation': '@misc{x}',
        'location': {'urls': ['http://example.org/data']},
        'splits': entries,
    }
    if config:
        info['configName'] = config
    (path / 'dataset_info.json').write_text(json.dumps(info))
    return path


GENRES = ('blues', 'classical', 'country')


def gtzan(folder, songs=30, samples=2205):
    """gtzan 1.0.0: one split; integers of 16 bits as int64."""
    made = features(
        lambda tfds: tfds.features.FeaturesDict(
            {
                'audio': tfds.features.Audio(file_format='wav', sample_rate=22050),
                'label': tfds.features.ClassLabel(names=GENRES),
                'audio/filename': tfds.features.Text(),
            }
        )
    )
    random = np.random.RandomState(0)
    examples = []
    for k in range(songs):
        genre = GENRES[k % 3]
        wave = random.randint(-(2**15), 2**15, samples)
        name = f'{genre}.{k:05d}.wav'
        examples.append({'audio': wave, 'label': genre, 'audio/filename': name})
    return lay(folder, 'gtzan', made, {'train': examples})


def nsynth(folder, notes=(8, 4, 4), samples=1600):
    """nsynth/full 2.3.3: three splits; nested features; float samples."""
    made = features(
        lambda tfds: tfds.features.FeaturesDict(
            {
                'id': np.str_,
                'audio': tfds.features.Audio(shape=(samples,), dtype=np.float32, sample_rate=16000),
                'pitch': tfds.features.ClassLabel(num_classes=128),
                'velocity': tfds.features.ClassLabel(num_classes=128),
                'instrument': {
                    'label': tfds.features.ClassLabel(num_classes=1006),
                    'family': tfds.features.ClassLabel(names=['bass', 'brass', 'flute']),
                    'source': tfds.features.ClassLabel(names=['acoustic', 'electronic']),
                },
                'qualities': {'bright': np.bool_, 'dark': np.bool_},
            }
        )
    )
    random = np.random.RandomState(1)
    splits = {
        split: [
            {
                'id': f'{split}_{k}',
                'audio': random.uniform(-1, 1, samples).astype(np.float32),
                'pitch': 40 + k,
                'velocity': 100,
                'instrument': {'label': k, 'family': k % 3, 'source': k % 2},
                'qualities': {'bright': bool(k % 2), 'dark': False},
            }
            for k in range(n)
        ]
        for split, n in zip(('train', 'valid', 'test'), notes, strict=True)
    }
    return lay(folder, 'nsynth', made, splits, version='2.3.3', config='full')
