"""The section on planted records: what was put in is what is found."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from jaxprobe.analysis import rank
from jaxprobe.stages import analyse, results, robustness
from tests.stages import planted

FEW = 200
SEVERITIES = {'noise:20': 20.0, 'noise:10': 10.0, 'noise:0': 0.0}


def variant(record, value, card=None, noise=0.0, kept=None, scale=None):
    """The record as a deformed one: noise on the logits, and only `kept` of the items."""
    random = np.random.RandomState(len(value))
    strength = noise * (np.ones(len(record.source)) if scale is None else scale)
    drawn = random.normal(size=record.test_logits.shape) * strength[:, None, None]
    items = slice(None) if kept is None else kept
    meta = record.meta | {
        'variant': {'kind': 'deform', 'value': value, 'of': record.meta['fingerprint']},
        'agreement': {'cells': 3, 'same_best_epoch': 3, 'largest_difference': 0.0},
    }
    if card:
        meta['deformation'] = {'title': value, 'unit': 'dB', 'keeps_length': True, **card}
    return dataclasses.replace(
        record,
        test_logits=(record.test_logits + drawn).astype(np.float32)[:, items],
        test_ids=tuple(np.array(record.test_ids)[items]),
        test_groups=tuple(np.array(record.test_groups)[items]),
        test_targets=record.test_targets[items],
        meta=meta,
    )


def card(name):
    family, severity = name.split(':')
    severity = float(severity)
    return {'name': name, 'family': family, 'severity': severity, 'harm': -severity}


def found(tmp_path, record, *variants) -> Any:
    results.write_bank(tmp_path, 'task', record)
    for one in variants:
        results.write_bank(tmp_path, f'task@deform-{one.meta["variant"]["value"]}', one)
    return analyse.analyse(*analyse.read(tmp_path, 'task'), resamples=FEW).get('robustness')


@pytest.fixture
def record():
    return planted.bank(layers=4, rates=(1e-3,), mix=False, groups=20)


def test_without_deformed_records_there_is_no_section(tmp_path, record):
    assert found(tmp_path, record) is None
    assert found(tmp_path, record, variant(record, 'clean')) is None


def test_drops_areas_and_ranks_are_those_that_were_planted(tmp_path, record):
    noises = {'noise:20': 0.0, 'noise:10': 3.0, 'noise:0': 30.0}
    variants = [variant(record, n, card(n), noise) for n, noise in noises.items()]
    section = found(tmp_path, record, variant(record, 'clean'), *variants)
    assert [d['name'] for d in section['deformations']] == list(SEVERITIES)
    assert [d['severity'] for d in section['deformations']] == [20, 10, 0]
    stored = {v.meta['variant']['value']: results.score_record(v) for v in variants}
    metric = f'test/{section["metric"]}'
    for row in section['rows']:
        cells = [p for p, name in enumerate(record.source) if name == row['source']]
        values = {n: float(stored[n][metric][cells].mean()) for n in noises}
        for name, score in row['scores'].items():
            assert score['value'] == pytest.approx(values[name])
            assert score['drop'] == pytest.approx(row['clean'] - values[name])
            assert score['relative_drop'] == pytest.approx(1 - values[name] / row['clean'])
        assert row['scores']['noise:20']['drop'] == 0
        assert row['scores']['noise:20']['drop_ci95'] == [0, 0]
        curve = [row['clean'], values['noise:20'], values['noise:10'], values['noise:0']]
        assert row['area']['noise'] == pytest.approx(np.trapezoid(curve, np.linspace(0, 1, 4)))
    selected = next(r for r in section['rows'] if r['source'] == section['selected'])
    assert selected['scores']['noise:0']['drop_ci95'][0] > 0.1
    clean = np.array([row['clean'] for row in section['rows']])
    for name in noises:
        after = np.array([row['scores'][name]['value'] for row in section['rows']])
        assert section['ranks'][name]['kendall_tau'] == pytest.approx(
            rank.kendall_tau(clean, after)
        )
        assert (
            section['ranks'][name]['best_source'] == section['rows'][int(after.argmax())]['source']
        )
    assert section['ranks']['noise:20']['kendall_tau'] == pytest.approx(1)


def test_the_best_layer_can_be_another_under_a_deformation(tmp_path, record):
    """The layer that is best on clean audio alone is disturbed."""
    clean = found(tmp_path, record, variant(record, 'clean'), variant(record, 'x', card('noise:0')))
    best = clean['selected']
    scale = np.array([float(name == best) for name in record.source])
    bad = variant(record, 'bad', card('noise:-5'), 100.0, scale=scale)
    section = found(tmp_path, record, variant(record, 'clean'), bad)
    assert section['ranks']['noise:-5']['best_source'] != best
    assert section['ranks']['noise:-5']['kendall_tau'] < 1
    for row in section['rows']:
        assert (row['scores']['noise:-5']['drop'] == 0) == (row['source'] != best)


def test_lost_items_are_left_out_of_both_sides(tmp_path, record):
    kept = np.arange(0, 80, 2)
    fewer = variant(record, 'noise:10', card('noise:10'), kept=kept)
    section = found(tmp_path, record, variant(record, 'clean'), fewer)
    assert (section['n_clean'], section['n_test']) == (80, 40)
    assert section['deformations'][0]['n'] == 40
    for row in section['rows']:
        assert row['scores']['noise:10']['drop'] == 0  # What is left of them is the same.
    assert any(row['scores']['noise:10']['value'] != row['clean'] for row in section['rows'])


def test_a_chain_has_no_axis_and_a_source_that_diverged_no_numbers(tmp_path, record):
    chained = {'name': 'a>b', 'family': None, 'severity': None, 'harm': None, 'unit': None}
    few = [p for p, name in enumerate(record.source) if name != 'block0']
    parts = [variant(record, 'clean'), variant(record, 'a+b', chained, 1.0)]
    parts.append(variant(record, 'noise:0', card('noise:0'), 1.0))
    fields = ('source', 'learning_rate', 'seed', 'best_epoch', 'epochs_run', 'best_monitor')
    fields += ('diverged', 'ensemble', 'valid_logits', 'test_logits', 'mix_weights')

    def without(one):
        picked = {f: getattr(one, f) for f in fields}
        picked = {
            f: tuple(v[p] for p in few) if isinstance(v, tuple) else v[few]
            for f, v in picked.items()
        }
        return dataclasses.replace(one, **picked)

    section = found(tmp_path, record, *(without(part) for part in parts))
    assert [d['name'] for d in section['deformations']] == ['noise:0', 'a>b']
    rows = {row['source']: row for row in section['rows']}
    assert rows['block0'] == {
        'source': 'block0', 'learning_rate': None, 'clean': None, 'ci95': None, 'scores': {},
        'area': {},
    }  # fmt: skip
    assert rows['block1']['area'] == {}
    assert set(rows['block1']['scores']) == {'noise:0', 'a>b'}
    assert section['ranks']['a>b']['kendall_tau'] is not None


def test_severities_of_equal_harm_share_a_step():
    assert robustness.area(1.0, [[0.5], [0.0]]) == 0.5
    assert robustness.area(1.0, [[0.6, 0.4], [0.1, -0.1]]) == pytest.approx(0.5)
    assert robustness.area(0.7, [[0.7], [0.7], [0.7]]) == pytest.approx(0.7)


def test_other_heads_have_tables_of_their_own(tmp_path, record):
    """In the order in which heads are listed, each beside its own clean scores."""
    record.meta['protocol'] |= {'hidden': [512], 'dropout': 0.2}
    parts = [variant(record, 'clean'), variant(record, 'noise:0', card('noise:0'), 1.0)]
    for head, noise in (('m2', 100.0), ('linear', 0.0)):
        meta = {'kind': 'head', 'value': head, 'of': record.meta['fingerprint']}
        own = dataclasses.replace(record, meta=record.meta | {'variant': meta})
        results.write_bank(tmp_path, f'task@head-{head}', own)
        for value, one in (('clean', None), ('noise:0', card('noise:0'))):
            made = variant(record, f'{head}-{value}', one, noise if one else 0.0)
            made.meta['variant'] |= {'kind': 'deform_head'}
            made.meta['head'] = head
            results.write_bank(tmp_path, f'task@deform_head-{head}-{value}', made)
    section = found(tmp_path, record, *parts)
    assert [table['head'] for table in section['heads']] == ['linear', 'm2']
    linear, m2 = section['heads']
    assert all(row['scores']['noise:0']['drop'] == 0 for row in linear['rows'])
    best = next(row for row in m2['rows'] if row['source'] == m2['selected'])
    assert best['scores']['noise:0']['drop_ci95'][0] > 0.1
    assert linear['ranks']['noise:0']['kendall_tau'] == pytest.approx(1)
