"""Curves: a point is measured, an axis fitted, a figure drawn."""

import math

import pytest

from benchmarks import curves
from benchmarks.curves import Point


def test_a_point_is_measured_and_drawn(tmp_path):
    small = Point(layers=2, rates=2, items=64, width=16)
    line = curves.measure(small, epochs=2)
    assert line['cells'] == small.cells == 4
    assert line['epoch_s'] > 0
    assert line['gb'] >= line['grown_gb'] >= 0
    later = {**line, 'items': 128, 'epoch_s': 2 * line['epoch_s'], 'grown_gb': 0.4, 'core_s': 1.0}
    first = {**line, 'grown_gb': 0.2, 'core_s': 1.0}
    path = tmp_path / 'new' / 'curves.svg'
    curves.draw({'items': [first, later]}, path)
    text = path.read_text()
    assert '<svg' in text
    assert 'exponent 1.0' in text
    assert 'exponent 0.0' in text
    assert 'seconds per epoch' in text
    assert 'mathdefault' not in text  # The house style writes no formulae.
    curves.draw({'items': [first, later]}, tmp_path / 'again.svg')
    assert (tmp_path / 'again.svg').read_bytes() == path.read_bytes()


@pytest.mark.parametrize('power', [0.5, 1.0, 2.0])
def test_exponent_is_that_of_a_power(power):
    sizes = [1, 3, 8, 20]
    assert curves.exponent(sizes, [7 * n**power for n in sizes]) == power
    assert curves.exponent(sizes, [0.0, 1.0, 1.0, 1.0]) is None


def test_axes_grow_one_thing_at_a_time():
    base = Point()
    for axis, sizes in curves.AXES.items():
        for size, point in zip(sizes, curves.points(axis, sizes, base), strict=True):
            differ = [f for f in Point._fields if getattr(point, f) != getattr(base, f)]
            assert len(differ) <= 1
            assert getattr(point, axis) == size
    assert math.prod((base.layers, base.rates, base.seeds)) == base.cells
