"""mirdata's own loaders on the owners' layouts; indexes are written here, as mirdata has them."""

import json
import sys

import pytest

pytest.importorskip('mirdata')

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import registry, targets
from jaxprobe.tasks.base import Beats
from tests.tasks import trees

JASON = '10089 Jason Sparks - Close My Eyes feat. J. Little (Original Mix)'
REAL = {
    'gtzan_genre': {
        'country.00000': {
            'audio': 'gtzan_genre/genres/country/country.00000.wav',
            'beats': 'gtzan_tempo_beat-main/beats/gtzan_country_00000.beats',
            'tempo': 'gtzan_tempo_beat-main/tempo/gtzan_country_00000.bpm',
        }
    },
    'tinysol': {
        name: {'audio': f'audio/{folder}/ordinario/{name}.wav'}
        for folder, name in (
            ('Strings/Contrabass', 'Cb-ord-A2-mf-2c-N'), ('Winds/Flute', 'Fl-ord-C4-mf-N-T14d')
        )
    },
    'beatport_key': {
        '1': {
            what: f'{folder}/100066 Lindstrom - Monsteer (Original Mix).{end}'
            for what, folder, end in (
                ('audio', 'audio', 'mp3'), ('key', 'keys', 'txt'), ('meta', 'meta', 'json')
            )
        }
    },
    'giantsteps_key': {
        '3': {
            what: f'{folder}/{JASON}.{end}'
            for what, folder, end in (
                ('audio', 'audio', 'mp3'), ('key', 'keys_gs+', 'txt'), ('meta', 'meta', 'json')
            )
        }
    },
}  # fmt: skip


def index(folder, tracks):
    """Writes an index file: track -> what -> (path, md5)."""
    rows = {t: {w: [p, '0' * 32] for w, p in own.items()} for t, own in tracks.items()}
    path = folder / 'index.json'
    path.write_text(json.dumps({'version': '1.0', 'tracks': rows}))
    return str(path)


def real(name, shared, tmp_path, **options):
    options['index'] = index(tmp_path, REAL[name.partition('/')[0]])
    return registry.build(f'mirdata:{name}', options, shared / 'data/real_layouts')


@pytest.mark.parametrize(
    ('name', 'options', 'labels'),
    [
        ('gtzan_genre/genre', {}, ['country']),
        ('tinysol/instrument_full', {}, ['Contrabass', 'Flute']),
        ('tinysol/pitch', {}, ['A2', 'C4']),
        ('beatport_key', {'target': 'key', 'kind': 'key', 'group': 'artists.0'}, ['D minor']),
        ('beatport_key/genres.genres', {'kind': 'multilabel'}, ['Electronica / Downtempo']),
        ('giantsteps_key/key', {'kind': 'key'}, ['D major']),
    ],
)
def test_real_layouts(name, options, labels, shared, tmp_path):
    task = real(name, shared, tmp_path, **options)
    items = task.items(shared / 'data/real_layouts')
    assert all(item.path.is_file() for item in items)
    targets.check(task, items)
    found = [i.target if isinstance(i.target, tuple) else (i.target,) for i in items]
    assert sorted(task.labels[k] for own in found for k in own) == labels
    assert task.name == 'mirdata_' + name.replace('/', '_').replace('.', '_') + (
        '_key' if name == 'beatport_key' else ''
    )


def test_real_numbers_and_beats(shared, tmp_path):
    where = shared / 'data/real_layouts'
    (item,) = real('gtzan_genre/beats', shared, tmp_path, kind='beats').items(where)
    assert item.target == Beats((0.113, 0.829, 1.537, 2.28, 2.992), (0.113, 2.992))
    task = real('beatport_key', shared, tmp_path, target='tempo', kind='regression', group='title')
    (item,) = task.items(where)
    assert item.target == (115.0,)
    assert item.group.endswith('Monsteer (Original Mix)')
    assert 'CC' in task.card.licence or 'Creative Commons' in task.card.licence


def test_what_mirdata_cannot_read_is_said(shared, tmp_path):
    """mirdata 1.0.0 reads a tempo by a conversion that numpy refuses."""
    task = real('gtzan_genre/tempo', shared, tmp_path, kind='regression')
    notes = task.prepare(shared / 'data/real_layouts').notes
    assert 'mirdata cannot read 1 fields: ' in notes[0]


def lay(folder, number=40):
    """GTZAN of a few songs, blank."""
    tracks = {}
    for k in range(number):
        name = f'{("blues", "rock")[k % 2]}.{k:05d}'
        path = f'gtzan_genre/genres/{name.split(".")[0]}/{name}.wav'
        trees.blank(folder / 'gtzan_genre' / path)
        tracks[name] = {'audio': path, 'beats': None, 'tempo': None}
    return index(folder, tracks)


