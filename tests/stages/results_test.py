import dataclasses
import json

import numpy as np
import pytest

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError
from jaxprobe.stages import results
from tests.stages import planted


@pytest.mark.parametrize('kind', ['multiclass', 'multilabel', 'regression', 'key'])
def test_a_record_comes_back_as_it_was_written(kind, tmp_path):
    record = planted.bank(kind=kind, diverged=(3,), groups=4, dtype=np.float16)
    results.write_bank(tmp_path, 'genre', record)
    back = results.read_bank(tmp_path, 'genre')
    for field in dataclasses.fields(record):
        if field.name in ('meta', 'scores'):
            continue
        old, new = getattr(record, field.name), getattr(back, field.name)
        np.testing.assert_array_equal(new, old, err_msg=field.name)
        if isinstance(old, np.ndarray):
            assert new.dtype == old.dtype, field.name
    assert {key: back.meta[key] for key in record.meta} == record.meta
    assert set(back.scores) == {
        f'{split}/{m}' for split in ('valid', 'test') for m in record.meta['task']['metrics']
    }


def test_equal_records_are_equal_bytes(tmp_path):
    for folder in ('a', 'b'):
        results.write_bank(tmp_path / folder, 'genre', planted.bank())
    for end in ('cells.parquet', 'logits.npz', 'bank.json'):
        assert fs.sha256(tmp_path / 'a' / f'genre.{end}') == fs.sha256(
            tmp_path / 'b' / f'genre.{end}'
        )


def test_scores_are_those_of_the_logits_as_stored():
    record = planted.bank(dtype=np.float16, diverged=(2,))
    columns = results.score_record(record)
    hits = record.test_logits.argmax(-1) == record.test_targets[None]
    expected = hits.mean(-1)
    np.testing.assert_allclose(np.delete(columns['test/accuracy'], 2), np.delete(expected, 2))
    assert np.isnan(columns['test/accuracy'][2])


def test_a_cell_that_never_trained_has_no_score():
    record = planted.bank()
    record.best_epoch[4] = -1
    found = np.isnan(results.score_record(record)['valid/accuracy'])
    assert found.nonzero()[0].tolist() == [4]


def test_bank_json_is_written_last_and_removed_first(tmp_path, monkeypatch):
    results.write_bank(tmp_path, 'genre', planted.bank())
    assert results.stored_meta(tmp_path, 'genre') is not None

    def die(record):
        raise KeyboardInterrupt

    monkeypatch.setattr(results, '_logits_bytes', die)
    with pytest.raises(KeyboardInterrupt):
        results.write_bank(tmp_path, 'genre', planted.bank(strength=1.0))
    assert results.stored_meta(tmp_path, 'genre') is None


def test_an_absent_or_cut_off_record_says_what_to_do(tmp_path):
    with pytest.raises(StoreError, match='not probed yet'):
        results.read_bank(tmp_path, 'genre')
    results.write_bank(tmp_path, 'genre', planted.bank())
    results.paths(tmp_path, 'genre')['bank'].write_text('{"fin')
    assert results.stored_meta(tmp_path, 'genre') is None


@pytest.mark.parametrize('what', ['cells', 'logits'])
def test_a_changed_byte_is_refused(what, tmp_path):
    where = results.write_bank(tmp_path, 'genre', planted.bank())
    data = bytearray(where[what].read_bytes())
    data[len(data) // 2] ^= 1
    where[what].write_bytes(bytes(data))
    with pytest.raises(StoreError, match='sha256'):
        results.read_bank(tmp_path, 'genre')


def test_a_record_that_contradicts_itself_is_refused(tmp_path):
    record = planted.bank()
    short = dataclasses.replace(record, test_ids=record.test_ids[:-1])
    with pytest.raises(StoreError, match='test_ids'):
        results.write_bank(tmp_path, 'genre', short)
    with pytest.raises(StoreError, match='fingerprint'):
        results.check(
            dataclasses.replace(
                record, meta={k: v for k, v in record.meta.items() if k != 'fingerprint'}
            )
        )
    renamed = dataclasses.replace(record, source=('nowhere', *record.source[1:]))
    with pytest.raises(StoreError, match='nowhere'):
        results.check(renamed)
    fewer = dataclasses.replace(record, ensemble=record.ensemble[1:])
    with pytest.raises(StoreError, match='ensemble'):
        results.check(fewer)


def test_the_record_hash_covers_all_but_itself(tmp_path):
    where = results.write_bank(tmp_path, 'genre', planted.bank())
    meta = json.loads(where['bank'].read_text())
    assert results.record_hash(meta) == meta['record_sha256']
    meta['n']['test'] += 1
    assert results.record_hash(meta) != meta['record_sha256']


def test_unicode_names_survive(tmp_path):
    record = planted.bank(labels=('Dvořák', '民謡', 'a|b', 'x' * 90, '', 'ß'))
    results.write_bank(tmp_path, 'мелодия', record)
    assert results.read_bank(tmp_path, 'мелодия').meta['task']['labels'][1] == '民謡'
