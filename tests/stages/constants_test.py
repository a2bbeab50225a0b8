import numpy as np

from jaxprobe.stages import constants
from tests.stages import planted


def test_constants_of_classes_by_hand():
    record = planted.bank()
    counts = np.bincount(record.train_targets)
    majority = int(counts.argmax())
    found = constants.of(record)
    assert found['majority_class'] == record.meta['task']['labels'][majority]
    accuracy = float((record.test_targets == majority).mean())
    assert found['majority']['accuracy'] == accuracy
    best = np.bincount(record.test_targets).max() / len(record.test_targets)
    assert found['best_constant']['accuracy'] == best
    assert set(found['majority']) == {'accuracy', 'macro_f1'}
