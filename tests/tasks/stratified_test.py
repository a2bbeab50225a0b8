import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from jaxprobe.tasks import stratified


@pytest.mark.parametrize(('items', 'classes', 'seed'), [(1272, 24, 42), (97, 5, 42), (60, 3, 7)])
def test_equal_to_scikit_learn(items, classes, seed):
    names = np.array([f'k{k:02d}' for k in range(classes)])
    skewed = np.random.RandomState(seed).dirichlet(np.full(classes, 2.0))
    each = np.repeat(np.arange(classes), 5)
    rest = np.random.RandomState(1).choice(classes, items - 5 * classes, p=skewed)
    labels = names[np.concatenate([each, rest])]
    ids = np.arange(items)
    train, rest = train_test_split(ids, test_size=1 - 0.8, random_state=seed, stratify=labels)
    valid, test = train_test_split(rest, test_size=0.5, random_state=seed, stratify=labels[rest])
    parts = stratified.thirds(list(labels), (0.8, 0.1, 0.1), seed)
    np.testing.assert_array_equal(parts.train, train)
    np.testing.assert_array_equal(parts.valid, valid)
    np.testing.assert_array_equal(parts.test, test)


def test_every_item_once_and_classes_in_proportion():
    labels = ['a'] * 60 + ['b'] * 30 + ['c'] * 10
    parts = stratified.thirds(labels, (0.8, 0.1, 0.1), 42)
    assert sorted(np.concatenate(parts)) == list(range(100))
    assert [len(part) for part in parts] == [80, 10, 10]
    for part, share in zip(parts, (8, 1, 1)):
        own = [labels[i] for i in part]
        assert [own.count(c) for c in 'abc'] == [6 * share, 3 * share, share]


def test_shares_by_largest_remainder():
    random = np.random.RandomState(0)
    assert stratified.proportional(np.array([4, 2]), 3, random).tolist() == [2, 1]
    taken = stratified.proportional(np.array([1, 1, 1, 1]), 2, random)
    assert sorted(taken.tolist()) == [0, 0, 1, 1]
