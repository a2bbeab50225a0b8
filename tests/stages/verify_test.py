import json
import re

import numpy as np
import pytest

from jaxprobe.core import fs
from jaxprobe.stages import analyse, results, verify
from tests.stages import planted


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    workdir = tmp_path_factory.mktemp('run')
    for kind in ('multiclass', 'regression'):
        record = planted.bank(kind=kind, task=kind, layers=3, diverged=(2,))
        results.write_bank(workdir / 'results' / 'toy', kind, record)
    analyse.run(workdir, resamples=100)
    return workdir


@pytest.fixture
def workdir(made, tmp_path):
    import shutil

    return shutil.copytree(made, tmp_path / 'run')


def test_an_untouched_run_agrees(workdir):
    text, ok = verify.verify(workdir)
    assert ok, text
    assert 'toy/regression' in text
    assert 'stores: not checked' in text


def test_every_changed_digit_of_a_result_file_is_found(workdir):
    """Each number of the file in turn, one digit changed."""
    path = workdir / 'results' / 'toy' / 'multiclass.json'
    whole = path.read_text()
    stored = json.loads(whole)
    record = results.read_bank(path.parent, 'multiclass')
    again = analyse.analyse(record, resamples=100)
    assert verify.compare('f', stored, again) == []
    digits = [match.start() for match in re.finditer(r'(?<=[0-9.])[0-9]', whole)]
    for position in digits[::7]:
        changed = str((int(whole[position]) + 1) % 10)
        altered = json.loads(whole[:position] + changed + whole[position + 1 :])
        if altered == stored:
            continue  # 1e-05 and its like: another spelling of the same number.
        found = verify.compare('f', altered, again)
        assert found, whole[position - 30 : position + 5]


def test_a_changed_digit_names_file_field_and_values(workdir):
    path = workdir / 'results' / 'toy' / 'multiclass.json'
    result = json.loads(path.read_text())
    result['main_score']['value'] += 1e-8
    path.write_text(json.dumps(result))
    text, ok = verify.verify(workdir)
    assert not ok
    assert 'multiclass.json: main_score.value: stored' in text
    assert 'ok toy/regression' in text


def test_a_changed_score_is_found_behind_repaired_hashes(workdir):
    """Somebody who edits a column and mends every hash is still found out."""
    folder = workdir / 'results' / 'toy'
    record = results.read_bank(folder, 'multiclass')
    columns = dict(record.scores)
    columns['test/accuracy'] = columns['test/accuracy'] + 0.01
    where = results.paths(folder, 'multiclass')
    where['cells'].write_bytes(results._cells_bytes(record, columns))
    meta = dict(record.meta) | {
        'files': {what: fs.sha256(where[what]) for what in ('cells', 'logits')}
    }
    fs.write_json(where['bank'], meta | {'record_sha256': results.record_hash(meta)})
    text, ok = verify.verify(workdir)
    assert not ok
    assert 'test/accuracy of (block0, 0.0001, seed 0)' in text


@pytest.mark.parametrize('end', ['cells.parquet', 'logits.npz', 'bank.json', 'json'])
def test_a_changed_byte_anywhere_is_found(workdir, end):
    path = workdir / 'results' / 'toy' / f'regression.{end}'
    whole = path.read_bytes()
    random = np.random.RandomState(0)
    for position in random.randint(0, len(whole), 6):
        data = bytearray(whole)
        data[position] ^= 1
        path.write_bytes(bytes(data))
        text, ok = verify.verify(workdir)
        same = end.endswith('json') and _same_json(whole, bytes(data))
        assert ok == same, f'{position}: {text}'


def _same_json(one: bytes, two: bytes) -> bool:
    try:
        return json.loads(one) == json.loads(two)
    except ValueError:
        return False


def test_absent_files_are_differences(workdir):
    folder = workdir / 'results' / 'toy'
    (folder / 'regression.json').unlink()
    assert 'run the analyse stage' in verify.verify(workdir)[0]
    (folder / 'multiclass.bank.json').unlink()
    text, ok = verify.verify(workdir)
    assert not ok
    assert 'no bank behind it' in text


def test_an_empty_folder_does_not_pass(tmp_path):
    text, ok = verify.verify(tmp_path)
    assert not ok
    assert 'nothing to verify' in text


def test_the_report_is_checked_by_who_made_it(workdir):
    text, ok = verify.verify(workdir, check_report=lambda w: [('report', 3, ['scores.csv: 1'])])
    assert not ok
    assert 'scores.csv: 1' in text


def test_compare_descends():
    assert verify.compare('f', {'a': [1, {'b': 2.0}]}, {'a': [1, {'b': 2.0}]}) == []
    assert verify.compare('f', [1], [1, 2]) == ['f: 1: stored nothing, recomputed 2']
    assert verify.compare('f', {'a': 1}, {'a': 1.0}) == ['f: a: stored 1, recomputed 1.0']
    assert verify.compare('f', None, 0.5) == ['f: : stored None, recomputed 0.5']


def test_shards_are_compared_with_their_sidecars(workdir, tmp_path):
    from jaxprobe.features import manifest
    from jaxprobe.features.spec import StoreSpec

    spec = StoreSpec(
        encoder='toy',
        weights_sha256='0' * 64,
        port_version=1,
        layers=(('a', 8),),
        sample_rate=16000,
        window_samples=160,
        hop_samples=160,
        batch_windows=4,
    )
    store = spec.path(tmp_path / 'stores')
    manifest.pin(store, spec)
    manifest.write_manifest(store, [[manifest.Planned('k0', 1.0)]])
    manifest.shard_path(store, 0).write_bytes(b'some records')
    manifest.write_sidecar(store, 0, [manifest.Entry('k0', 2, 0, 0)])
    for bank in (workdir / 'results').glob('*/*.bank.json'):
        meta = fs.read_json(bank)
        meta['store'] = {'dir': store.name, 'fingerprint': spec.fingerprint}
        fs.write_json(bank, meta | {'record_sha256': results.record_hash(meta)})
    analyse.run(workdir, resamples=100)
    text, ok = verify.verify(workdir, tmp_path / 'stores')
    assert ok, text
    manifest.shard_path(store, 0).write_bytes(b'some recorts')
    text, ok = verify.verify(workdir, tmp_path / 'stores')
    assert not ok
    assert 'array_record-00000: sha256 stored' in text
