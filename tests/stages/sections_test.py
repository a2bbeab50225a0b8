import dataclasses

from jaxprobe.stages import analyse, results, sections
from tests.stages import planted
from tests.stages.analyse_test import FEW


def _varied(record, kind, value, of=None):
    of = of or record.meta['fingerprint']
    return dataclasses.replace(
        record, meta=record.meta | {'variant': {'kind': kind, 'value': value, 'of': of}}
    )


def _written(tmp_path, *records):
    for name, record in records:
        results.write_bank(tmp_path, name, record)


def test_variants_reach_the_sections_by_kind(monkeypatch, tmp_path):
    record = planted.bank(layers=3)
    _written(
        tmp_path,
        ('task', record),
        ('task@train-0.3', _varied(record, 'train', 0.3)),
        ('task@train-0.1', _varied(record, 'train', 0.1)),
        ('task@shuffled', _varied(record, 'shuffled', '')),
    )

    def section(context):
        return {'shares': list(context.of_kind('train')), 'n': len(context.drawn.cluster)}

    monkeypatch.setattr(sections, 'SECTIONS', {'shares': section, 'empty': lambda context: None})
    found = analyse.analyse(*analyse.read(tmp_path, 'task'), resamples=FEW)
    assert found['shares'] == {'shares': [0.1, 0.3], 'n': len(record.test_ids)}
    assert 'empty' not in found


def test_a_variant_of_an_earlier_bank_is_left_out(tmp_path):
    record = planted.bank(layers=3)
    _written(
        tmp_path,
        ('task', record),
        ('task@train-0.1', _varied(record, 'train', 0.1, of='another')),
        ('task@train-0.3', _varied(record, 'train', 0.3)),
    )
    _, variants = analyse.read(tmp_path, 'task')
    assert list(variants) == ['task@train-0.3']


def test_a_task_whose_name_begins_another_keeps_its_own_variants(tmp_path):
    record = planted.bank(layers=3)
    folder = tmp_path / 'results' / 'encoder'
    _written(
        folder,
        ('task', record),
        ('task_b', record),
        ('task_b@shuffled', _varied(record, 'shuffled', '')),
    )
    assert results.variants(folder, 'task') == []
    assert [name for _, name in results.banks(tmp_path)] == ['task', 'task_b']
    assert len(results.records(tmp_path)) == 3
