import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import registry, tinysol
from tests.tasks import trees


def test_folds_are_mir_refs(tmp_path):
    trees.tinysol_notes(tmp_path)
    items = registry.build('tinysol_instrument').items(tmp_path)
    parts = [(item.split, item.id.rsplit('-', 2)[1]) for item in items]
    by_split = {split: {int(n) // 2 for s, n in parts if s == split} for split, _ in parts}
    assert by_split == {'train': {2, 3, 4}, 'valid': {0}, 'test': {1}}


def test_a_part_of_the_notes_is_said_to_be_one(tmp_path):
    trees.tinysol_notes(tmp_path)
    notes = registry.build('tinysol_pitch_class').prepare(tmp_path).notes
    assert any('here has 20 items, the data set 2913' in note for note in notes)


def test_the_wheel_turns():
    cards = [registry.build('tinysol_instrument', {'fold': fold}).card for fold in range(5)]
    assert '4 validates, 0 is the test' in cards[4].split_source
    assert [tinysol.split_of(fold, 4) for fold in range(5)] == ['test', *['train'] * 3, 'valid']
    with pytest.raises(ConfigError, match='fold=5 is no fold'):
        registry.build('tinysol_pitch_class', {'fold': 5})


def test_labels():
    assert len(tinysol.INSTRUMENTS) == 14
    names = list(tinysol.INSTRUMENTS.values())
    assert names == sorted(names)
    assert len(tinysol.PITCH_CLASSES) == 12


@pytest.mark.parametrize(
    ('old', 'new', 'says'),
    [
        ('Winds/Flute/', 'Winds/Kazoo/', 'the path is not'),
        ('ordinario,A2', 'ordinario,H2', "Pitch 'H2' is no pitch class"),
        ('wav,3,', 'wav,7,', 'Fold 7 is not'),
        ('Fold', 'Folds', "no column 'Fold'"),
    ],
)
def test_a_table_of_another_kind(old, new, says, tmp_path):
    trees.tinysol_notes(tmp_path)
    table = tmp_path / 'tinysol/annotation/TinySOL_metadata.csv'
    table.write_text(table.read_text().replace(old, new))
    name = 'tinysol_pitch_class' if 'Pitch' in says else 'tinysol_instrument'
    with pytest.raises(DataError, match=says):
        registry.build(name).items(tmp_path)


def test_the_real_layout(shared):
    for name, found in (
        ('tinysol_instrument', {'Contrabass': 'train', 'Flute': 'valid'}),
        ('tinysol_pitch_class', {'A': 'train', 'C': 'valid'}),
    ):
        task = registry.build(name)
        items = task.items(shared / 'data/real_layouts')
        assert {task.labels[item.target]: item.split for item in items} == found
        assert all(item.path.is_file() for item in items)
