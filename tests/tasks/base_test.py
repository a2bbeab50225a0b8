import dataclasses
from pathlib import Path

import pytest

from jaxprobe.metrics import kinds
from jaxprobe.tasks import registry
from jaxprobe.tasks.base import SPLITS, Item, Kind, Preparation, Protocol


def test_kinds_are_those_of_the_metrics():
    assert tuple(kind.value for kind in Kind) == kinds.KINDS


def test_protocol_defaults_are_marble_v1():
    p = Protocol(monitor='accuracy')
    assert (p.hidden, p.dropout, p.batch_items, p.epochs) == ((512,), 0.2, 64, 100)
    assert (p.plateau_patience, p.plateau_factor, p.stop_patience) == (5, 0.5, 20)
    assert (p.aggregation, p.window_seconds, p.tail) == ('logits', 0.0, 'drop')


def test_the_first_metric_is_the_primary_one():
    assert registry.build('synth_tags').primary == 'roc_auc'


@pytest.mark.parametrize(
    'value',
    [
        Item('a', Path('a.wav'), 'train', 0),
        Protocol(monitor='loss'),
        Preparation(True, dict.fromkeys(SPLITS, 1), dict.fromkeys(SPLITS, 1)),
    ],
)
def test_values_are_frozen(value):
    name = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, getattr(value, name))


def test_an_item_is_a_whole_file_unless_it_says_otherwise():
    item = Item('a', Path('a.wav'), 'train', (0.5, 1.0))
    assert (item.start, item.duration, item.group) == (0.0, None, '')
