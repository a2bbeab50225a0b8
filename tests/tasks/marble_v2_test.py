"""Lines are those of MARBLE v2's own EXAMPLE_JSONL constants (spec/tasks.md, 4), shortened."""

import json

import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import magnatagatune, mtg_jamendo, registry
from jaxprobe.tasks.base import Beats
from tests.tasks import trees

GENRE = {
    'audio_path': 'data/GTZAN/genres/blues/blues.00012.wav', 'label': 'blues',
    'duration': 30.0133, 'sample_rate': 22050, 'num_samples': 661794, 'bit_depth': 16,
    'channels': 1,
}  # fmt: skip
EMO = {
    'audio_path': 'data/EMO/emomusic/wav/0005.wav', 'label': [-0.2569, 0.2599], 'duration': 45.01,
    'sample_rate': 44100, 'num_samples': 1984943, 'bit_depth': 16, 'channels': 1,
}  # fmt: skip
GS = {
    'audio_path': 'data/GS/giantsteps_clips/wav/0005061-0.wav', 'ori_uid': '0005061',
    'label': 'Eb minor', 'duration': 30.0, 'sample_rate': 44100, 'num_samples': 1323000,
    'bit_depth': 16, 'channels': 1,
}  # fmt: skip
MTT = {
    'audio_path': 'data/MTT/mp3/0/x-y-01-z-0-29.mp3', 'label': ['classical', 'violin'],
    'duration': 29.29375, 'sample_rate': 16000, 'num_samples': 468700, 'bit_depth': None,
    'bitrate': 32034, 'channels': 1,
}  # fmt: skip
MTG = {
    'audio_path': 'data/MTG/audio/41/241.low.flac', 'label': ['genre---rock'], 'duration': 340.1067,
    'sample_rate': 44100, 'num_samples': 14998704, 'bit_depth': 16, 'channels': 1,
}  # fmt: skip
MOOD = MTG | {'audio_path': 'data/MTG/audio/48/948.low.flac', 'label': ['mood/theme---background']}
BEATS = GENRE | {
    'label': {'beat': [0.2, 0.7, 1.2, 30.2], 'downbeat': [0.2], 'tempo': 120.0, 'meter': '4/4'}
}
INSTRUMENT = MTG | {'label': ['instrument---guitar']}

CASES = {
    # task: MARBLE's name, its example line, another label, the example's target
    'gtzan_genre': ('GTZANGenre', GENRE, 'rock', 0),
    'gtzan_rhythm': (
        'GTZANBeatTracking', BEATS, {'beat': [0.5], 'downbeat': None, 'tempo': None, 'meter': None},
        Beats((0.2, 0.7, 1.2), (0.2,)),
    ),
    'emomusic': ('EMO', EMO, [0.5, -1.0], (-0.2569, 0.2599)),
    'giantsteps_key': ('GS', GS, 'C major', 15),
    'magnatagatune': (
        'MTT', MTT, [],
        (magnatagatune.LABELS.index('classical'), magnatagatune.LABELS.index('violin')),
    ),
    'mtg_top50': ('MTGTop50', MTG, ['genre---pop'], None),
    'mtg_genre': ('MTGGenre', MTG, ['genre---pop'], (0,)),
    'mtg_instrument': ('MTGInstrument', INSTRUMENT, ['instrument---piano'], None),
    'mtg_moodtheme': ('MTGMood', MOOD, ['mood/theme---film', 'mood/theme---dark'], (0,)),
}  # fmt: skip


def lists(example, other):
    """Two items in train, one in each of the others, all different files."""

    own = example['label']
    return {
        'train': [example, example | {'audio_path': 'data/other/1.wav', 'label': other}],
        'val': [
            example | {'audio_path': f'data/other/{k}.wav', 'label': label}
            for k, label in ((2, own), (3, other))
        ],
        'test': [
            example | {'audio_path': f'data/other/{k}.wav', 'label': label}
            for k, label in ((4, own), (5, other))
        ],
    }


