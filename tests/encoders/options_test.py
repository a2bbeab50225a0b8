import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import options
from jaxprobe.encoders.options import Option, Preset

KNOWN = (
    Option('frontend', 'kapre', ('kapre', 'librosa')),
    Option('hop', 0.1),
    Option('windows', 3),
    Option('post_relu', False),
)


def test_text_becomes_typed_values():
    asked = options.parse('hop=0.5,frontend=librosa, windows=4,post_relu=true')
    found = options.complete('x', KNOWN, asked)
    assert found == {'frontend': 'librosa', 'hop': 0.5, 'windows': 4, 'post_relu': True}
    assert [type(found[o.name]) for o in KNOWN] == [str, float, int, bool]


def test_what_is_left_out_keeps_its_default():
    assert options.complete('x', KNOWN, {}) == {o.name: o.default for o in KNOWN}
    assert options.complete('x', KNOWN, {'hop': 1})['hop'] == 1.0
    assert options.parse('') == {}


def test_only_what_differs_identifies():
    assert options.changed(KNOWN, options.complete('x', KNOWN, {})) == ()
    found = options.complete('x', KNOWN, {'hop': '0.5', 'frontend': 'kapre'})
    assert options.changed(KNOWN, found) == (('hop', 0.5),)


@pytest.mark.parametrize(
    ('asked', 'says'),
    [
        ({'frontent': 'librosa'}, "no option 'frontent'.*frontend"),
        ({'frontend': 'nnaudio'}, 'frontend.*kapre, librosa'),
        ({'hop': 'soon'}, 'hop.*any float'),
        ({'windows': '1.5'}, 'windows.*any int'),
        ({'windows': True}, 'windows.*any int'),
        ({'post_relu': 'maybe'}, 'post_relu.*any bool'),
    ],
)
def test_wrong_options_are_refused(asked, says):
    with pytest.raises(ConfigError, match=says):
        options.complete('x', KNOWN, asked)


@pytest.mark.parametrize('text', ['hop', 'hop=1,hop=2', '=3'])
def test_text_that_is_no_list_of_pairs(text):
    with pytest.raises(ConfigError, match='name=value'):
        options.parse(text)


def test_presets_by_name():
    known = (Preset(name='mir_ref', what='theirs', hop_seconds=0.5),)
    assert options.preset('x', known, 'mir_ref').hop_seconds == 0.5
    assert options.preset('x', known, '').options == {}
    with pytest.raises(ConfigError, match='mir_ref'):
        options.preset('x', known, 'mirref')
    with pytest.raises(ConfigError, match='none'):
        options.preset('x', (), 'mir_ref')
