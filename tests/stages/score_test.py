import numpy as np
import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.stages import score


def test_every_cell_is_scored_alone():
    random = np.random.RandomState(0)
    targets, logits = random.randint(0, 3, 40), random.normal(size=(5, 40, 3)).astype(np.float32)
    logits[2, 7, 1] = np.inf
    found = score.cells('multiclass', ('accuracy', 'macro_f1'), targets, logits)
    for p in (0, 1, 3, 4):
        alone = score.one('multiclass', targets, logits[p])
        assert found['accuracy'][p] == score.tidy(alone['accuracy'])
        assert found['macro_f1'][p] == score.tidy(alone['macro_f1'])
    assert np.isnan(found['accuracy'][2])


def test_tidy_keeps_nine_digits():
    assert score.tidy(1 / 3) == 0.333333333
    assert score.tidy(-123456.789012) == -123456.789
    assert np.isnan(score.tidy(float('nan')))
    assert score.tidy(0.1 + 0.2) == 0.3
    assert str(score.tidy(-1e-17)) == '0.0'


def test_tidied_makes_json_of_everything():
    found = score.tidied({'a': np.float32('nan'), 'b': (1, np.float64(1 / 3)), 'c': True, 'd': 'x'})
    assert found == {'a': None, 'b': [1, 0.333333333], 'c': True, 'd': 'x'}


def test_labels_name_the_outputs_of_a_regression():
    random = np.random.RandomState(0)
    targets = random.normal(size=(30, 2)).astype(np.float32)
    found = score.cells(
        'regression', ('r2', 'r2_b'), targets, targets[None] + 0.1, labels=('a', 'b')
    )
    assert found['r2_b'][0] > 0.9


def test_a_split_that_cannot_be_scored_is_a_data_error():
    with pytest.raises(DataError, match='limit'):
        score.one('multilabel', np.ones((3, 2), np.float32), np.zeros((3, 2), np.float32))


def agreement(reference, scores):
    """A user's metric that is not defined where all answers are one class."""
    answers = scores.argmax(1)
    if len(set(answers)) == 1:
        raise ZeroDivisionError('one class')
    return (answers == reference).mean()


def test_metrics_that_were_added():
    random = np.random.RandomState(0)
    targets, logits = random.randint(0, 3, 40), random.normal(size=(3, 40, 3))
    logits[1, :, 2] = 99.0
    mine = 'tests.stages.score_test:agreement'
    found = score.cells('multiclass', ('accuracy', 'micro_f1', mine), targets, logits)
    np.testing.assert_array_equal(found['micro_f1'], found['accuracy'])
    np.testing.assert_array_equal(found[mine][[0, 2]], found['accuracy'][[0, 2]])
    assert np.isnan(found[mine][1])
    with pytest.raises(DataError, match='raises ZeroDivisionError: one class'):
        score.one('multiclass', targets, logits[1], metrics=('accuracy', mine))
