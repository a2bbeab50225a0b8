import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import magnatagatune, registry
from tests.tasks import trees

TASK = registry.build('magnatagatune')


def test_protocol_and_labels_are_marble_v1s():
    p = TASK.protocol
    assert (p.monitor, p.plateau_patience, p.stop_patience, p.epochs) == ('roc_auc', 3, 10, 100)
    assert TASK.metrics == ('roc_auc', 'ap')
    assert p.window_seconds == 29.1
    assert len(TASK.labels) == 50
    assert TASK.labels[:3] == ('guitar', 'classical', 'slow')
    assert TASK.labels[-1] == 'choral'
    # Ties in frequency: 995, 644 and 505 clips each.
    assert TASK.labels[28:30] == ('no vocal', 'pop')
    assert TASK.labels[39:41] == ('male voice', 'female vocal')
    assert TASK.labels[47:49] == ('metal', 'female voice')


def test_the_first_character_of_the_path_is_the_split():
    parts = [magnatagatune.split_of(f'{c}/x.mp3') for c in '0123456789abcdef']
    assert parts == ['train'] * 12 + ['valid'] + ['test'] * 3


def test_clips_of_the_owners_layout(tmp_path):
    trees.mtt(tmp_path)
    items = TASK.items(tmp_path)
    assert [(item.id, item.split) for item in items] == [
        ('3', 'train'), ('4', 'train'), ('5', 'train'), ('6', 'valid'), ('7', 'valid'),
        ('2', 'test'), ('8', 'test'),
    ]  # fmt: skip
    tags = {item.id: [TASK.labels[k] for k in item.target] for item in items}
    assert tags['2'] == ['classical', 'violin']
    assert tags['5'] == []  # Kept, as MARBLE v1 keeps it.
    assert tags['7'] == ['weird']  # 'drone' is not among the 50.
    assert items[0].group == items[-1].group == 'artist_a'
    found = TASK.prepare(tmp_path)
    assert list(found.excluded) == ['35644', '55753', '57881']
    assert any('groups are in both train and test: artist_a' in note for note in found.notes)


@pytest.mark.parametrize('split', ['clean', 'mir_ref'])
def test_the_clean_split_drops_clips_without_tags(split, tmp_path):
    trees.mtt(tmp_path)
    task = registry.build('magnatagatune', {'split': split})
    assert [item.id for item in task.items(tmp_path)] == ['3', '4', '6', '7', '2', '8']
    assert task.card.items == {'train': 15247, 'valid': 1529, 'test': 4332}
    assert task.options['split'] == split
    assert TASK.card.items == {'train': 18706, 'valid': 1825, 'test': 5329}


def test_other_places(tmp_path):
    trees.mtt(tmp_path)
    home = tmp_path / 'MTT'
    (tmp_path / 'magnatagatune').rename(home)
    (home / 'mp3').rename(home / 'audio')
    (home / 'metadata').mkdir()
    (home / 'annotations_final.csv').rename(home / 'metadata/annotations_final.csv')
    assert TASK.prepare(tmp_path).missing == ()


def test_an_unknown_split_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'clean'"):
        registry.build('magnatagatune', {'split': 'cleaned'})


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('"guitar"', '"gitar"', 'lacks 1 columns: guitar'),
        ('"c/artist_c-album-01-song-0', '"x/artist_c-album-01-song-0', 'line 6: .* none of 0-f'),
        ('\t"0/artist_a', '\t"1"\t"0/artist_a', 'line 3: 53 fields where the header names 53|54'),
    ],
)
def test_a_table_that_does_not_fit_is_named(old, new, words, tmp_path):
    trees.mtt(tmp_path)
    path = tmp_path / 'magnatagatune/annotations_final.csv'
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=words):
        TASK.items(tmp_path)
