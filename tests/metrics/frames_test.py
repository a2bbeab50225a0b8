import numpy as np
import pytest
import sklearn.metrics
from mir_eval import segment

from jaxprobe.metrics import frames

RATE = 2.0
TRUE = np.repeat([0, 1, 2, 1], [20, 30, 10, 20])


def scored(*pairs, outputs=3):
    references = np.stack([frames.reference_row(true, outputs) for true, _ in pairs])
    rows = np.stack([frames.statistics(*pair, outputs, RATE) for pair in pairs])
    return frames.evaluate(references, rows)


def test_perfect():
    assert set(scored((TRUE, TRUE)).values()) == {1.0}


def test_agrees_with_scikit_learn_over_all_frames():
    state = np.random.RandomState(0)
    pairs = [(state.randint(0, 4, 90), state.randint(0, 4, 90)) for _ in range(5)]
    found = scored(*pairs, outputs=4)
    true, estimate = (np.concatenate(side) for side in zip(*pairs, strict=True))
    accuracy = sklearn.metrics.accuracy_score(true, estimate)
    f1 = sklearn.metrics.f1_score(true, estimate, average='macro')
    assert found['frame_accuracy'] == pytest.approx(accuracy, abs=1e-6)
    assert found['frame_macro_f1'] == pytest.approx(f1, abs=1e-6)


def test_boundaries_and_pairs_are_mir_evals():
    found_late = np.repeat([0, 1, 2, 1], [23, 27, 10, 20])  # One boundary 1.5 s late.
    found = scored((TRUE, found_late))
    assert found['boundary_f_3s'] == 1.0
    assert found['boundary_f_0.5s'] == pytest.approx(2 / 3)
    true = np.array([[0, 10], [10, 25], [25, 30], [30, 40.0]])
    late = np.array([[0, 11.5], [11.5, 25], [25, 30], [30, 40.0]])
    names = ['0', '1', '2', '1']
    assert found['pairwise_f'] == pytest.approx(segment.pairwise(true, names, late, names)[2])


def test_frames_without_a_class_count_nowhere():
    holes = TRUE.copy()
    holes[5:15] = -1
    wrong = TRUE.copy()
    wrong[5:15] = 2
    assert scored((holes, wrong))['frame_accuracy'] == 1.0


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (lambda r, s: (r[:0], s[:0]), 'empty'),
        (lambda r, s: (r, s[:, :-1]), 'statistics'),
        (lambda r, s: (r + 1, s), 'other references'),
        (lambda r, s: (r, s * np.nan), 'finite'),
    ],
)
def test_malformed(change, says):
    reference = frames.reference_row(TRUE, 3)[None]
    with pytest.raises(ValueError, match=says):
        frames.evaluate(*change(reference, frames.statistics(TRUE, TRUE, 3, RATE)[None]))


def test_an_item_without_any_class():
    with pytest.raises(ValueError, match='no frame'):
        frames.statistics(np.full(9, -1), np.zeros(9, int), 3, RATE)


def test_constants_answer_one_class():
    train = frames.reference_row(np.array([2, 2, 0]), 3)[None]
    reference = frames.reference_row(TRUE, 3)[None]
    found = frames.constants(train, reference, 12)
    assert (found['majority_class'], found['best_constant_class']) == (2, 1)
    assert found['majority']['frame_accuracy'] == 10 / 80
    assert found['best_constant']['frame_accuracy'] == 50 / 80
    always = scored((TRUE, np.ones_like(TRUE)))
    assert found['best_constant']['pairwise_f'] == pytest.approx(always['pairwise_f'], abs=0.01)
    assert always['boundary_f_3s'] == found['best_constant']['boundary_f_3s'] == 0.0