def songs(other):
    """The lists of GS, with every clip of another song."""
    made = lists(GS, other)
    rest = [*made['train'][1:], *made['val'], *made['test']]
    for k, line in enumerate(rest, 1):
        line['ori_uid'] = str(k)
    return made


@pytest.mark.parametrize('name', CASES)
def test_the_lists_of_every_task_that_has_them(name, tmp_path):
    marble, example, other, target = CASES[name]
    made = songs(other) if marble == 'GS' else lists(example, other)
    folder = trees.marble_v2(tmp_path, marble, made)
    task = registry.build(name, {'jsonl': str(folder)})
    items = task.items(tmp_path / 'elsewhere')
    assert [item.split for item in items] == ['train', 'train', 'valid', 'valid', 'test', 'test']
    assert all(item.path.is_file() for item in items)
    assert items[0].path == tmp_path / example['audio_path']
    assert items[0].id == example.get('ori_uid', example['audio_path'].rpartition('.')[0])
    if target is None:
        assert [task.labels[k] for k in items[0].target] == example['label']
    else:
        assert items[0].target == target
    found = task.prepare(tmp_path / 'elsewhere')
    assert found.usable
    assert found.found == {'train': 2, 'valid': 2, 'test': 2}
    assert task.options['jsonl'] == str(folder)
    assert marble in task.card.split_source
    assert task.protocol == registry.build(name).protocol


def test_clips_of_a_song_are_one_item(tmp_path):
    made = songs('C major')
    made['train'].append(made['train'][0] | {'audio_path': 'data/other/1-1.wav'})
    folder = trees.marble_v2(tmp_path, 'GS', made)
    task = registry.build('giantsteps_key', {'jsonl': str(folder)})
    first, *others = task.items(tmp_path)
    assert (first.id, first.path.name) == ('0005061', '0005061-0.wav')
    assert [path.name for path in first.more] == ['1-1.wav']
    assert [item.id for item in others] == ['1', '2', '3', '4', '5']
    assert not any(item.more for item in others)
    made['train'][-1]['label'] = 'C major'
    trees.marble_v2(tmp_path, 'GS', made)
    with pytest.raises(DataError, match='line 3: ori_uid 0005061 had another label before'):
        task.items(tmp_path)


def test_the_crop_holds_for_the_lists_too(tmp_path):
    folder = trees.marble_v2(tmp_path, 'EMO', lists(EMO, [0.5, -1.0]))
    for crop, duration in ((30.0, 30.0), (0.0, None)):
        task = registry.build('emomusic', {'jsonl': str(folder), 'crop': crop})
        assert {item.duration for item in task.items(tmp_path)} == {duration}


def test_one_of_the_files_names_the_others(tmp_path):
    folder = trees.marble_v2(tmp_path, 'EMO', lists(EMO, [0.5, -1.0]))
    task = registry.build('emomusic', {'jsonl': str(folder / 'EMO.val.jsonl')})
    assert len(task.items(tmp_path)) == 6
    with pytest.raises(ConfigError, match=r'neither a folder nor one of EMO\.train\.jsonl'):
        registry.build('emomusic', {'jsonl': str(folder / 'EMO.jsonl')}).items(tmp_path)


def test_audio_beside_the_data_directory(tmp_path):
    """Lists in one place, audio where MARBLE's `data` folder is the data directory."""
    folder = trees.marble_v2(tmp_path / 'lists', 'EMO', lists(EMO, [0.5, -1.0]), lambda path: None)
    for own in lists(EMO, [0.5, -1.0]).values():
        for line in own:
            trees.blank(tmp_path / 'disk' / line['audio_path'])
    task = registry.build('emomusic', {'jsonl': str(folder)})
    items = task.items(tmp_path / 'disk' / 'data')
    assert items[0].path == tmp_path / 'disk' / EMO['audio_path']


def test_a_missing_list_is_named(tmp_path):
    folder = trees.marble_v2(tmp_path, 'EMO', {'train': [EMO]})
    task = registry.build('emomusic', {'jsonl': str(folder)})
    with pytest.raises(DataError, match=r'lists of EMO are missing: .*EMO\.val\.jsonl.*EMO\.test'):
        task.items(tmp_path)
    assert not task.prepare(tmp_path).usable


