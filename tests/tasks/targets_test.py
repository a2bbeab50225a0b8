import dataclasses
from pathlib import Path

import numpy as np
import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import registry, targets
from jaxprobe.tasks.base import Item, Kind


def task(kind, outputs=3):
    blank = registry.build('own_data')
    return dataclasses.replace(blank, kind=kind, labels=tuple('abcdefgh'[:outputs]))


def items(*wanted):
    return [Item(str(k), Path('x'), 'train', target) for k, target in enumerate(wanted)]


def test_classes():
    found = targets.encode(task(Kind.MULTICLASS), items(2, 0, 1))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, [2, 0, 1])
    assert targets.encode(task(Kind.KEY), []).shape == (0,)


def test_tags():
    found = targets.encode(task(Kind.MULTILABEL), items((0, 2), (), (1,)))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    assert targets.encode(task(Kind.MULTILABEL), []).shape == (0, 3)


def test_numbers():
    found = targets.encode(task(Kind.REGRESSION, 2), items((0.5, -1.0), (2.0, 3.0)))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[0.5, -1], [2, 3]])


@pytest.mark.parametrize(
    ('kind', 'target'),
    [
        (Kind.MULTICLASS, 3),
        (Kind.MULTICLASS, -1),
        (Kind.KEY, (1,)),
        (Kind.MULTILABEL, 1),
        (Kind.MULTILABEL, (3,)),
        (Kind.REGRESSION, (1.0, 2.0)),
        (Kind.REGRESSION, (1.0, 2.0, float('nan'))),
    ],
)
def test_targets_that_do_not_fit(kind, target):
    with pytest.raises(DataError, match="item '1' has target"):
        targets.encode(task(kind), [*items(target)[:0], *items(0, target)[1:]])


def test_split_sha256_sees_id_split_and_target_but_not_order_or_path():
    listed = items(0, 1, 2)
    found = targets.split_sha256(listed)
    assert found == targets.split_sha256(reversed(listed))
    moved = [dataclasses.replace(item, path=Path('elsewhere')) for item in listed]
    assert found == targets.split_sha256(moved)
    for change in ({'id': 'z'}, {'split': 'test'}, {'target': 7}):
        assert found != targets.split_sha256(
            [dataclasses.replace(listed[0], **change), *listed[1:]]
        )
