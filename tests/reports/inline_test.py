import re
import xml.etree.ElementTree as ET

from jaxprobe.reports import inline, style


def _svg():
    figure = style.canvas(4.0, 3.0)
    with style.context():
        figure.add_subplot().plot([0, 1], [0, 1], 'o-', color=style.COLOURS[0])
    return style.svg(figure)


def test_an_inlined_figure_is_whole_and_follows_the_page():
    text = inline.inline(_svg(), name='f3', alt='a "quoted" <figure>')
    ET.fromstring(text)
    assert text.startswith('<svg')
    assert 'var(--ink)' in text
    assert style.INK not in text
    assert '<metadata' not in text
    assert 'DOCTYPE' not in text
    assert 'aria-label="a &quot;quoted&quot; &lt;figure&gt;"' in text


def test_ids_of_two_figures_do_not_meet():
    texts = [inline.inline(_svg(), name=name, alt='') for name in ('f1', 'f2')]
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in texts]
    assert ids[0]
    assert not ids[0] & ids[1]
    for text, known in zip(texts, ids, strict=True):
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
        assert used
        assert used <= known
