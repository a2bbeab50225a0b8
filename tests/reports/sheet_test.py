import re

import pytest

from jaxprobe.reports import sheet


def _themes():
    """Light and dark, each as variable -> colour."""
    blocks = re.findall(r':root[^{]*\{([^{}]*)\}', sheet.css().split('@media print')[0])
    found = [dict(re.findall(r'--([\w-]+): (#[0-9a-f]{6})', block)) for block in blocks]
    return [theme for theme in found if 'ink' in theme]


def _luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(one, other):
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_light_and_dark_by_setting_and_by_button():
    light, *dark = _themes()
    assert len(dark) == 2
    assert dark[0] == dark[1]
    assert light['paper'] != dark[0]['paper']


@pytest.mark.parametrize(('text', 'papers'), [
    ('ink', ('paper', 'card')),
    ('soft', ('paper', 'card')),
    ('accent', ('paper', 'card')),
    ('warn', ('warn-paper',)),
])  # fmt: skip
def test_words_read(text, papers):
    for theme in _themes():
        for paper in papers:
            assert _contrast(theme[text], theme[paper]) >= 4.5, (text, paper, theme)


def test_the_program_is_whole_and_asks_for_nothing():
    program = sheet.script()
    assert {path.name for path in sheet.WEB.glob('*.js')} == set(sheet.SCRIPTS)
    assert not re.search(r'\bfetch\(|\bimport\b|XMLHttpRequest|WebSocket|sendBeacon', program)
    assert 'innerHTML' not in program  # Names of the user's own would be read as HTML.
    addresses = set(re.findall(r'https?://[^\'"`\s]+', program + sheet.css()))
    assert addresses == {'http://www.w3.org/2000/svg'}  # A name, which no browser looks up.
    assert '</script' not in program


def test_the_policy_names_the_one_script():
    policy = sheet.policy('a', audio=False)
    assert policy != sheet.policy('b', audio=False)
    assert "default-src 'none'" in policy
    assert 'media-src' not in policy
    assert 'media-src file:' in sheet.policy('a', audio=True)
