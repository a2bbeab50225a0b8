"""The twins against scikit-learn and mir_eval, ties and missing classes included."""

import jax.numpy as jnp
import mir_eval
import numpy as np
import pytest
import sklearn.metrics

from jaxprobe.metrics import regression
from jaxprobe.probes import scores

NAMES = ['C', 'Db', 'D', 'Eb', 'E', 'F', 'Gb', 'G', 'Ab', 'A', 'Bb', 'B']
KEYS = [f'{name} {mode}' for mode in ('major', 'minor') for name in NAMES]


def tags(seed, n=60, outputs=6, decimals=None):
    random = np.random.RandomState(seed)
    y = (random.rand(n, outputs) < 0.3).astype(np.float32)
    s = (random.randn(n, outputs) + y).astype(np.float32)
    return y, s if decimals is None else np.round(s, decimals)


@pytest.mark.parametrize('decimals', [None, 1, 0, -1])
@pytest.mark.parametrize('seed', range(3))
def test_multilabel_twins_equal_sklearn(seed, decimals):
    """From no ties (None) to nothing but ties (-1)."""
    y, s = tags(seed, decimals=decimals)
    auc = scores.roc_auc(jnp.asarray(y), jnp.asarray(s))
    ap = scores.average_precision(jnp.asarray(y), jnp.asarray(s))
    assert abs(auc - sklearn.metrics.roc_auc_score(y, s, average='macro')) < 1e-6
    assert abs(ap - sklearn.metrics.average_precision_score(y, s, average='macro')) < 1e-6


def test_multilabel_twins_on_many_items():
    y, s = tags(0, n=6000, outputs=3, decimals=2)
    auc = scores.roc_auc(jnp.asarray(y), jnp.asarray(s))
    ap = scores.average_precision(jnp.asarray(y), jnp.asarray(s))
    assert abs(auc - sklearn.metrics.roc_auc_score(y, s, average='macro')) < 1e-6
    assert abs(ap - sklearn.metrics.average_precision_score(y, s, average='macro')) < 1e-6


def test_tags_without_positives_or_negatives_are_left_out():
    y, s = tags(1)
    y[:, 0], y[:, 1] = 0, 1
    auc = scores.roc_auc(jnp.asarray(y), jnp.asarray(s))
    assert abs(auc - sklearn.metrics.roc_auc_score(y[:, 2:], s[:, 2:])) < 1e-6
    ap = scores.average_precision(jnp.asarray(y), jnp.asarray(s))
    rest = sklearn.metrics.average_precision_score(y[:, 1:], s[:, 1:])
    assert abs(ap - rest) < 1e-6
    nothing = jnp.zeros_like(jnp.asarray(y))
    assert scores.roc_auc(nothing, jnp.asarray(s)) == 0, 'never nan'


def test_r2_equals_sklearn():
    random = np.random.RandomState(0)
    y = random.randn(50, 3).astype(np.float32)
    p = (y + random.randn(50, 3)).astype(np.float32)
    assert abs(scores.r2(jnp.asarray(y), jnp.asarray(p)) - sklearn.metrics.r2_score(y, p)) < 1e-6
    y[:, 0] = 2.0
    assert abs(scores.r2(jnp.asarray(y), jnp.asarray(p)) - sklearn.metrics.r2_score(y, p)) < 1e-6
    p[:, 0] = 2.0
    assert abs(scores.r2(jnp.asarray(y), jnp.asarray(p)) - sklearn.metrics.r2_score(y, p)) < 1e-6


def test_accuracy_takes_the_first_of_equal_logits():
    logits = jnp.asarray([[1.0, 1.0], [0.0, 2.0], [3.0, 1.0]])
    assert abs(scores.accuracy(jnp.asarray([0, 1, 1]), logits) - 2 / 3) < 1e-7
    assert abs(scores.accuracy(jnp.asarray([1, 1, 1]), logits) - 1 / 3) < 1e-7


def test_key_table_is_mir_evals():
    """All 576 pairs, so the fifth is the one above and relative and parallel have their sides."""
    expected = [[mir_eval.key.weighted_score(r, e) for e in KEYS] for r in KEYS]
    np.testing.assert_allclose(scores.key_table(), expected, atol=1e-7)
    assert scores.key_table()[0, 7] == np.float32(0.5)
    assert scores.key_table()[0, 5] == 0


def test_weighted_key_score_is_the_mean_over_songs():
    table = np.eye(24, dtype=np.float32)
    targets = jnp.asarray([0, 0, 0, 0, 0])
    value = scores.weighted_key_score(targets, jnp.asarray(table[[0, 7, 21, 12, 5]]))
    assert abs(value - (1 + 0.5 + 0.3 + 0.2 + 0) / 5) < 1e-6


def test_item_loss_equals_sklearn():
    random = np.random.RandomState(3)
    logits, y = random.randn(20, 5).astype(np.float32), random.randint(0, 5, 20)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = sklearn.metrics.log_loss(y, p, labels=range(5))
    found = scores.item_loss('multiclass', jnp.asarray(y), jnp.asarray(logits))
    assert abs(found - expected) < 1e-6


@pytest.mark.parametrize(
    ('name', 'kind'),
    [
        ('accuracy', 'multiclass'),
        ('roc_auc', 'multilabel'),
        ('ap', 'multilabel'),
        ('r2', 'regression'),
        ('weighted_score', 'key'),
    ],
)
def test_every_monitor_prefers_the_truth(name, kind):
    y, s = tags(4, outputs=24)
    if kind in ('multiclass', 'key'):
        targets = s.argmax(-1)
        worse = np.roll(s, 6, axis=1)
    else:
        targets, worse = y, -s
        s = y * 2 - 1 if kind == 'multilabel' else y
    right = scores.monitor(name, kind, jnp.asarray(targets), jnp.asarray(s))
    wrong = scores.monitor(name, kind, jnp.asarray(targets), jnp.asarray(worse))
    np.testing.assert_allclose(right, 1, atol=1e-6)
    assert wrong < 0.7


@pytest.mark.parametrize('n', [6, 30, 125])
def test_r2_of_a_constant_output_is_that_of_the_metric(n):
    """The float32 mean of a constant 0.1 is not 0.1, and must not be divided by."""
    random = np.random.RandomState(n)
    targets = np.stack([random.randn(n), np.full(n, 0.1)], axis=1).astype(np.float32)
    outputs = targets + 0.1 * random.randn(n, 2).astype(np.float32)
    ours = float(scores.r2(jnp.asarray(targets), jnp.asarray(outputs)))
    theirs = regression.evaluate(targets, outputs)['r2']
    assert ours == pytest.approx(theirs, abs=1e-5)
