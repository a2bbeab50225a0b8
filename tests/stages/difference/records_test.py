import dataclasses

import numpy as np

from jaxprobe.stages import results
from jaxprobe.stages.difference import records
from tests.stages import planted


def bank(**options):
    record = planted.bank(layers=3, **options)
    return dataclasses.replace(record, scores=results.score_record(record))


def test_a_record_equals_itself():
    one = bank()
    assert list(records.items('x', one, one)) == []
    assert list(records.cells('x', one, one)) == []


def test_items_in_another_order_are_found_and_still_paired():
    one = bank()
    turned = np.arange(len(one.test_ids))[::-1]
    other = dataclasses.replace(
        one,
        test_ids=tuple(one.test_ids[i] for i in turned),
        test_logits=one.test_logits[:, turned],
        test_targets=one.test_targets[turned],
        test_groups=tuple(one.test_groups[i] for i in turned),
    )
    (order,) = records.items('x', one, other)
    assert (order['what'], order['a']) == ('test items', 'one order')
    assert list(records.cells('x', one, other)) == []
    found = records.paired('accuracy', one, other, 50)
    assert found is not None
    assert found['p'] == 1.0


def test_many_labels_are_counted_and_train_labels_compared():
    one = bank()
    other = dataclasses.replace(one, test_targets=(one.test_targets + 1) % 6)
    found = list(records.items('x', one, other))
    assert len(found) == records.SHOWN + 1
    assert found[-1]['a'] == f'{len(one.test_ids) - records.SHOWN} more'
    train = dataclasses.replace(one, train_targets=(one.train_targets + 1) % 6)
    (found,) = records.items('x', one, train)
    assert found['what'] == 'labels of train items'
    assert records.paired('accuracy', one, other, 50) is None


def test_items_of_one_side():
    one = bank()
    keep = [i for i in range(len(one.test_ids)) if i != 4]
    other = dataclasses.replace(
        one,
        test_ids=tuple(one.test_ids[i] for i in keep),
        test_logits=one.test_logits[:, keep],
        test_targets=one.test_targets[keep],
        test_groups=tuple(one.test_groups[i] for i in keep),
    )
    (gone,) = records.items('x', one, other)
    assert (gone['what'], gone['a'], gone['count']) == ('test items only in A', ['t4'], 1)
    (gone,) = records.items('x', other, one)
    assert (gone['what'], gone['b']) == ('test items only in B', ['t4'])


def test_more_outputs_are_said_once():
    one, other = bank(), bank(labels=tuple('abcdefgh'))
    found = [c['what'] for c in records.cells('x', one, other) if 'outputs' in c['what']]
    assert found == ['outputs of valid logits', 'outputs of test logits']


def test_nan_equals_nan_and_nothing_else():
    one = bank(diverged=(2,))
    assert list(records.cells('x', one, one)) == []
    (logits, *_) = [
        c for c in records.cells('x', bank(), one) if c['what'].startswith('test logits')
    ]
    assert logits['b'] is None
    assert logits['largest'] is None
    assert logits['differing'] == one.test_logits[2].size
