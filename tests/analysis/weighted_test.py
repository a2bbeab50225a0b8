import numpy as np
import pytest

from jaxprobe.analysis import bootstrap, weighted
from jaxprobe.metrics import kinds


def _case(kind, seed, ties=True):
    random = np.random.RandomState(seed)
    n, c = 50, 4
    logits = random.normal(size=(n, c))
    if ties:
        logits = np.round(logits, 1 if kind == 'multilabel' else 6)
    if kind == 'multiclass':
        return random.randint(0, c, n), logits
    if kind == 'multilabel':
        return (random.uniform(size=(n, c)) < 0.3).astype(np.float32), logits
    return random.normal(size=(n, c)).astype(np.float32), logits


def _twin(kind, metric, targets, logits):
    if metric.startswith('r2_'):
        return weighted.r2(targets, logits, output=int(metric[3:]))
    return getattr(weighted, metric)(targets, logits)


CASES = [
    ('multiclass', 'macro_f1'),
    ('multilabel', 'roc_auc'),
    ('multilabel', 'ap'),
    ('regression', 'r2'),
    ('regression', 'r2_1'),
]


@pytest.mark.parametrize(('kind', 'metric'), CASES)
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_weights_are_repetitions(kind, metric, seed):
    targets, logits = _case(kind, seed)
    drawn = bootstrap.draw([''] * len(targets), 12, np.random.RandomState(seed))
    found = bootstrap.scores(_twin(kind, metric, targets, logits), drawn)
    for b in range(12):
        items = np.repeat(np.arange(len(targets)), drawn.weights(b, b + 1)[:, 0].astype(int))
        expected = kinds.evaluate(kind, targets[items], logits[items])[metric]
        assert found[b] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(('kind', 'metric'), CASES)
def test_weights_of_one_give_the_metric(kind, metric):
    targets, logits = _case(kind, 5)
    found = _twin(kind, metric, targets, logits)(np.ones((len(targets), 1), np.float32))
    assert found[0] == pytest.approx(kinds.evaluate(kind, targets, logits)[metric], abs=1e-6)


def test_all_tied_scores_rank_nothing():
    targets = np.array([[1.0], [0.0], [1.0], [0.0], [0.0]], np.float32)
    flat = np.zeros((5, 1))
    ones = np.ones((5, 1), np.float32)
    assert weighted.roc_auc(targets, flat)(ones)[0] == 0.5
    assert weighted.ap(targets, flat)(ones)[0] == pytest.approx(0.4)


def test_a_draw_without_positives_is_undefined():
    targets = np.array([[1.0], [0.0], [0.0]], np.float32)
    logits = np.array([[3.0], [1.0], [2.0]])
    weights = np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 1.0]], np.float32)
    for metric in (weighted.roc_auc, weighted.ap):
        found = metric(targets, logits)(weights)
        assert np.isnan(found[0])
        assert found[1] == 1.0


def test_a_draw_of_one_value_has_no_r2():
    targets = np.array([[1.0], [2.0]], np.float32)
    found = weighted.r2(targets, targets + 0.1)(np.array([[2.0, 1.0], [0.0, 1.0]], np.float32))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(0.96, abs=1e-5)


def test_r2_keeps_its_digits_far_from_zero():
    random = np.random.RandomState(0)
    targets = (1e4 + random.normal(size=(80, 1))).astype(np.float64)
    logits = targets + 0.5 * random.normal(size=(80, 1))
    found = weighted.r2(targets, logits)(np.ones((80, 1), np.float32))
    assert found[0] == pytest.approx(kinds.evaluate('regression', targets, logits)['r2'], abs=1e-8)


def test_repeated_asks_the_metric_itself():
    targets, logits = _case('multilabel', 3)
    drawn = bootstrap.draw([''] * 50, 8, np.random.RandomState(0))

    def metric(items):
        return kinds.evaluate('multilabel', targets[items], logits[items])['ap']

    slow = bootstrap.scores(weighted.repeated(metric), drawn)
    fast = bootstrap.scores(weighted.ap(targets, logits), drawn)
    np.testing.assert_allclose(slow, fast, atol=1e-6)

    def undefined(items):
        raise ValueError('no')

    assert np.isnan(weighted.repeated(undefined)(np.ones((3, 2), np.float32))).all()
