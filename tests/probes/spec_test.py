import dataclasses

import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.probes.spec import Source, monitor_defined, validate, validate_split
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
        (
            {'frames': True, 'aggregation': 'embeddings'},
            "aggregation='embeddings' joins .* expected 'logits'",
        ),
        ({'frames': True, 'aggregation': 'probs'}, "aggregation='probs' .* Leave aggregation out"),
        ({'outputs': 0}, 'outputs=0'),
        ({'seeds': 0}, 'seeds=0'),
        ({'epochs': 0}, 'epochs=0'),
        ({'sources': ()}, r'len\(sources\)=0'),
        ({'learning_rates': ()}, r'len\(learning_rates\)=0'),
        ({'learning_rates': (1e-3, -1.0)}, 'positive numbers'),
        ({'learning_rates': (1e-3, 1e-3)}, 'repeat'),
        ({'dropout': 1.0}, r'must lie in \[0, 1\)'),
        ({'l2': -1.0}, 'l2=-1.0 must be a number that is not negative'),
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


def test_monitor_defined_asks_for_positives_and_negatives():
    some = np.array([[0, 1], [0, 0]], np.float32)
    assert monitor_defined('roc_auc', some)
    assert not monitor_defined('roc_auc', np.zeros_like(some))
    assert not monitor_defined('roc_auc', np.ones_like(some))
    assert monitor_defined('ap', np.ones_like(some))
    assert not monitor_defined('ap', np.zeros_like(some))
    assert monitor_defined('r2', np.zeros_like(some))


@pytest.mark.parametrize(
    ('kind', 'changes', 'message'),
    [
        ('multiclass', {'first': np.zeros(0, int)}, '40 targets, 0 first rows and 40 counts'),
        ('multiclass', {'count': np.zeros(40, int)}, 'item 0 .* has no window'),
        ('multiclass', {'targets': np.full(40, 4)}, r'classes 4\.\.4, expected 0\.\.3'),
        ('multiclass', {'targets': np.zeros((40, 2), int)}, r'shape \(40, 2\), expected \(40,\)'),
        ('regression', {'targets': np.zeros((40, 3), np.float32)}, r'expected \(40, 2\)'),
        ('multilabel', {'targets': np.zeros((40, 5), np.float32)}, 'not defined'),
    ],
)
def test_a_bad_split_is_refused(kind, changes, message):
    split = made.split(kind, 40, 0)
    validate_split(made.spec(kind), 'valid', split)
    with pytest.raises(DataError, match=message):
        validate_split(made.spec(kind), 'valid', split._replace(**changes))
