import pytest

from jaxprobe.core import errors


def test_near_names_come_first():
    text = errors.suggest('muqq', ['mert', 'muq', 'vggish'])
    assert text == "Did you mean 'muq'? Known: mert, muq, vggish."


def test_no_near_name_lists_the_known():
    assert errors.suggest('zebra', ['muq']) == 'Known: muq.'


def test_long_lists_are_cut():
    text = errors.suggest('q', [f'name{i:02}' for i in range(30)], show=3)
    assert text == 'Known: name00, name01, name02 and 27 more.'


@pytest.mark.parametrize('family', ['ConfigError', 'DataError', 'WeightsError', 'StoreError'])
def test_one_base_for_all(family):
    assert issubclass(getattr(errors, family), errors.JaxprobeError)
