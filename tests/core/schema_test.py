import pytest

from jaxprobe.core import fs, schema
from jaxprobe.core.errors import StoreError

REMEDY = 'delete it.'


def test_a_file_from_before_layouts_were_numbered_is_layout_one(tmp_path):
    fs.write_json(tmp_path / 'a.json', {'x': 1})
    assert schema.read(tmp_path / 'a.json', 'a file', (1, 2), REMEDY) == {'x': 1}
    with pytest.raises(StoreError, match=r'layout 1, and jaxprobe .* reads 2: this program never'):
        schema.read(tmp_path / 'a.json', 'a file', (2,), REMEDY)


@pytest.mark.parametrize(('found', 'why'), [(3, 'a newer'), ('x', 'never'), (True, 'never')])
@pytest.mark.parametrize('key', schema.KEYS)
def test_another_layout_is_refused_with_all_that_helps(tmp_path, key, found, why):
    path = tmp_path / 'a.json'
    fs.write_json(path, {key: found})
    with pytest.raises(StoreError) as caught:
        schema.read(path, 'a file', (1, 2), REMEDY)
    for part in (str(path), 'a file', repr(found), 'reads 1 and 2', why, 'or delete it.'):
        assert part in str(caught.value)


def test_a_seal_tells_a_changed_byte_from_a_value(tmp_path):
    path = tmp_path / 'a.json'
    fs.write_json(path, schema.sealed({'version': 2, 'x': [1, 2.5, 'é']}))
    assert schema.read(path, 'a file', (2,), REMEDY) == {'version': 2, 'x': [1, 2.5, 'é']}
    path.write_text(path.read_text().replace('2.5', '2.25'))
    with pytest.raises(StoreError, match='was changed after it was written. Delete it'):
        schema.read(path, 'a file', (2,), REMEDY)
    assert schema.read(path, 'a file', (2,), REMEDY, changed=True)['x'] == [1, 2.25, 'é']
    path.write_text('{"x": ')
    with pytest.raises(StoreError, match=r'a\.json is damaged .*: a file. Delete it'):
        schema.read(path, 'a file', (2,), REMEDY)
    path.write_text('[]')
    with pytest.raises(StoreError, match='no JSON object'):
        schema.read(path, 'a file', (2,), REMEDY)
