import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError
from jaxprobe.stages import analyse, results
from tests.stages import planted

GOLDEN = Path(__file__).parents[1] / 'golden' / 'analyse_multiclass.json'
FEW = 200


def _scored(**options):
    record = planted.bank(**options)
    return dataclasses.replace(record, scores=results.score_record(record))


def _analysed(**options):
    return analyse.analyse(_scored(**options), resamples=FEW)


def test_golden():
    """The whole file, once: a change of any number or key must be meant."""
    found = _analysed(layers=3, seeds=2, diverged=(3,), groups=25, strength=0.7)
    # To accept a change: python -m tests.stages.analyse_test
    assert found == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize('kind', ['multiclass', 'multilabel', 'regression', 'key'])
def test_the_planted_layer_is_found(kind):
    found = _analysed(kind=kind, layers=6, best=0.6, mix=False, strength=1.2, groups=40)
    assert found['selected']['source'] == 'block3'
    assert found['selected']['meaning'] == 'block3'
    assert found['selected']['learning_rate'] == 5e-4
    low, high = found['main_score']['ci95']
    assert low < found['main_score']['value'] < high
    assert found['main_score']['value'] == found['selected']['test']
    assert found['metrics'].keys() == set(found['task']['metrics'])
    assert found['best_constant'].keys() == set(found['task']['metrics'])
    assert not found['main_score']['at_constant_level']
    assert found['regret'] >= 0
    assert found['mix'] is found['mix_minus_best_layer'] is None
    assert found['layer_weights'] == []
    json.dumps(found, allow_nan=False)


def test_every_label_has_its_own_scores():
    record = _scored(kind='multilabel', layers=4, seeds=2)
    found = analyse.analyse(record, resamples=FEW)
    each = found['per_label']
    assert each['labels'] == found['task']['labels']
    assert each['n'] == record.test_targets.sum(axis=0).tolist()
    assert np.mean(each['ap']) == pytest.approx(found['metrics']['ap']['value'])
    recall = _scored(kind='multiclass', layers=4)
    each = analyse.analyse(recall, resamples=FEW)['per_label']
    share = np.dot(each['recall'], each['n']) / np.sum(each['n'])
    accuracy = analyse.analyse(recall, resamples=FEW)['metrics']['accuracy']['value']
    assert share == pytest.approx(accuracy)


def test_metrics_that_were_added_stand_beside_the_kinds_own():
    mine = 'tests.stages.score_test:agreement'
    found = _analysed(kind='multiclass', metrics=('accuracy', 'macro_f1', 'micro_f1', mine))
    assert found['metrics']['micro_f1'] == found['metrics']['accuracy']
    assert found['metrics'][mine]['value'] == found['metrics']['accuracy']['value']
    low, high = found['metrics'][mine]['ci95']
    assert low < found['metrics'][mine]['value'] < high
    assert found['best_constant']['micro_f1'] == found['best_constant']['accuracy']
    assert found['best_constant'][mine] is None  # Of one class it is not defined.
    json.dumps(found, allow_nan=False)


def test_selection_never_sees_the_test_items():
    record = _scored(layers=5, strength=1.0)
    before = analyse.analyse(record, resamples=FEW)
    shuffled = {k: v[::-1].copy() if k.startswith('test') else v for k, v in record.scores.items()}
    after = analyse.analyse(dataclasses.replace(record, scores=shuffled), resamples=FEW)
    for key in ('source', 'learning_rate', 'valid'):
        assert after['selected'][key] == before['selected'][key]
    assert after['regret'] != before['regret']


def test_noise_sits_at_the_level_of_constants():
    found = _analysed(strength=0.0, layers=4)
    codes = {warning['code'] for warning in found['warnings']}
    assert codes & {'constant level', 'near constant'}


def test_rows_hold_every_source_at_its_own_rate():
    found = _analysed(layers=4)
    assert [row['source'] for row in found['layers']] == [
        'block0',
        'block1',
        'block2',
        'block3',
        'mix',
    ]
    valid = np.array(found['rates']['valid'])
    for s, row in enumerate(found['layers']):
        assert row['valid'] == valid[s].max()
        assert row['learning_rate'] == found['rates']['learning_rates'][valid[s].argmax()]
    assert found['best_layer']['valid'] == valid[:4].max()
    assert found['mix'] == found['layers'][-1]
    difference = found['mix_minus_best_layer']
    assert difference['value'] == pytest.approx(found['mix']['test'] - found['best_layer']['test'])
    assert difference['ci95'][0] <= difference['value'] <= difference['ci95'][1]


def test_layer_weights_are_means_over_seeds():
    found = _analysed(layers=4, seeds=3)['layer_weights'][0]
    assert found['source'] == 'mix'
    assert found['layers'] == ['block0', 'block1', 'block2', 'block3']
    assert found['weights'][0] is None  # `mix` leaves layer 0 out.
    assert sum(found['weights'][1:]) == pytest.approx(1.0)


def test_one_seed_one_layer_one_rate():
    found = _analysed(layers=1, rates=(1e-3,), seeds=1, mix=False)
    assert found['main_score']['seed_std'] is None
    assert found['main_score']['n_seeds'] == 1
    assert {w['code'] for w in found['warnings']} >= {'one rate', 'one seed'}


def test_where_all_diverged_there_is_no_score():
    cells = tuple(range(2 * 3 * 2))
    found = _analysed(layers=2, mix=False, diverged=cells)
    assert found['selected'] is None
    assert found['main_score']['value'] is None
    assert found['regret'] is None
    assert [row['test'] for row in found['layers']] == [None, None]
    assert len(found['diverged']) == len(cells)
    assert 'no score' in {w['code'] for w in found['warnings']}


def test_one_diverged_replicate_bars_its_pair():
    found = _analysed(layers=3, diverged=(3,))  # block0, the second rate, the second seed
    assert found['rates']['valid'][0][1] is None
    assert found['diverged'] == [
        {
            'source': 'block0',
            'learning_rate': 5e-4,
            'seed': 1,
            'best_epoch': found['diverged'][0]['best_epoch'],
        }
    ]


def test_run_rewrites_the_same_bytes(tmp_path):
    folder = tmp_path / 'results' / 'toy'
    for kind in ('multiclass', 'regression'):
        results.write_bank(folder, kind, planted.bank(kind=kind, task=kind))
    first = {path: fs.sha256(path) for path in analyse.run(tmp_path, resamples=FEW)}
    again = {path: fs.sha256(path) for path in analyse.run(tmp_path, resamples=FEW)}
    assert first == again
    assert sorted(path.name for path in first) == ['multiclass.json', 'regression.json']


def test_run_without_banks_says_so(tmp_path):
    with pytest.raises(StoreError, match='probe stage'):
        analyse.run(tmp_path)


def test_meaning_of_sources():
    encoder = {'layers': [{'name': 'a'}, {'name': 'b'}]}
    one = {'layers': [1], 'learned': False}
    assert analyse.meaning(encoder, one) == 'b'
    assert analyse.meaning(encoder, one | {'layers': [0, 1]}) == 'mean of a, b'
    assert 'learned' in analyse.meaning(encoder, {'layers': [0, 1], 'learned': True})


if __name__ == '__main__':
    GOLDEN.parent.mkdir(exist_ok=True)
    fs.write_json(GOLDEN, _analysed(layers=3, seeds=2, diverged=(3,), groups=25, strength=0.7))
