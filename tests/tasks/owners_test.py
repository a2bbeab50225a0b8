import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import owners, registry
from jaxprobe.tasks.base import Item, Kind
from jaxprobe.tasks.targets import split_sha256
from tests.tasks import trees

CARD = registry.build('nsynth_pitch').card


def test_the_first_place_that_holds_the_marker(tmp_path):
    trees.blank(tmp_path / 'b/marker/file')
    trees.blank(tmp_path / 'c/marker/file')
    assert owners.root(tmp_path, ('a', 'b', 'c'), 'marker', CARD) == tmp_path / 'b'
    with pytest.raises(DataError, match=r'none of a, z holds marker.*From magenta'):
        owners.root(tmp_path, ('a', 'z'), 'marker', CARD)


def test_the_first_file_or_the_first_of_all(tmp_path):
    trees.blank(tmp_path / 'two')
    assert owners.first([tmp_path / 'one', tmp_path / 'two']) == tmp_path / 'two'
    assert owners.first([tmp_path / 'one', tmp_path / 'three']) == tmp_path / 'one'


def test_table(tmp_path):
    trees.text(tmp_path / 't.csv', ['\ufeffa, b', '1," x\t"', '', '2,y'])
    assert owners.table(tmp_path / 't.csv', ('a', 'b')) == [
        {'a': '1', 'b': 'x'},
        {'a': '2', 'b': 'y'},
    ]
    with pytest.raises(DataError, match="t.csv has no column 'c'; it has 'a', 'b'"):
        owners.table(tmp_path / 't.csv', ('a', 'c'))
    with pytest.raises(DataError, match='none.csv cannot be read'):
        owners.table(tmp_path / 'none.csv', ('a',))
    (tmp_path / 'latin.csv').write_bytes('a\n\xe9\n'.encode('latin-1'))
    with pytest.raises(DataError, match='not UTF-8'):
        owners.table(tmp_path / 'latin.csv', ('a',))
    trees.text(tmp_path / 'cut.csv', ['a,b', '1,x', '2'])
    with pytest.raises(DataError, match=r"cut.csv, line 3: 'b' is missing; the line has 1 fields"):
        owners.table(tmp_path / 'cut.csv', ('a', 'b'))
    assert len(owners.table(tmp_path / 'cut.csv', ('a',))) == 2


def test_text(tmp_path):
    (tmp_path / 'mark').write_bytes('\ufeffa\r\n'.encode())
    assert owners.text(tmp_path / 'mark') == 'a\r\n'
    (tmp_path / 'latin').write_bytes(b'na\xefve')
    for name, words in (('latin', r'not UTF-8 text \(byte 2\)'), ('', 'cannot be read')):
        with pytest.raises(DataError, match=words):
            owners.text(tmp_path / name)


def test_json_object(tmp_path):
    trees.text(tmp_path / 'o.json', ['{"a": 1}'])
    trees.text(tmp_path / 'l.json', ['[1]'])
    trees.text(tmp_path / 'x.json', ['{"a": '])
    assert owners.json_object(tmp_path / 'o.json') == {'a': 1}
    for name, words in (('l', 'holds a JSON list'), ('x', 'is not JSON'), ('n', 'cannot be read')):
        with pytest.raises(DataError, match=words):
            owners.json_object(tmp_path / f'{name}.json')


def test_number():
    assert owners.number({'a': '1.5'}, 'a', 'here') == 1.5
    with pytest.raises(DataError, match=r"here: a='x' is not a number"):
        owners.number({'a': 'x'}, 'a', 'here')


def survey(tmp_path, items, sha256=''):
    return owners.preparing(
        CARD, Kind.MULTICLASS, ('a', 'b'), lambda data_dir: items, split_sha256=sha256
    )(tmp_path)


def test_a_part_of_the_data_set_is_told_from_the_whole(tmp_path, monkeypatch):
    trees.blank(tmp_path / 'x.wav')
    items = [
        Item(f'{s}{k}', tmp_path / 'x.wav', s, k)
        for s in ('train', 'valid', 'test')
        for k in (0, 1)
    ]
    found = survey(tmp_path, items)
    assert found.usable
    assert found.expected == found.found == {'train': 2, 'valid': 2, 'test': 2}
    assert 'list 2 / 2 / 2 items, the data set has 289205 / 12678 / 4096' in found.notes[-1]

    monkeypatch.setitem(CARD.items, 'train', 2)
    monkeypatch.setitem(CARD.items, 'valid', 2)
    monkeypatch.setitem(CARD.items, 'test', 2)
    whole = survey(tmp_path, items, sha256=split_sha256(items))
    assert not any('published' in note for note in whole.notes)
    other = survey(tmp_path, items, sha256='0' * 64)
    assert 'are not the published ones' in other.notes[-1]


def test_nothing_there_is_not_usable_and_says_why(tmp_path):
    found = registry.build('nsynth_pitch').prepare(tmp_path)
    assert not found.usable
    assert found.expected == CARD.items
    assert found.found == {'train': 0, 'valid': 0, 'test': 0}
    assert str(tmp_path) in found.notes[-1]
