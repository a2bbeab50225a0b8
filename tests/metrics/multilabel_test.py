import numpy as np
import pytest
from sklearn import metrics as authority

from jaxprobe.metrics import multilabel


def test_perfect():
    reference = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], np.float32)
    found = multilabel.evaluate(reference, reference)
    assert found == {'roc_auc': 1.0, 'ap': 1.0, 'undefined': 0.0}


@pytest.mark.parametrize(
    ('reference', 'scores', 'words'),
    [
        (np.zeros((0, 3)), np.zeros((0, 3)), 'empty'),
        (np.zeros((2, 3)), np.zeros((2, 4)), r'\(2, 3\) but scores are \(2, 4\)'),
        (np.array([[0, 0.5]]), np.zeros((1, 2)), '0 and 1 only'),
        (np.array([[3, 7]]), np.zeros((1, 2)), 'tag indices'),
        (np.array([[0, 1]]), np.array([[np.nan, 0]]), '1 scores are not finite'),
    ],
)
def test_malformed(reference, scores, words):
    with pytest.raises(ValueError, match=words):
        multilabel.validate(reference, scores)


def test_tags_that_cannot_be_ranked_are_left_out_and_counted():
    reference = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]])
    scores = np.array([[0.9, 0.1, 0.2], [0.1, 0.5, 0.3], [0.8, 0.5, 0.1]])
    found = multilabel.evaluate(reference, scores)
    assert found == {'roc_auc': 1.0, 'ap': 1.0, 'undefined': 2.0}
    assert multilabel.undefined(reference) == 2
    np.testing.assert_array_equal(multilabel.tag_roc_auc(reference, scores), [1, np.nan, np.nan])
    np.testing.assert_array_equal(multilabel.tag_ap(reference, scores), [1, np.nan, 1])


def test_nothing_to_rank():
    with pytest.raises(ValueError, match='roc_auc is undefined'):
        multilabel.roc_auc(np.ones((3, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match='ap is undefined'):
        multilabel.ap(np.zeros((3, 2)), np.zeros((3, 2)))


def test_golden():
    reference = np.array([[0], [0], [1], [1]])
    scores = np.array([[0.1], [0.4], [0.35], [0.8]])
    assert multilabel.roc_auc(reference, scores) == pytest.approx(0.75)
    assert multilabel.ap(reference, scores) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    tied = np.zeros((4, 1))
    assert multilabel.roc_auc(reference, tied) == 0.5
    assert multilabel.ap(reference, tied) == 0.5


@pytest.mark.parametrize('seed', range(20))
@pytest.mark.parametrize('decimals', [1, 6])
def test_equals_scikit_learn(seed, decimals):
    rng = np.random.RandomState(seed)
    reference = (rng.rand(rng.randint(20, 200), 8) < rng.uniform(0.1, 0.9, 8)).astype(np.float32)
    reference[0], reference[1] = 1, 0  # Every tag can be ranked.
    scores = np.round(rng.randn(*reference.shape) + reference, decimals).astype(np.float32)
    found = multilabel.evaluate(reference, scores)
    expected = authority.roc_auc_score(reference, scores, average='macro')
    assert found['roc_auc'] == pytest.approx(expected, abs=1e-6)
    expected = authority.average_precision_score(reference, scores, average='macro')
    assert found['ap'] == pytest.approx(expected, abs=1e-6)


def test_half_precision_logits_do_not_overflow():
    rng = np.random.RandomState(0)
    reference = (rng.rand(3000, 2) < 0.5).astype(np.int64)
    scores = rng.randn(3000, 2).astype(np.float16)
    wide = scores.astype(np.float64)
    assert multilabel.evaluate(reference, scores) == multilabel.evaluate(reference, wide)


def test_constants():
    train = np.array([[1, 0], [1, 0], [1, 1]])
    test = np.array([[1, 0], [0, 0], [0, 1], [0, 1]])
    found = multilabel.constants(train, test, 2)
    assert found['majority'] == found['best_constant']
    assert found['majority']['roc_auc'] == 0.5
    assert found['majority']['ap'] == pytest.approx((1 / 4 + 2 / 4) / 2)
    with pytest.raises(ValueError, match='3 tags'):
        multilabel.constants(train, test, 3)


@pytest.mark.parametrize('seed', range(10))
def test_f1_is_scikit_learns(seed):
    rng = np.random.RandomState(seed)
    reference = (rng.rand(80, 8) < rng.uniform(0.05, 0.9, 8)).astype(np.float32)
    reference[:, 7] = 0
    scores = rng.randn(80, 8) + reference - 0.5
    report = authority.classification_report(reference, scores > 0, output_dict=True,
                                             zero_division=0)  # fmt: skip
    assert multilabel.micro_f1(reference, scores) == pytest.approx(
        report['micro avg']['f1-score'], abs=1e-6
    )
    assert multilabel.macro_f1(reference, scores) == pytest.approx(
        report['macro avg']['f1-score'], abs=1e-6
    )
    each = multilabel.per_label(reference, scores)
    for c in range(8):
        for name, theirs in (('recall', 'recall'), ('f1', 'f1-score'), ('n', 'support')):
            ours = np.nan_to_num(each[name][c])
            assert ours == pytest.approx(report[str(c)][theirs], abs=1e-6)
    assert np.isnan(each['recall'][7])
    scores[:, 7] = -1.0  # Neither held nor given: no part of the mean.
    expected = authority.f1_score(reference, scores > 0, average='macro', zero_division=np.nan)
    assert multilabel.macro_f1(reference, scores) == pytest.approx(expected, abs=1e-6)


def test_f1_of_nothing():
    with pytest.raises(ValueError, match='micro_f1 is undefined'):
        multilabel.micro_f1(np.zeros((3, 2)), np.full((3, 2), -1.0))
    with pytest.raises(ValueError, match='macro_f1 is undefined'):
        multilabel.macro_f1(np.zeros((3, 2)), np.full((3, 2), -1.0))
    assert multilabel.micro_f1(np.ones((3, 2)), np.full((3, 2), -1.0)) == 0.0
