import shutil

import pytest

from jaxprobe.core.errors import StoreError
from jaxprobe.reports import read


def test_models_come_before_controls_and_numbers_by_value(found):
    assert read.encoders(found) == ['muq', 'musicnn', 'toy']
    assert read.tasks(found) == ['emotion', 'tags2', 'tags10']
    assert [r.encoder for r in read.of_task(found, 'tags2')] == ['muq', 'musicnn', 'toy']
    assert [r.task for r in read.of_encoder(found, 'muq')] == ['emotion', 'tags2', 'tags10']


def test_a_result_knows_its_metric_and_constants(found):
    r = read.of_task(found, 'emotion')[-1]
    assert r.metric == 'r2'
    assert r.constant == 0.0
    assert r.majority <= 0.0
    assert r.control
    assert not r.limited


def test_equal_labels_of_two_runs_are_told_apart(workdir, tmp_path):
    other = shutil.copytree(workdir, tmp_path / 'again')
    shutil.rmtree(other / 'results' / 'toy')
    labels = read.encoders(read.load([workdir, other]))
    assert f'muq ({workdir.name})' in labels
    assert 'muq (again)' in labels
    assert 'toy' in labels


def test_a_folder_without_results_says_so(tmp_path):
    with pytest.raises(StoreError, match='analyse stage'):
        read.load([tmp_path])


def test_a_damaged_file_names_itself(workdir, tmp_path):
    copy = shutil.copytree(workdir, tmp_path / 'run')
    (copy / 'results' / 'muq' / 'tags2.json').write_text('{"encoder": 3}')
    with pytest.raises(StoreError, match=r'tags2\.json'):
        read.load([copy])


def test_natural_order():
    assert sorted(['layer10', 'layer2', 'a', 'layer'], key=read.natural) == [
        'a',
        'layer',
        'layer2',
        'layer10',
    ]


def test_one_name_for_two_tasks_makes_two_tables(workdir, tmp_path):
    """`own_data` of two manifests: other labels, other chance, not one table."""
    other = shutil.copytree(workdir, tmp_path / 'other')
    for path in (other / 'results').glob('*/tags2.json'):
        path.write_text(path.read_text().replace('"labels": [', '"labels": ["another",'))
    tasks = read.tasks(read.load([workdir, other]))
    assert {'tags2 (other)', f'tags2 ({workdir.name})', 'emotion'} <= set(tasks)
    assert 'tags2' not in tasks
