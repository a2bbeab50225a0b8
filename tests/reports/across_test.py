import pytest

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError
from jaxprobe.reports import across, read
from tests.reports import filled


@pytest.fixture(scope='module')
def two(tmp_path_factory):
    """Two workdirs whose encoders have the same labels."""
    folder = tmp_path_factory.mktemp('across')
    encoders = {'muq': 4, 'random': 3}
    return [filled.write(folder / name, tasks=1, encoders=encoders) for name in ('a', 'b')]


def test_names_are_those_that_the_report_shows(two):
    results = read.load(two)
    first, second = across.comparisons(results)
    assert (first['of'], second['of']) == ('a', 'b')
    pair = second['tasks']['genre']['pairs'][0]
    assert (pair['a'], pair['b']) == ('muq (b)', 'random (b)')
    assert second['tasks']['genre']['ranking'] == ['muq (b)', 'random (b)']
    assert second['mean'][0]['encoder'] == 'muq (b)'
    assert 'left_out' in second['tasks']['genre']
    maps = across.similarity(results)['maps']
    assert {one['b'] for one in maps} == {f'{e} ({w})' for e in ('muq', 'random') for w in 'ab'}
    assert 'input' in {one['a'] for one in maps}


def test_a_run_that_compared_nothing(tmp_path):
    found = [read.load([filled.write(tmp_path / 'c', tasks=1)])[0]._replace(workdir=tmp_path)]
    assert across.comparisons(found) == []
    assert across.similarity(found) == {'maps': []}


def test_a_damaged_file_is_named(two, tmp_path):
    filled.write(tmp_path, tasks=1, encoders={'muq': 2})
    results = read.load([tmp_path])
    (tmp_path / across.FOLDER / across.SIMILARITY).write_text('{')
    with pytest.raises(StoreError, match=r'similarity\.json'):
        across.similarity(results)


def test_several_forms_of_nothing(tmp_path):
    filled.write(tmp_path, tasks=1, encoders={'muq': 2})
    fs.write_json(tmp_path / across.FOLDER / across.COMPARISONS, {'tasks': {}, 'mean': None})
    assert across.comparisons(read.load([tmp_path]))[0]['tasks'] == {}