def test_split_by_sha1_and_at_random(tmp_path):
    options = {'target': 'genre', 'index': lay(tmp_path)}
    task = registry.build('mirdata:gtzan_genre', options, tmp_path)
    found = task.prepare(tmp_path)
    assert found.usable
    assert found.found == found.expected == task.card.items
    assert task.card.split_source == '80:10:10 by the sha1 of the track'
    assert task.labels == ('blues', 'rock')
    task = registry.build('mirdata:gtzan_genre', {**options, 'split': 'random'}, tmp_path)
    assert task.card.items == {'train': 32, 'valid': 4, 'test': 4}
    assert "mirdata's random split" in task.card.split_source
    with pytest.raises(ConfigError, match='no split of its own'):
        registry.build('mirdata:gtzan_genre', {**options, 'split': 'own'}, tmp_path)
    with pytest.raises(ConfigError, match="field 'genre' says train, valid or test of no track"):
        registry.build('mirdata:gtzan_genre', {**options, 'split': 'genre'}, tmp_path)


def test_mirdatas_own_splits(tmp_path, monkeypatch):
    import mirdata

    options = {'target': 'genre', 'index': lay(tmp_path)}
    names = sorted(json.loads((tmp_path / 'index.json').read_text())['tracks'])
    parts = {'training': names[:20], 'validation': names[20:30], 'test': names[30:]}
    monkeypatch.setattr(mirdata.core.Dataset, 'get_track_splits', lambda self: parts)
    task = registry.build('mirdata:gtzan_genre', options, tmp_path)
    assert task.card.items == {'train': 20, 'valid': 10, 'test': 10}
    assert task.card.split_source == "mirdata's own"
    monkeypatch.setattr(
        mirdata.core.Dataset, 'get_track_splits', lambda self: {k: names[k::5] for k in range(5)}
    )
    items = registry.build('mirdata:gtzan_genre', options, tmp_path).items(tmp_path)
    by_fold = {names.index(item.id) % 5: item.split for item in items}
    assert by_fold == {0: 'valid', 1: 'test', 2: 'train', 3: 'train', 4: 'train'}
    parts = {'train': names[:30], 'test': names[30:]}
    monkeypatch.setattr(mirdata.core.Dataset, 'get_track_splits', lambda self: parts)
    task = registry.build('mirdata:gtzan_genre', options, tmp_path)
    assert 'a tenth of training validates' in task.card.split_source
    assert task.card.items['test'] == 10


def test_what_cannot_be(tmp_path, monkeypatch):
    options = {'index': lay(tmp_path)}
    for name, more, says in (
        ('gtzan_gender/genre', {}, "no data set 'gtzan_gender'. Did you mean 'gtzan_genre'"),
        ('gtzan_genre', {}, 'needs the field of a track'),
        ('gtzan_genre/genres', {}, "'genres' of 'genres' is not there. Did you mean 'genre'"),
        ('gtzan_genre/genre', {'kind': 'separation'}, "kind 'separation' is unknown"),
        ('gtzan_genre/genre', {'version': '9'}, 'Invalid version 9'),
        ('gtzan_genre/genre', {'goup': 'x'}, "no option 'goup'. Did you mean 'group'"),
        ('', {}, 'names no data set'),
    ):
        with pytest.raises(ConfigError, match=says):
            registry.build(f'mirdata:{name}', {**options, **more}, tmp_path)
    monkeypatch.setitem(sys.modules, 'mirdata', None)
    with pytest.raises(ConfigError, match=r"pip install 'jaxprobe\[mirdata\]'"):
        registry.build('mirdata:gtzan_genre/genre', options, tmp_path)


def test_without_data_or_index(tmp_path):
    """The task can be named and prepared; what is missing is said."""
    for folder, says in ((tmp_path / 'empty', 'is not there'), (tmp_path, 'index')):
        lay(tmp_path)
        task = registry.build('mirdata:gtzan_genre/genre', {}, folder)
        assert (task.status, task.labels) == ('needs data', ())
        found = task.prepare(folder)
        assert not found.usable
        assert says in found.notes[0]
        assert 'download()' in found.notes[0]
        with pytest.raises(DataError, match='mirdata gets it'):
            task.items(folder)


def test_recordings_without_a_target_are_named(tmp_path):
    options = {'kind': 'beats', 'index': lay(tmp_path)}
    task = registry.build('mirdata:gtzan_genre/beats', options, tmp_path)
    with pytest.raises(DataError, match='no recording of 40 has a beats target'):
        task.items(tmp_path)
