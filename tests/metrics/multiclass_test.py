import numpy as np
import pytest
from sklearn import metrics as authority

from jaxprobe.metrics import multiclass

GOLDEN = (np.array([0, 0, 1, 2]), np.array([[2.0, 1, 0], [0, 3, 1], [0, 1, 0], [9, 1, 2]]))


def test_perfect():
    reference = np.array([2, 0, 1, 1])
    scores = np.eye(3)[reference]
    assert multiclass.evaluate(reference, scores) == {'accuracy': 1.0, 'macro_f1': 1.0}


@pytest.mark.parametrize(
    ('reference', 'scores', 'words'),
    [
        (np.array([], int), np.zeros((0, 3)), 'empty'),
        (np.array([0, 1]), np.zeros((3, 3)), '2 references but 3 rows'),
        (np.array([1, 3]), np.zeros((2, 3)), 'start at 0'),
        (np.array([-1, 1]), np.zeros((2, 3)), 'span -1..1'),
        (np.array([0, 1]), np.array([[0, np.nan], [np.inf, 0]]), '2 scores are not finite'),
    ],
)
def test_malformed(reference, scores, words):
    with pytest.raises(ValueError, match=words):
        multiclass.validate(reference, scores)


def test_degenerate():
    one = multiclass.evaluate(np.array([4]), np.zeros((1, 5)))
    assert one == {'accuracy': 0.0, 'macro_f1': 0.0}  # A tie answers the lowest index.
    same = multiclass.evaluate(np.zeros(3, int), np.ones((3, 5), np.float16))
    assert same == {'accuracy': 1.0, 'macro_f1': 1.0}  # Classes that occur nowhere do not count.


def test_golden():
    scores = multiclass.evaluate(*GOLDEN)
    assert scores['accuracy'] == 0.5
    # F1 of class 0: 2/(2+2); class 1: 2/(1+2); class 2: 0.
    assert scores['macro_f1'] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    np.testing.assert_array_equal(multiclass.correct(*GOLDEN), [1, 0, 1, 0])


@pytest.mark.parametrize('seed', range(20))
def test_equals_scikit_learn(seed):
    rng = np.random.RandomState(seed)
    items, outputs = rng.randint(1, 60), rng.randint(1, 12)
    reference = rng.randint(0, outputs, items)
    scores = np.round(rng.randn(items, outputs), 1).astype(np.float32)
    estimate = scores.argmax(1)
    ours = multiclass.evaluate(reference, scores)
    assert ours['accuracy'] == pytest.approx(authority.accuracy_score(reference, estimate))
    expected = authority.f1_score(reference, estimate, average='macro')
    assert ours['macro_f1'] == pytest.approx(expected, abs=1e-6)


def test_constants():
    train, test = np.array([1, 1, 0, 2]), np.array([2, 2, 2, 1, 0])
    found = multiclass.constants(train, test, 3)
    assert found['majority_class'] == 1
    assert found['majority']['accuracy'] == pytest.approx(0.2)
    assert found['best_constant_class'] == 2
    assert found['best_constant']['accuracy'] == pytest.approx(0.6)
    assert found['best_constant']['macro_f1'] == pytest.approx(2 * 3 / (3 + 5) / 3)


def test_always():
    scores = multiclass.always(1, 2, 3)
    np.testing.assert_array_equal(scores.argmax(1), [1, 1])
    assert scores.shape == (2, 3)


def test_per_label_is_scikit_learns():
    from sklearn.metrics import classification_report

    rng = np.random.RandomState(0)
    reference, scores = rng.randint(0, 5, 80), rng.randn(80, 6)
    report = classification_report(reference, scores.argmax(1), labels=range(6), output_dict=True,
                                   zero_division=np.nan)  # fmt: skip
    each = multiclass.per_label(reference, scores)
    for c in range(6):
        for name, theirs in (('precision', 'precision'), ('recall', 'recall'), ('n', 'support')):
            np.testing.assert_allclose(each[name][c], report[str(c)][theirs], atol=1e-6)
    assert multiclass.micro_f1(reference, scores) == multiclass.accuracy(reference, scores)
