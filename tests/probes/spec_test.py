import dataclasses

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes.spec import Source, validate
from tests.probes import made


def test_a_good_grid_passes():
    for kind in made.OUTPUTS:
        validate(made.spec(kind), made.WIDTHS)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'kind': 'multilable'}, "Did you mean 'multilabel'"),
        ({'monitor': 'r2'}, 'cannot be watched for a multiclass task'),
        ({'aggregation': 'logit'}, "Did you mean 'logits'"),
        ({'outputs': 0}, 'outputs=0'),
        ({'seeds': 0}, 'seeds=0'),
        ({'epochs': 0}, 'epochs=0'),
        ({'sources': ()}, r'len\(sources\)=0'),
        ({'learning_rates': ()}, r'len\(learning_rates\)=0'),
        ({'learning_rates': (1e-3, -1.0)}, 'positive numbers'),
        ({'learning_rates': (1e-3, 1e-3)}, 'repeat'),
        ({'dropout': 1.0}, r'must lie in \[0, 1\)'),
        ({'hidden': (0,)}, r'hidden\[0\]=0'),
        ({'sources': (Source('a', (1,)), Source('a', (2,)))}, 'repeat'),
        ({'sources': (Source('a', (4,)),)}, r'layers 0\.\.3'),
        ({'sources': (Source('a', ()),)}, r'layers 0\.\.3'),
        ({'sources': (Source('a', (0, 1), True),)}, 'different widths'),
    ],
)
def test_a_bad_grid_is_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        validate(dataclasses.replace(made.spec(), **changes), made.WIDTHS)


def test_a_key_task_has_24_outputs():
    with pytest.raises(ConfigError, match='24 outputs'):
        validate(made.spec('key', outputs=12), made.WIDTHS)


def test_losses_are_better_lower():
    assert made.spec().higher_is_better
    assert not made.spec(monitor='loss').higher_is_better
