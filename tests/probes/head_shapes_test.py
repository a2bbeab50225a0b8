import doctest

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import head_shapes
from jaxprobe.probes.head_shapes import HEADS


def test_examples():
    assert doctest.testmod(head_shapes).failed == 0


@pytest.mark.parametrize(
    ('name', 'inputs', 'outputs', 'widths'),
    [  # By hand from the rules of spec/tasks.md 7.12 and mir_ref's probe_builder.py.
        ('linear', 512, 10, ()),
        ('m1', 512, 10, ()),
        ('mlp', 512, 10, (512,)),
        ('m2', 512, 10, (128,)),
        ('m3', 512, 10, (256, 128)),
        ('m4', 512, 10, (262,)),  # 10 + 251 = 261, odd.
        ('m4', 200, 50, (126,)),  # 50 + 75 = 125, odd.
        ('m4', 2048, 24, (1036,)),
        ('m5', 512, 10, (344, 178)),  # 10 + 334.67, 10 + 167.33 = 177.
        ('m5', 200, 50, (150, 100)),
        ('m5-power', 512, 10, (178, 680)),
        ('m4', 8, 24, (16,)),  # More outputs than inputs.
    ],
)
def test_widths(name, inputs, outputs, widths):
    assert HEADS[name].widths(inputs, outputs) == widths


def test_a_rule_that_leaves_no_units_names_the_others():
    with pytest.raises(ConfigError, match='infers the widths'):
        HEADS['m5-power'].widths(4, 24)


def test_names_are_read_with_suggestions():
    assert [head.name for head in head_shapes.parse(' linear, m5 ')] == ['linear', 'm5']
    assert head_shapes.parse('') == ()
    with pytest.raises(ConfigError, match="Did you mean 'linear'"):
        head_shapes.parse('liner')
    with pytest.raises(ConfigError, match='twice'):
        head_shapes.parse('m1,m1')


def test_protocols_heads_have_names():
    assert head_shapes.name_of((512,), 0.2) == 'mlp'
    assert head_shapes.name_of((512,), 0.0) == 'own'
    assert head_shapes.name_of((), 0.2) == 'linear'
    assert head_shapes.name_of((128,), 0.0) == 'm2'
