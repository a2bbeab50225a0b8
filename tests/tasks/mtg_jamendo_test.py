import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import mtg_jamendo, registry
from tests.tasks import trees

NAMES = ('mtg_top50', 'mtg_genre', 'mtg_instrument', 'mtg_moodtheme')


@pytest.mark.parametrize(
    ('name', 'tags', 'items'),
    [
        ('mtg_top50', 50, (32136, 10888, 11356)),
        ('mtg_genre', 87, (32572, 11043, 11479)),
        ('mtg_instrument', 40, (14395, 5466, 5115)),
        ('mtg_moodtheme', 56, (9949, 3802, 4231)),
    ],
)
def test_counts_and_protocol(name, tags, items):
    task = registry.build(name)
    assert len(task.labels) == tags
    assert tuple(task.card.items.values()) == items
    p = task.protocol
    assert (p.monitor, p.plateau_patience, p.stop_patience, p.epochs) == ('roc_auc', 3, 10, 100)
    assert (p.window_seconds, p.tail) == (30.0, 'drop')


def test_order_of_the_tags_is_that_of_first_appearance():
    """MARBLE v2 lists the same order (marble/tasks/MTG*/datamodule.py, LABEL2IDX)."""
    tags = mtg_jamendo.tags()
    assert tags['mtg_genre'][:3] == ('genre---rock', 'genre---pop', 'genre---classical')
    assert tags['mtg_moodtheme'][:2] == ('mood/theme---background', 'mood/theme---film')
    assert tags['mtg_moodtheme'][-1] == 'mood/theme---trailer'
    prefixes = {tag.split('---')[0] for tag in tags['mtg_top50']}
    assert prefixes == {'genre', 'instrument', 'mood/theme'}


def test_a_changed_list_of_tags_is_refused(tmp_path, monkeypatch):
    changed = tmp_path / 'tags.csv'
    changed.write_bytes(mtg_jamendo.TAGS_FILE.read_bytes().replace(b'rock', b'roll', 1))
    monkeypatch.setattr(mtg_jamendo, 'TAGS_FILE', changed)
    mtg_jamendo.tags.cache_clear()
    with pytest.raises(DataError, match='was changed'):
        mtg_jamendo.tags()
    mtg_jamendo.tags.cache_clear()


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('split', range(5))
def test_every_split_has_its_facts(name, split):
    known = mtg_jamendo.facts(name, split)
    total = sum(int(known[part]) for part in ('train', 'valid', 'test'))
    assert total == sum(int(mtg_jamendo.facts(name, 0)[p]) for p in ('train', 'valid', 'test'))
    assert len(known['sha256']) == 64


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('split', [0, 3])
def test_tracks_of_the_owners_layout(name, split, tmp_path):
    trees.mtg(tmp_path)
    task = registry.build(name, {'split': split})
    items = task.items(tmp_path)
    assert [item.split for item in items] == ['train'] * 3 + ['valid'] * 3 + ['test'] * 3
    assert [item.target for item in items[:3]] == [(0,), (1, 2), (len(task.labels) - 1,)]
    assert items[0].id.startswith('track_')
    assert items[0].group.startswith('artist_')
    found = task.prepare(tmp_path)
    assert found.missing == ()
    assert found.notes[0].startswith('audio: low quality')


@pytest.mark.parametrize(
    ('audio', 'quality'),
    [
        ('audio-low/{}.low.mp3', 'low'), ('raw_30s/audio-low/{}.low.mp3', 'low'),
        ('audio/{}.low.flac', 'low'), ('audio/{}.mp3', 'full'), ('audios/{}.mp3', 'full'),
        ('{}.mp3', 'full'),
    ],
)  # fmt: skip
def test_where_the_audio_is(audio, quality, tmp_path):
    trees.mtg(tmp_path, audio=audio)
    auto = registry.build('mtg_genre')
    assert auto.prepare(tmp_path).missing == ()
    assert auto.prepare(tmp_path).notes[0].startswith(f'audio: {quality} quality')
    assert registry.build('mtg_genre', {'audio': quality}).prepare(tmp_path).missing == ()
    other = {'low': 'full', 'full': 'low'}[quality]
    absent = registry.build('mtg_genre', {'audio': other}).prepare(tmp_path)
    assert len(absent.missing) == 9
    assert not any(note.startswith('audio:') for note in absent.notes)


def test_low_quality_goes_before_full(tmp_path):
    trees.mtg(tmp_path)
    trees.mtg(tmp_path, audio='audio/{}.mp3')
    assert '.low.' in registry.build('mtg_genre').items(tmp_path)[0].path.name


def test_real_layout_of_the_mood_set(shared):
    task = registry.build('mtg_moodtheme')
    root = shared / 'data' / 'real_layouts'
    items = task.items(root)
    assert [(item.id, item.split) for item in items] == [
        ('track_0000948', 'train'), ('track_0003346', 'valid'), ('track_0003524', 'test'),
    ]  # fmt: skip
    named = [[task.labels[k] for k in item.target] for item in items]
    assert named == [
        ['mood/theme---background'],
        ['mood/theme---melodic', 'mood/theme---calm'],
        ['mood/theme---melodic'],
    ]
    assert items[0].path == root / 'mtg_jamendo_autotagging_moodtheme/audios/48/948.mp3'
    found = task.prepare(root)
    assert found.found == {'train': 1, 'valid': 0, 'test': 0}
    assert found.expected == {'train': 1, 'valid': 1, 'test': 1}


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match='split=5 must be 0 to 4'):
        registry.build('mtg_genre', {'split': 5})
    with pytest.raises(ConfigError, match="Did you mean 'low'"):
        registry.build('mtg_genre', {'audio': 'lo'})


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('genre---rock', 'genre---polka', r"line 2: tags \['genre---polka'\] are not of this set"),
        ('\tgenre---rock', '', 'line 2: no tags'),
        ('TRACK_ID', 'ID', 'does not begin with TRACK_ID, ARTIST_ID'),
    ],
)
def test_a_split_file_that_does_not_fit_is_named(old, new, words, tmp_path):
    trees.mtg(tmp_path)
    path = tmp_path / 'mtg_jamendo/data/splits/split-0/autotagging_genre-train.tsv'
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=words):
        registry.build('mtg_genre').items(tmp_path)
