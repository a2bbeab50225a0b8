import json
import statistics

import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import emomusic, registry
from tests.tasks import trees

TASK = registry.build('emomusic')


def test_protocol_and_labels_are_marble_v1s():
    p = TASK.protocol
    assert TASK.labels == ('arousal', 'valence')
    assert TASK.metrics == ('r2', 'r2_arousal', 'r2_valence')
    assert (p.monitor, p.plateau_patience, p.stop_patience, p.epochs) == ('r2', 5, 20, 100)
    assert p.window_seconds == 5.0
    assert TASK.card.items == {'train': 504, 'valid': 115, 'test': 125}


def test_artists_are_cleaned_and_split_by_sha1_modulo_10():
    """Facts of the published split, as jukemir's metadata have them."""
    assert emomusic.split_of('The New Mystikal Troubadours') == 'valid'
    assert emomusic.split_of('Broke For Free') == 'train'
    assert emomusic.split_of(' BROKE  for\tfree! (2)') == 'train'  # Letters and single spaces only.
    assert emomusic.split_of('Lee Rosevere') == 'valid'


def test_songs_of_the_owners_layout(tmp_path):
    trees.emomusic(tmp_path)
    items = TASK.items(tmp_path)
    assert [(item.id, item.split) for item in items] == [
        ('0005', 'train'), ('0007', 'train'), ('0010', 'train'),
        ('0002', 'valid'), ('0003', 'valid'), ('0004', 'valid'),
        ('0011', 'test'), ('0012', 'test'),
    ]  # fmt: skip
    assert items[0].path == tmp_path / 'emomusic/clips_45seconds/5.mp3'
    assert {(item.start, item.duration) for item in items} == {(0.0, 30.0)}
    assert items[0].group == 'Broke For Free'
    assert TASK.prepare(tmp_path).missing == ()


def test_targets_are_scored_by_the_whole_development_set(tmp_path):
    trees.emomusic(tmp_path)
    known = [song for song in trees.EMO_SONGS if song[2] == 'development']
    items = {item.id: item.target for item in TASK.items(tmp_path)}
    for number, _, _, *values in trees.EMO_SONGS:
        for k, value in enumerate(values):
            column = [song[3 + k] for song in known]
            expected = (value - statistics.fmean(column)) / statistics.pstdev(column)
            assert items[f'{number:04d}'][k] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(('crop', 'duration', 'hours'), [(0.0, None, 9.3), (25.0, 25.0, 5.2)])
def test_the_crop_is_an_option(crop, duration, hours, tmp_path):
    trees.emomusic(tmp_path)
    task = registry.build('emomusic', {'crop': crop})
    assert {item.duration for item in task.items(tmp_path)} == {duration}
    assert task.card.hours == hours
    assert task.options['crop'] == crop


def test_a_crop_that_makes_no_sense_is_refused():
    for crop in (-1.0, 46.0):
        with pytest.raises(ConfigError, match='crop=.* must be 0'):
            registry.build('emomusic', {'crop': crop})


def test_what_marble_v1_makes_gives_the_same_items(tmp_path):
    trees.emomusic(tmp_path / 'owner')
    own = TASK.items(tmp_path / 'owner')
    home = tmp_path / 'marble/EMO/emomusic'
    meta = {
        item.id: {
            'split': item.split,
            'y': list(item.target),
            'extra': {'songs_info': {'Artist': item.group}},
        }
        for item in own
    }
    for item in own:
        trees.blank(home / 'wav' / f'{item.id}.wav')
    (home / 'meta.json').write_text(json.dumps(meta))
    theirs = TASK.items(tmp_path / 'marble')
    same = ('id', 'split', 'target', 'group', 'duration')
    assert [[getattr(i, f) for f in same] for i in theirs] == [
        [getattr(i, f) for f in same] for i in own
    ]
    assert TASK.prepare(tmp_path / 'marble').missing == ()

    del meta['0005']['y']
    (home / 'meta.json').write_text(json.dumps(meta))
    with pytest.raises(DataError, match='clip 0005: split, y and extra'):
        TASK.items(tmp_path / 'marble')


def test_tables_that_do_not_fit_are_named(tmp_path):
    trees.emomusic(tmp_path)
    path = tmp_path / 'emomusic/annotations/static_annotations.csv'
    whole = path.read_text()
    path.write_text(whole.replace('12,3.0,', '12,,'))
    with pytest.raises(DataError, match="song 12: mean_arousal='' is not a number"):
        TASK.items(tmp_path)
    path.write_text(whole.replace('\n12,', '\n13,'))
    with pytest.raises(DataError, match='song 12: not there'):
        TASK.items(tmp_path)


def test_a_development_set_without_spread_is_refused():
    songs = [emomusic.Song(k, 'x', False, 3.0, float(k)) for k in range(3)]
    with pytest.raises(DataError, match='arousal of the development set is one and the same'):
        emomusic.standardised(songs)
