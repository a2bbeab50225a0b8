import dataclasses
import itertools

import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.stages import label_efficiency_probe
from jaxprobe.tasks.base import Kind
from tests.stages import planted, variant_records

KNOWN = variant_records.known()
LABELS = np.array([item.target for item in KNOWN.by_split['train']])


def test_subsets_are_nested_and_as_large_as_asked():
    jobs = label_efficiency_probe.planned(KNOWN, (1.0, 0.3, 0.1, 0.75))
    assert [job.value for job in jobs] == [0.1, 0.3, 0.75]  # All of the items is the bank itself.
    assert [len(job.chosen) for job in jobs] == [4, 12, 30]
    assert [job.meta['n'] for job in jobs][1] == {'train': 12, 'valid': 40, 'test': 40}
    for less, more in itertools.pairwise(jobs):
        assert set(less.chosen) < set(more.chosen)
        assert (np.diff(more.chosen) > 0).all()


@pytest.mark.parametrize('size', [5, 10, 17, 20, 33])
def test_every_beginning_has_the_classes_in_proportion(size):
    order = label_efficiency_probe.nested(KNOWN)
    assert sorted(order) == list(range(40))
    expected = size * np.bincount(LABELS) / 40
    assert np.abs(np.bincount(LABELS[order[:size]], minlength=4) - expected).max() < 2
    even = size * np.bincount(LABELS) // 40
    assert (np.bincount(LABELS[order[:size]], minlength=4) >= even - 1).all()


def test_orders_follow_seed_and_task_alone():
    order = label_efficiency_probe.nested(KNOWN)
    np.testing.assert_array_equal(order, label_efficiency_probe.nested(variant_records.known()))
    other = KNOWN._replace(plan=dataclasses.replace(KNOWN.plan, seed=1))
    assert (order != label_efficiency_probe.nested(other)).any()


def test_items_without_one_class_come_in_random_order():
    tags = dataclasses.replace(KNOWN.task, kind=Kind.MULTILABEL)
    order = label_efficiency_probe.nested(KNOWN._replace(task=tags))
    assert sorted(order) == list(range(40))
    assert order.tolist() != list(range(40))


@pytest.mark.parametrize(
    ('share', 'says'),
    [(0.01, 'leaves none of the 40 training items of .*least that leaves one is 0.025'),
     (0.0, 'above 0'), (1.2, 'up to 1')],
)  # fmt: skip
def test_shares_that_cannot_be(share, says):
    with pytest.raises(ConfigError, match=says):
        label_efficiency_probe.planned(KNOWN, (share,))


def test_separation_is_left_out_with_a_word(capsys):
    own = planted.bank()
    asked = variant_records.study(fractions=(0.5,))
    assert len(label_efficiency_probe.jobs(KNOWN, own, asked)) == 1
    waves = KNOWN._replace(task=dataclasses.replace(KNOWN.task, kind=Kind.SEPARATION))
    assert label_efficiency_probe.jobs(waves, own, asked) == []
    assert 'whole songs' in capsys.readouterr().out
