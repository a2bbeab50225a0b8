import dataclasses

import pytest

from jaxprobe.deform import base, noise


def test_harm_is_an_order():
    assert sorted([20.0, 5.0, 30.0], key=base.negative) == [30.0, 20.0, 5.0]
    assert sorted([0.5, 0.25], key=base.same) == [0.25, 0.5]


def test_a_card_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        noise.CARD.name = 'other'
    assert dataclasses.replace(noise.CARD, name='other').severities == noise.CARD.severities
