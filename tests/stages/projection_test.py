import dataclasses

import numpy as np
import pytest

from jaxprobe.stages import grid as grids
from jaxprobe.stages import projection, resample, sections
from tests.stages import planted
from tests.stages.confusion_test import scored

POINTS = [[1.5, -2.0], [0.25, 0.0], [3.0, 1.0]]


def context(kind='multiclass', **changes):
    record = scored(planted.bank(kind=kind, layers=2))
    stored = {
        'method': 'PCA',
        'shown': [0, 3, 7],
        'layers': [{'source': 'block0', 'explained': [0.5, 0.25], 'points': POINTS}],
    }
    variant = {'kind': 'projection', 'value': '', 'of': record.meta['fingerprint']}
    meta = record.meta | {'variant': variant, 'projection': stored}
    other = dataclasses.replace(record, meta=meta, **changes)
    drawn = resample.draw(record, 20)
    return sections.Context(record, grids.of(record), drawn, {'genre@projection': other})


def test_points_carry_the_class_of_their_item():
    asked = context()
    found = projection.section(asked)
    wanted = asked.record.test_targets[[0, 3, 7]].tolist()
    assert found['rows'] == [
        {
            'source': 'block0',
            'explained': [0.5, 0.25],
            'points': [[x, y, k] for (x, y), k in zip(POINTS, wanted)],
        }
    ]
    assert found['labels'] == asked.record.meta['task']['labels']
    assert (found['shown'], found['of'], found['method']) == (3, 80, 'PCA')


def test_points_of_other_items_are_left_out():
    assert projection.section(context(test_ids=('x',) * 80)) is None
    assert projection.section(context()._replace(variants={})) is None


def test_tags_are_told_by_the_rarest_of_the_commonest():
    names = [f'tag{i}' for i in range(12)]
    targets = np.zeros((40, 12), np.float32)
    for tag in range(12):
        targets[: 36 - 3 * tag, tag] = 1
    targets[38, 11] = 1
    label, labels = projection.labelled('multilabel', names, targets)
    assert labels == [*names[:9], 'other']
    assert label[0] == 8  # All tags hold; tag8 is the rarest that has a colour.
    assert label[35] == 0
    assert label[38] == label[39] == 9
    assert projection.labelled('multilabel', names, targets[39:])[1] == ['other']


def test_numbers_are_told_by_fifths_of_the_first_output():
    values = np.stack([np.arange(50.0), np.zeros(50)], 1).astype(np.float32)
    label, labels = projection.labelled('regression', ['arousal', 'valence'], values)
    assert np.bincount(label).tolist() == [10] * 5
    assert labels[0] == 'arousal 0 to 9.8'
    assert label[0] == 0
    assert label[-1] == 4


@pytest.mark.parametrize('kind', ['multilabel', 'regression', 'key'])
def test_every_kind_has_labels(kind):
    found = projection.section(context(kind))
    assert all(0 <= p[2] < len(found['labels']) for p in found['rows'][0]['points'])
