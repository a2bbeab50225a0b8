import mir_eval
import numpy as np
import pytest

from jaxprobe.metrics import key


def answers(*classes):
    return np.eye(24)[list(classes)]


def test_labels():
    assert key.LABELS[0] == 'C major'
    assert key.LABELS[12:15] == ('C minor', 'Db minor', 'D minor')
    assert len(set(key.LABELS)) == 24


def test_perfect():
    reference = np.arange(24)
    expected = {'weighted_score': 1.0, 'accuracy': 1.0}
    assert key.evaluate(reference, answers(*range(24))) == expected


@pytest.mark.parametrize(
    ('reference', 'scores', 'words'),
    [
        (np.array([], int), np.zeros((0, 24)), 'empty'),
        (np.array([0, 1]), np.zeros((1, 24)), '2 references but 1 rows'),
        (np.array([24]), np.zeros((1, 24)), 'span 24..24'),
        (np.array([0]), np.zeros((1, 12)), '12 columns, but there are 24'),
        (np.array([0]), np.full((1, 24), np.nan), '24 scores are not finite'),
    ],
)
def test_malformed(reference, scores, words):
    with pytest.raises(ValueError, match=words):
        key.validate(reference, scores)


def test_degenerate():
    tied = np.zeros((2, 24))  # A tie answers C major.
    assert key.evaluate(np.array([0, 12]), tied) == {'weighted_score': 0.6, 'accuracy': 0.5}


def test_golden():
    reference = np.zeros(6, int)  # C major, answered by:
    scores = answers(0, 7, 5, 21, 12, 2)  # C, G (fifth above), F (below), Am, Cm, D.
    np.testing.assert_array_equal(
        key.item_weighted_score(reference, scores), [1, 0.5, 0, 0.3, 0.2, 0]
    )
    assert key.weighted_score(reference, scores) == pytest.approx(2.0 / 6)
    assert key.accuracy(reference, scores) == pytest.approx(1 / 6)


def test_equals_mir_eval_for_every_pair():
    table = key.score_table()
    assert table.shape == (24, 24)
    for i, reference in enumerate(key.LABELS):
        for j, estimate in enumerate(key.LABELS):
            assert table[i, j] == mir_eval.key.weighted_score(reference, estimate)


def test_constants_of_giantsteps_like_counts():
    rng = np.random.RandomState(0)
    train, test = rng.randint(0, 24, 300), rng.randint(0, 24, 200)
    train[:100] = 17
    found = key.constants(train, test)
    assert found['majority_class'] == 17
    by_hand = [np.mean(key.score_table()[test, k]) for k in range(24)]
    assert found['majority']['weighted_score'] == pytest.approx(by_hand[17])
    assert found['best_constant']['weighted_score'] == pytest.approx(max(by_hand))
    assert found['best_constant_class'] == int(np.argmax(by_hand))
    assert found['best_constant']['accuracy'] == pytest.approx(np.bincount(test).max() / 200)


def test_macro_counts_every_key_alike():
    reference = np.array([0, 0, 0, 12])
    scores = answers(0, 0, 7, 0)  # Right, right, a fifth above; C minor answered by C major.
    assert key.weighted_score(reference, scores) == pytest.approx((1 + 1 + 0.5 + 0.2) / 4)
    assert key.macro_weighted_score(reference, scores) == pytest.approx((2.5 / 3 + 0.2) / 2)
    each = key.per_label(reference, scores)
    assert each['n'][[0, 12]].tolist() == [3, 1]
    assert each['recall'][[0, 12]].tolist() == pytest.approx([2 / 3, 0])
    assert np.isnan(each['weighted_score'][1])
