import numpy as np
import pytest
from sklearn.metrics import r2_score

from jaxprobe.metrics import regression


def test_perfect():
    reference = np.array([[1.0, 2], [3, 4], [0, 1]])
    found = regression.evaluate(reference, reference, ('arousal', 'valence'))
    assert found == {'r2': 1.0, 'r2_arousal': 1.0, 'r2_valence': 1.0}


@pytest.mark.parametrize(
    ('reference', 'scores', 'words'),
    [
        (np.zeros((0, 2)), np.zeros((0, 2)), 'empty'),
        (np.zeros((3, 2)), np.zeros((3, 1)), r'\(3, 2\) but scores are \(3, 1\)'),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), '6 of reference'),
        (np.zeros((3, 2)), np.full((3, 2), np.inf), '6 of scores'),
    ],
)
def test_malformed(reference, scores, words):
    with pytest.raises(ValueError, match=words):
        regression.validate(reference, scores)


def test_labels_must_match():
    with pytest.raises(ValueError, match='3 labels for 2 outputs'):
        regression.evaluate(np.eye(2), np.eye(2), ('a', 'b', 'c'))


def test_degenerate():
    flat = np.full((4, 1), 0.1)
    assert regression.r2(flat, flat) == 1.0
    assert regression.r2(flat, flat + 1) == 0.0
    assert regression.r2(np.ones((1, 1)), np.zeros((1, 1))) == 0.0


def test_golden():
    reference = np.array([[3.0], [-0.5], [2], [7]])
    scores = np.array([[2.5], [0.0], [2], [8]])
    assert regression.r2(reference, scores) == pytest.approx(1 - 1.5 / 29.1875)
    assert regression.evaluate(reference, scores).keys() == {'r2', 'r2_0'}


@pytest.mark.parametrize('seed', range(20))
def test_equals_scikit_learn(seed):
    rng = np.random.RandomState(seed)
    reference = rng.randn(rng.randint(2, 80), rng.randint(1, 5)).astype(np.float32)
    scores = (reference + rng.randn(*reference.shape)).astype(np.float32)
    wide = reference.astype(np.float64), scores.astype(np.float64)
    assert regression.r2(reference, scores) == pytest.approx(r2_score(*wide), abs=1e-6)
    np.testing.assert_allclose(
        regression.output_r2(reference, scores),
        r2_score(*wide, multioutput='raw_values'),
        atol=1e-6,
    )


def test_constants():
    train, test = np.array([[0.0, 1], [0, 3], [0, 2]]), np.array([[1.0, 2], [3, 2]])
    found = regression.constants(train, test, 2, ('a', 'b'))
    assert found['best_constant'] == {'r2': 0.5, 'r2_a': 0.0, 'r2_b': 1.0}  # b never varies.
    # SSE 1 + 9 about the training mean of 0, SST 2.
    assert found['majority'] == {'r2': (-4.0 + 1.0) / 2, 'r2_a': -4.0, 'r2_b': 1.0}
    with pytest.raises(ValueError, match='1 outputs'):
        regression.constants(train, test, 1)


def test_best_constant_is_zero_exactly():
    rng = np.random.RandomState(0)
    found = regression.constants(rng.randn(50, 2), rng.randn(31, 2), 2)
    assert found['best_constant'] == {'r2': 0.0, 'r2_0': 0.0, 'r2_1': 0.0}
    assert found['majority']['r2'] < 0


def test_per_label():
    reference = np.array([[1.0, 2], [3, 4], [0, 1]])
    each = regression.per_label(reference, reference)
    assert each['r2'].tolist() == [1.0, 1.0]
    assert each['n'].tolist() == [3.0, 3.0]
