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


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        ('x = 1 / 0\n', r'importing broken_a fails with ZeroDivisionError.*broken_a\.py, line 1'),
        ('from math import no\n', r'importing broken_a fails with ImportError'),
        ('import math; math.no\n', r'importing broken_a fails with AttributeError'),
        ('x = (\n', r'importing broken_a fails with SyntaxError'),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_message(source, message, tmp_path, monkeypatch):
    (tmp_path / 'broken_a.py').write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=message):
        load_path('broken_a:x', 'thing')


def test_our_own_errors_pass(tmp_path, monkeypatch):
    line = "from jaxprobe.core.errors import ConfigError\nraise ConfigError('as it is')\n"
    (tmp_path / 'broken_b.py').write_text(line)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match='^as it is$'):
        load_path('broken_b:x', 'thing')
