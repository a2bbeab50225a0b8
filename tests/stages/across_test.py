import dataclasses
import json
import shutil

import numpy as np
import pytest

from jaxprobe.stages import across, analyse, results, verify
from tests.stages import planted

FEW = 300
N = {'train': 60, 'valid': 60, 'test': 120}


def _write(workdir, record, encoder=None, task=None):
    label = encoder or record.meta['encoder']['label']
    encoding = record.meta['encoder'] | {'label': label}
    record = dataclasses.replace(record, meta=record.meta | {'encoder': encoding})
    folder = workdir / 'results' / label
    results.write_bank(folder, task or record.meta['task']['name'], record)
    return folder


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """A strong encoder, a copy of it, a weak one; two tasks, of which the weak has one more."""
    tmp_path = tmp_path_factory.mktemp('run')
    for task, kind in (('genre', 'multiclass'), ('mood', 'multilabel')):
        made = {
            'task': task,
            'kind': kind,
            'layers': 2,
            'n': N,
            'groups': 30,
            'rates': (1e-3, 5e-3),
        }
        strong = planted.bank(encoder='strong', strength=2.0, **made)
        _write(tmp_path, strong)
        _write(tmp_path, strong, 'twin')
        _write(tmp_path, planted.bank(encoder='weak', strength=0.2, **made))
    _write(tmp_path, planted.bank(encoder='weak', task='alone', layers=2, rates=(1e-3,)))
    analyse.run(tmp_path, resamples=FEW)
    return tmp_path


@pytest.fixture
def workdir(made, tmp_path):
    return shutil.copytree(made, tmp_path / 'run')


def _pair(task, a, b):
    return next(p for p in task['pairs'] if {p['a'], p['b']} == {a, b})


def test_equal_encoders_do_not_differ_and_unequal_ones_do(workdir):
    found = across.compare(across.folders(workdir), resamples=FEW)
    assert set(found['tasks']) == {'genre', 'mood'}
    for name, metric in (('genre', 'accuracy'), ('mood', 'roc_auc')):
        task = found['tasks'][name]
        assert (task['metric'], task['items'], task['clusters']) == (metric, 120, 30)
        assert task['ranking'] == ['strong', 'twin', 'weak']
        twins, weak = _pair(task, 'strong', 'twin'), _pair(task, 'strong', 'weak')
        assert (twins['difference'], twins['p'], twins['significant']) == (0.0, 1.0, False)
        assert weak['significant']
        assert weak['difference'] > 0
        assert weak['p_holm'] >= weak['p']
    means = found['mean']
    assert [row['encoder'] for row in means] == ['strong', 'twin', 'weak']
    assert [row['mean_rank'] for row in means] == [1, 2, 3]
    each = [found['tasks'][t]['rows'][0]['value'] for t in ('genre', 'mood')]
    assert means[0]['value'] == pytest.approx(np.mean(each))
    assert means[0]['tasks'] == 2


def test_scores_are_those_of_the_result_files(workdir):
    found = json.loads((workdir / across.FILE).read_text())
    for name, task in found['tasks'].items():
        for row in task['rows']:
            whole = json.loads((workdir / 'results' / row['encoder'] / f'{name}.json').read_text())
            assert row['value'] == whole['main_score']['value']
            assert row['source'] == whole['selected']['source']


def test_items_are_matched_by_id(workdir, tmp_path):
    """Another order, and fewer of them: the same as if both had had those from the start."""
    whole = results.read_bank(workdir / 'results' / 'weak', 'genre')
    order = np.random.RandomState(0).permutation(120)[:90]
    fewer = _kept(whole, order)
    other = tmp_path / 'other'
    _write(other, fewer, 'fewer')
    strong = workdir / 'results' / 'strong'
    found = across.compare([strong, other / 'results' / 'fewer'], resamples=FEW)['tasks']['genre']
    assert found['items'] == 90
    same = _kept(results.read_bank(strong, 'genre'), np.sort(order))
    again = [_write(tmp_path / 'again', same, 'strong'), other / 'results' / 'fewer']
    assert across.compare(again, resamples=FEW)['tasks']['genre'] == found


