import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import musdb18, registry, targets
from jaxprobe.tasks.base import Kind, Stems
from tests.tasks import trees

TASK = registry.build('musdb18')


def test_labels_counts_and_protocol_are_marble_v1s():
    p = TASK.protocol
    assert (TASK.kind, TASK.labels) == (Kind.SEPARATION, ('vocals', 'drums', 'bass', 'other'))
    assert TASK.metrics == ('sdr', 'sdr_vocals', 'sdr_drums', 'sdr_bass', 'sdr_other')
    assert (p.monitor, p.select_by, p.plateau_patience, p.stop_patience) == ('loss', 'sdr', 3, 10)
    assert (p.epochs, p.batch_items, p.hidden, p.dropout) == (100, 64, (512,), 0.4)
    assert (p.window_seconds, p.frame_rate) == (6.0, 75.0)
    assert TASK.card.items == {'train': 86, 'valid': 14, 'test': 50}
    assert TASK.options == {'direction': 'uni', 'lstm_layers': 3, 'rate': 24000, 'n_fft': 2048}


def test_the_validation_list_is_that_of_the_musdb_package():
    assert len(set(musdb18.VALIDATION)) == 14
    assert all(name.count(' - ') == 1 for name in musdb18.VALIDATION)


def test_tracks_as_the_owner_packs_them(tmp_path):
    trees.musdb_hq(tmp_path)
    items = TASK.items(tmp_path)
    assert [(item.id, item.split) for item in items] == [
        ('A Classic Education - NightOwl', 'train'),
        ('ANiMAL - Easy', 'train'),
        ('Actions - One Minute Smile', 'valid'),
        ('Al James - Schoolboy Facination', 'test'),
        ('Buitraker - Revo X', 'test'),
    ]
    track = tmp_path / 'musdb18/train/ANiMAL - Easy'
    assert items[1].path == track / 'mixture.wav'
    assert items[1].target == Stems(tuple(track / f'{label}.wav' for label in TASK.labels))
    assert items[1].group == 'ANiMAL'


def test_a_folder_of_validation_tracks_is_believed(tmp_path):
    """What `musdbconvert` leaves when it was asked for three parts."""
    trees.musdb_hq(tmp_path)
    (tmp_path / 'musdb18/valid').mkdir()
    (tmp_path / 'musdb18/train/ANiMAL - Easy').rename(tmp_path / 'musdb18/valid/ANiMAL - Easy')
    found = {item.id: item.split for item in TASK.items(tmp_path)}
    assert found['ANiMAL - Easy'] == 'valid'
    assert found['Actions - One Minute Smile'] == 'train'


def test_the_split_hash_does_not_depend_on_the_folder(tmp_path):
    for name in ('here', 'there'):
        trees.musdb_hq(tmp_path / name)
    hashes = {targets.split_sha256(TASK.items(tmp_path / name)) for name in ('here', 'there')}
    assert len(hashes) == 1


def test_packed_stems_are_explained(tmp_path):
    for split in ('train', 'test'):
        trees.blank(tmp_path / 'musdb18' / split / 'A - B.stem.mp4')
    with pytest.raises(DataError, match='2 .stem.mp4 files, which musdbconvert'):
        TASK.items(tmp_path)


@pytest.mark.parametrize(
    ('options', 'says'),
    [({'direction': 'both'}, 'uni, bi'), ({'lstm_layers': 0}, 'at least 1')],
)
def test_heads_that_there_are_not(options, says):
    with pytest.raises(ConfigError, match=says):
        registry.build('musdb18', options)
