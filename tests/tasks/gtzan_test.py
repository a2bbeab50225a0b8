from collections import Counter

import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import gtzan, registry, targets

TASK = registry.build('gtzan_genre')


def lay(root, names):
    for name in names:
        path = root / name.split('.')[0] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'RIFF')


def test_split_is_the_published_one():
    split = gtzan.split()
    assert Counter(split.values()) == {'train': 443, 'valid': 197, 'test': 290}
    assert {name.split('.')[0] for name in split} == set(gtzan.LABELS)
    # The first lines of the published lists.
    assert split['blues.00029'] == 'train'
    assert split['blues.00000'] == 'valid'
    assert split['blues.00012'] == 'test'
    per_class = Counter(name.split('.')[0] for name, part in split.items() if part == 'test')
    assert [per_class[label] for label in gtzan.LABELS] == [31, 31, 30, 29, 27, 27, 27, 30, 26, 32]


def test_a_changed_split_file_is_refused(tmp_path, monkeypatch):
    changed = tmp_path / 'split.csv'
    changed.write_bytes(gtzan.SPLIT_FILE.read_bytes().replace(b'valid', b'train', 1))
    monkeypatch.setattr(gtzan, 'SPLIT_FILE', changed)
    gtzan.split.cache_clear()
    with pytest.raises(DataError, match='was changed'):
        gtzan.split()
    gtzan.split.cache_clear()


def test_protocol_is_marble_v1():
    p = TASK.protocol
    assert (p.monitor, p.plateau_patience, p.stop_patience, p.epochs) == ('accuracy', 6, 20, 100)
    assert p.window_seconds == 30.0
    assert TASK.labels.index('hiphop') == 4


@pytest.mark.parametrize('root', gtzan.ROOTS)
@pytest.mark.parametrize('suffix', ['.wav', '.au'])
def test_layouts(tmp_path, root, suffix):
    lay(tmp_path / root, [f'{name}{suffix}' for name in gtzan.split()])
    found = TASK.prepare(tmp_path)
    assert found.usable
    assert found.missing == ()
    assert found.found == TASK.card.items == {'train': 442, 'valid': 197, 'test': 290}
    assert list(found.excluded) == ['jazz.00054']
    items = TASK.items(tmp_path)
    assert all(item.path.suffix == suffix and item.path.exists() for item in items)
    assert all(TASK.labels[int(item.target)] == item.id.split('.')[0] for item in items)
    assert 'jazz.00054' not in {item.id for item in items}


def test_what_is_missing_is_named(tmp_path):
    names = [f'{name}.wav' for name in gtzan.split() if name != 'rock.00011']
    lay(tmp_path / 'gtzan_genre/genres', names)
    found = TASK.prepare(tmp_path)
    path = tmp_path / 'gtzan_genre/genres/rock/rock.00011.wav'
    assert found.missing == (str(path),)
    assert path in [item.path for item in TASK.items(tmp_path)]


def test_nothing_there(tmp_path):
    found = TASK.prepare(tmp_path)
    assert not found.usable
    assert len(found.missing) == 929
    with pytest.raises(DataError, match='Put the folder of the ten genres at gtzan_genre/genres'):
        TASK.items(tmp_path)


def test_the_owners_layout(shared):
    found = TASK.prepare(shared / 'data' / 'real_layouts')
    assert not found.usable
    assert found.found == {'train': 0, 'valid': 1, 'test': 0}
    assert len(found.missing) == 928


def test_the_cards_sha256_is_that_of_the_items(tmp_path):
    items = gtzan._items(tmp_path, {})
    assert targets.split_sha256(items) == gtzan.CARD.split_sha256
