import json

import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import giantsteps_key, registry
from tests.tasks import trees

TASK = registry.build('giantsteps_key')
TRAIN = 'giantsteps_key/giantsteps-mtg-key-dataset'


def test_protocol_and_labels_are_marble_v1s():
    p = TASK.protocol
    assert (p.monitor, p.plateau_patience, p.stop_patience, p.epochs) == (
        'weighted_score', 5, 20, 100,
    )  # fmt: skip
    assert (p.window_seconds, p.tail) == (30.0, 'drop')
    assert TASK.labels[3] == 'Eb major'
    assert TASK.labels[23] == 'B minor'
    assert TASK.card.items == {'train': 923, 'valid': 236, 'test': 604}


def test_artists_are_split_by_sha1_modulo_116():
    splits = giantsteps_key.artist_splits(['Philippe Van Mullem', 'Dubfire', 'Panic', 'Pavo'])
    assert splits == {
        'Philippe Van Mullem': 'train', 'Dubfire': 'valid', 'Panic': 'valid', 'Pavo': 'valid',
    }  # fmt: skip
    assert giantsteps_key._drawn('PANIC') == giantsteps_key._drawn('panic')


def test_collaborators_follow_in_two_passes():
    """Pavo validates, so does DJ Zany with him; Cenoginerz before them needs the second pass."""
    alone = giantsteps_key.artist_splits(['Cenoginerz', 'DJ Zany', 'Pavo'])
    assert alone == {'Cenoginerz': 'train', 'DJ Zany': 'train', 'Pavo': 'valid'}
    together = giantsteps_key.artist_splits(['Cenoginerz, DJ Zany', 'DJ Zany, Pavo'])
    assert set(together.values()) == {'valid'}
    # One collaborator further, and before them: out of reach of two passes.
    third = 'Philippe Van Mullem, Cenoginerz'
    splits = giantsteps_key.artist_splits([third, 'Cenoginerz, DJ Zany', 'DJ Zany, Pavo'])
    assert (splits['Philippe Van Mullem'], splits['Cenoginerz']) == ('train', 'valid')
    assert giantsteps_key.split_of(third, splits) == 'valid'


def test_songs_of_the_owners_layout(tmp_path):
    trees.giantsteps_key(tmp_path)
    items = TASK.items(tmp_path)
    facts = {item.id: (item.split, TASK.labels[item.target]) for item in items}
    assert facts == {
        '0005061': ('train', 'Eb minor'),  # D# minor.
        '0005881': ('train', 'A major'),
        '0007217': ('train', 'F minor'),
        '0007400': ('valid', 'G major'),
        '0007401': ('valid', 'E minor'),
        '0007402': ('valid', 'Gb minor'),
        '0010089': ('test', 'D major'),
        '0010090': ('test', 'C minor'),
    }  # 7300 has two keys, 7301 is not sure.
    assert [item.split for item in items] == ['train'] * 3 + ['valid'] * 3 + ['test'] * 2
    assert items[1].group == 'brainbashers'
    assert all(item.path.is_file() and item.duration is None for item in items)
    notes = TASK.prepare(tmp_path).notes
    assert any('1926377' in note and '2997186' in note for note in notes)


def test_archives_and_marbles_place_for_the_audio(tmp_path):
    trees.giantsteps_key(tmp_path)
    home = tmp_path / 'GS'
    (tmp_path / 'giantsteps_key').rename(home)
    for name in ('giantsteps-mtg-key-dataset', 'giantsteps-key-dataset'):
        for path in (home / name / 'audio').iterdir():
            trees.blank(home / 'audio' / path.name)
            path.unlink()
        (home / name).rename(home / f'{name}-0123abc')
    items = TASK.items(tmp_path)
    assert len(items) == 8
    assert all(item.path.parent == home / 'audio' for item in items)
    assert TASK.prepare(tmp_path).missing == ()


def test_clips_of_marble_v1(tmp_path):
    trees.giantsteps_clips(tmp_path)
    task = registry.build('giantsteps_key', {'layout': 'marble_v1'})
    items = task.items(tmp_path)
    assert [(item.id, item.split) for item in items] == [
        ('0005061', 'train'), ('0005881', 'train'), ('0007400', 'valid'), ('0010089', 'test'),
    ]  # fmt: skip
    assert [path.name for path in items[0].paths] == ['0005061-0.wav', '0005061-1.wav']
    assert task.labels[items[0].target] == 'Eb minor'
    assert task.card.items == TASK.card.items
    found = task.prepare(tmp_path)
    assert found.usable
    items[1].more[0].unlink()
    found = task.prepare(tmp_path)
    assert found.missing == (str(items[1].more[0]),)
    assert (found.found['train'], found.expected['train']) == (1, 2)


@pytest.mark.parametrize(
    ('clip', 'key', 'value', 'words'),
    [
        ('0005061-1', 'split', 'test', 'differ in split or key'),
        ('0005061-1', 'y', 'C major', 'differ in split or key'),
        ('0005061-1', 'clip', {'audio_uid': '0005061', 'clip_idx': 0}, 'like another before it'),
        ('0005061-1', 'clip', {'audio_uid': '0005061'}, 'lacks split, y, clip.audio_uid'),
    ],
)
def test_clips_that_make_no_song_are_named(clip, key, value, words, tmp_path):
    trees.giantsteps_clips(tmp_path)
    path = tmp_path / 'GS/giantsteps_clips/meta.json'
    meta = json.loads(path.read_text())
    meta[clip][key] = value
    path.write_text(json.dumps(meta))
    with pytest.raises(DataError, match=words):
        registry.build('giantsteps_key', {'layout': 'marble_v1'}).items(tmp_path)


def test_an_unknown_layout_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'marble_v1'"):
        registry.build('giantsteps_key', {'layout': 'marble'})


@pytest.mark.parametrize(
    ('file', 'old', 'new', 'words'),
    [
        ('annotations.txt', 'D# minor', 'H minor', "song 5061: 'H minor' is no key"),
        ('annotations.txt', '5881', 'x', "'x' is no number of a song"),
        ('annotations.txt', 'MANUAL KEY', 'KEY', "has no column 'MANUAL KEY'"),
        ('beatport_metadata.txt', '5881', '5882', 'lacks song 5881'),
    ],
)
def test_annotations_that_do_not_fit_are_named(file, old, new, words, tmp_path):
    trees.giantsteps_key(tmp_path)
    path = tmp_path / TRAIN / 'annotations' / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=words):
        TASK.items(tmp_path)


def test_the_test_set_is_asked_for_by_name(tmp_path):
    trees.giantsteps_key(tmp_path)
    (tmp_path / 'giantsteps_key/giantsteps-key-dataset').rename(tmp_path / 'away')
    with pytest.raises(DataError, match=r'giantsteps-key-dataset is not below .* Clone github'):
        TASK.items(tmp_path)
