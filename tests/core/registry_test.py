import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.core.registry import Registry, load_path

TABLE = Registry(
    'thing', {'digits': 'string:digits', 'letters': 'string:ascii_letters'}, 'no.group'
)


def test_a_name_becomes_its_object():
    assert TABLE.load('digits') == '0123456789'


def test_listing_imports_nothing():
    broken = Registry('thing', {'bad': 'no_such_module:x'}, 'no.group')
    assert list(broken) == ['bad']
    assert len(broken) == 1


def test_unknown_name_lists_the_near_ones():
    with pytest.raises(ConfigError, match="thing 'digit' is unknown. Did you mean 'digits'"):
        TABLE.load('digit')


def test_dotted_path_beside_names():
    assert TABLE.load('string:hexdigits').startswith('0123')


@pytest.mark.parametrize(
    ('path', 'message'),
    [
        ('string.digits', 'has no colon'),
        ('no_such_module:x', "module 'no_such_module' cannot be imported"),
        ('string:nothing', "has no attribute 'nothing'"),
    ],
)
def test_bad_paths_say_what_is_wrong(path, message):
    with pytest.raises(ConfigError, match=message):
        load_path(path, 'thing')
