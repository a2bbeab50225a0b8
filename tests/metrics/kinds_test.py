import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.metrics import kinds


def test_module_for():
    assert {kinds.module_for(kind).__name__ for kind in kinds.KINDS} == {
        'jaxprobe.metrics.multiclass',
        'jaxprobe.metrics.multilabel',
        'jaxprobe.metrics.regression',
        'jaxprobe.metrics.key',
        'jaxprobe.metrics.beats',
        'jaxprobe.metrics.frames',
        'jaxprobe.metrics.separation',
    }
    with pytest.raises(ConfigError, match="Did you mean 'multilabel'"):
        kinds.module_for('multi_label')


def test_names():
    assert kinds.names('multilabel', ('x',)) == ('roc_auc', 'ap')
    assert kinds.names('regression', ('a', 'b')) == ('r2', 'r2_a', 'r2_b')


def test_evaluate_and_constants_pass_labels_where_they_name_metrics():
    values = np.eye(3)
    assert kinds.evaluate('regression', values, values, ('a', 'b', 'c'))['r2_b'] == 1.0
    found = kinds.constants('regression', values, values, 3, ('a', 'b', 'c'))
    assert found['best_constant']['r2_c'] == 0.0
    classes = np.arange(3)
    assert kinds.evaluate('multiclass', classes, values, ('a', 'b', 'c'))['accuracy'] == 1.0
    assert kinds.constants('multiclass', classes, classes, 3)['majority_class'] == 0


@pytest.mark.parametrize(
    ('kind', 'metric'),
    [('multiclass', 'accuracy'), ('key', 'accuracy'), ('key', 'weighted_score')],
)
def test_per_item_means_are_the_metric(kind, metric):
    rng = np.random.RandomState(1)
    reference, scores = rng.randint(0, 24, 50), rng.randn(50, 24)
    each = kinds.per_item(kind, metric)
    assert each is not None
    values = each(reference, scores)
    assert values.shape == (50,)
    expected = kinds.evaluate(kind, reference, scores)[metric]
    assert values.mean() == pytest.approx(expected)


def test_per_item_is_none_where_the_metric_is_no_mean():
    assert kinds.per_item('multiclass', 'macro_f1') is None
    assert kinds.per_item('multilabel', 'roc_auc') is None
    assert kinds.per_item('regression', 'r2') is None
    with pytest.raises(ConfigError, match='unknown'):
        kinds.per_item('keys', 'accuracy')
