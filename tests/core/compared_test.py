import pytest

from jaxprobe.core.compared import asked
from jaxprobe.core.errors import ConfigError

TASKS = ['emomusic', 'gtzan_genre']


def test_words_are_read_in_order_and_once():
    assert asked('', TASKS) == asked(' , ', TASKS) == []
    assert asked('layers,input@gtzan_genre, layers', TASKS) == [
        ('layers', 'emomusic'),
        ('input', 'gtzan_genre'),
    ]


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('layer', "Did you mean 'layers'"),
        ('input@gtzan', "Did you mean 'gtzan_genre'"),
        ('layers@', "'' is not a task of this run"),
    ],
)
def test_slips_are_named(text, expected):
    with pytest.raises(ConfigError, match=r'study\.similarity') as error:
        asked(text, TASKS)
    assert expected in str(error.value)