@pytest.mark.parametrize(
    ('name', 'line', 'words'),
    [
        ('emomusic', {k: v for k, v in EMO.items() if k != 'num_samples'}, "lacks 'num_samples'"),
        ('emomusic', EMO | {'label': [0.1]}, 'not a list of 2 numbers'),
        ('emomusic', EMO | {'label': ['x', 'y']}, 'could not convert'),
        ('giantsteps_key', {k: v for k, v in GS.items() if k != 'ori_uid'}, "lacks 'ori_uid'"),
        ('giantsteps_key', GS | {'label': 'H major'}, "'H major' is no key"),
        ('giantsteps_key', GS | {'label': None}, "'None' is no key"),
        ('gtzan_genre', GENRE | {'audio_path': ' '}, "audio_path '' names no file"),
        ('emomusic', EMO | {'label': [float('nan'), 0.1]}, 'not a list of 2 finite numbers'),
        ('emomusic', EMO | {'label': [True, 0.1]}, 'not a list of 2 finite numbers'),
        ('emomusic', EMO | {'label': [10**400, 0.1]}, 'too large'),
        ('giantsteps_key', GS | {'ori_uid': None}, 'ori_uid None is neither text nor a whole'),
        ('gtzan_genre', GENRE | {'label': 'polka'}, 'none of the 10 labels'),
        ('gtzan_rhythm', BEATS | {'label': [0.2, 0.7]}, 'not an object with lists `beat`'),
        ('gtzan_rhythm', BEATS | {'label': {'beat': [0.7, 0.2]}}, 'times that do not ascend'),
        ('gtzan_genre', GENRE | {'label': ['rock']}, r"label \['rock'\]"),
        ('magnatagatune', MTT | {'label': ['drone']}, "'drone' is none of the 50 tags"),
        ('mtg_genre', MTG | {'label': 'genre---rock'}, 'not a list of tags'),
        ('mtg_genre', MTG | {'label': ['genre---polkaa']}, 'none of the 87 tags'),
    ],
)
def test_a_line_that_does_not_fit_is_named(name, line, words, tmp_path):
    marble, example, *_ = CASES[name]
    lines = {'train': [example, line], 'val': [example], 'test': [example]}
    folder = trees.marble_v2(tmp_path, marble, lines)
    with pytest.raises(
        DataError, match=rf'{marble}\.train\.jsonl cannot be used(.|\n)*line 2: .*{words}'
    ):
        registry.build(name, {'jsonl': str(folder)}).items(tmp_path)


@pytest.mark.parametrize(
    ('value', 'words'),
    [
        ('x/..', r"audio_path 'x/\.\.' names no file"),
        ('a\0', 'names no file'),
        (['a.wav'], 'is not text'),
        (5, 'audio_path 5 is not text'),
    ],
)
def test_paths_that_name_no_file(value, words, tmp_path):
    folder = trees.marble_v2(tmp_path, 'EMO', {part: [EMO] for part in ('train', 'val', 'test')})
    (folder / 'EMO.train.jsonl').write_text(json.dumps(EMO | {'audio_path': value}))
    with pytest.raises(DataError, match=f'line 1: {words}|line 1: audio_path .*{words}'):
        registry.build('emomusic', {'jsonl': str(folder)}).items(tmp_path)


def test_an_empty_list_is_named(tmp_path):
    folder = trees.marble_v2(tmp_path, 'EMO', {'train': [], 'val': [EMO], 'test': [EMO]})
    with pytest.raises(DataError, match=r'EMO\.train\.jsonl lists nothing'):
        registry.build('emomusic', {'jsonl': str(folder)}).items(tmp_path)


def test_marbles_order_of_tags_is_ours():
    assert mtg_jamendo.tags()['mtg_genre'][:3] == (
        'genre---rock',
        'genre---pop',
        'genre---classical',
    )
    moods = mtg_jamendo.tags()['mtg_moodtheme']
    assert (moods[0], moods[15], moods[55]) == (
        'mood/theme---background',
        'mood/theme---calm',
        'mood/theme---trailer',
    )