def _kept(record, order):
    return dataclasses.replace(
        record,
        test_ids=tuple(record.test_ids[i] for i in order),
        test_groups=tuple(record.test_groups[i] for i in order),
        test_targets=record.test_targets[order],
        test_logits=record.test_logits[:, order],
    )


def test_what_cannot_be_compared_is_left_out_and_named(workdir):
    weak = results.read_bank(workdir / 'results' / 'weak', 'genre')
    targets = weak.test_targets.copy()
    targets[7] = (targets[7] + 1) % 6
    _write(workdir, dataclasses.replace(weak, test_targets=targets), 'z_other_targets')
    task = weak.meta['task'] | {'labels': ['x', *weak.meta['task']['labels'][1:]]}
    _write(workdir, dataclasses.replace(weak, meta=weak.meta | {'task': task}), 'z_other_labels')
    nothing = planted.bank(layers=1, mix=False, rates=(1e-3,), seeds=1, diverged=(0,), n=N)
    _write(workdir, nothing, 'z_nothing')
    found = across.compare(across.folders(workdir), resamples=FEW)['tasks']['genre']
    assert found['ranking'] == ['strong', 'twin', 'weak']
    assert found['left_out'] == {
        'z_other_targets': 'test items have other targets than for strong',
        'z_other_labels': 'another task of this name than for strong, by its labels',
        'z_nothing': 'every cell diverged',
    }


def test_several_workdirs_stand_side_by_side(workdir, tmp_path):
    copy = shutil.copytree(workdir / 'results' / 'strong', tmp_path / 'b' / 'results' / 'strong')
    found = across.compare([workdir / 'results' / 'strong', copy], resamples=FEW)
    first = workdir.name
    assert found['tasks']['genre']['ranking'] == ['strong (b)', f'strong ({first})']
    assert [p['significant'] for p in found['tasks']['genre']['pairs']] == [False]


def test_other_numbers_of_seeds_are_compared_by_groups_alone(workdir):
    one = planted.bank(encoder='one', task='genre', layers=2, n=N, groups=30, seeds=1, strength=1.0)
    _write(workdir, one)
    found = across.compare(across.folders(workdir), resamples=FEW)['tasks']
    assert found['genre']['covers'] == 'other groups'
    assert found['mood']['covers'] == 'other groups and seeds'


def test_one_encoder_alone_makes_no_file(workdir):
    assert (workdir / across.FILE).exists()
    for name in ('twin', 'weak'):
        shutil.rmtree(workdir / 'results' / name)
    assert across.run(workdir, resamples=20) is None
    assert not (workdir / across.FILE).exists()
    assert across.compare(across.folders(workdir), resamples=20) is None


def test_verify_computes_the_file_again(workdir):
    text, ok = verify.verify(workdir)
    assert ok, text
    assert f'ok {across.FILE}' in text
    path = workdir / across.FILE
    whole = path.read_text()
    stored = json.loads(whole)
    stored['tasks']['mood']['pairs'][1]['difference'] += 1e-9
    path.write_text(json.dumps(stored))
    [(_, _, (found, *more))] = verify._across(workdir)
    assert found.startswith('comparisons.json: tasks.mood.pairs.1.difference: stored')
    assert not more
    for damaged in (whole[:200], '{"tasks": {"genre": 3}}', whole.replace('300', '301', 1)):
        path.write_text(damaged)
        assert verify._across(workdir)[0][2]
    path.unlink()
    assert 'comparisons.json is absent: run the analyse' in verify._across(workdir)[0][2][0]


def test_a_control_on_part_of_the_items_is_left_out_and_measures_nobody(tmp_path):
    made = {'task': 'genre', 'kind': 'multiclass', 'layers': 2, 'groups': 30, 'rates': (1e-3,)}
    for label in ('strong', 'weak'):
        _write(tmp_path, planted.bank(encoder=label, n=N, **made))
    part = planted.bank(encoder='control', n={'train': 30, 'valid': 30, 'test': 30}, **made)
    part = dataclasses.replace(part, meta=part.meta | {'limit': 30})
    _write(tmp_path, part)
    found = across.compare(across.folders(tmp_path), resamples=FEW)['tasks']['genre']
    assert found['left_out'] == {'control': '30 items per split, all of strong'}
    assert found['items'] == 120
    assert len(found['pairs']) == 1
