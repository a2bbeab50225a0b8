import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from jaxprobe.reports import drawings, page, style

VOID = {'meta', 'br', 'link', 'img', 'input'}


class Checker(HTMLParser):
    """Counts ids and anchors, and insists that every element is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.targets, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [attributes['id']] if 'id' in attributes else []
        target = attributes.get('href', '')
        self.targets += [target[1:]] if tag == 'a' and target.startswith('#') else []

    def handle_startendtag(self, tag, attributes):
        self.ids += [dict(attributes)['id']] if 'id' in dict(attributes) else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def _page(results):
    kept = [d for d in drawings.draw(results) if d.kind != 'rates'][:6]
    figures = {d.name: (d, style.svg(d.figure)) for d in kept}
    return page.page(results, figures, commands=['jaxprobe verify runs/demo'])


@pytest.fixture(scope='module')
def html(found):
    return _page(found)


def test_the_page_is_sound(html):
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert set(checker.targets) <= set(checker.ids)


def test_nothing_is_fetched(html):
    links = re.findall(r'(?:src|href)="([^"]+)"', html)
    outside = [x for x in links if x.startswith(('http:', 'https:', '//'))]
    anchors = re.findall(r'<a href="(https?:[^"]+)"', html)
    assert sorted(outside) == sorted(anchors)  # Only links to click; nothing loads by itself.
    assert not re.search(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:)', html)
    assert '@import' not in html
    assert not re.search(r'url\((?!#)', html)


def test_the_policy_lets_its_own_program_run_and_nothing_else(html):
    digest = re.search(r'script-src &#x27;sha256-([^&]+)&#x27;', html)
    programs = re.findall(r'<script>(.*?)</script>', html, flags=re.DOTALL)
    assert len(programs) == 1
    assert digest
    assert digest[1] == base64.b64encode(hashlib.sha256(programs[0].encode()).digest()).decode()


def test_ids_that_the_program_asks_for_exist(html):
    program = re.search(r'<script>(.*?)</script>', html, flags=re.DOTALL)
    assert program
    asked = set(re.findall(r"getElementById\('([\w-]+)'\)", program[1]))
    asked |= set(re.findall(r"^    id: '([\w-]+)'", program[1], flags=re.MULTILINE))
    assert {'data', 'tip', 'said', 'task', 'which-layer', 'noise'} <= asked
    assert asked <= set(re.findall(r'\bid="([^"]+)"', html))


def test_light_dark_and_phone(html):
    assert 'prefers-color-scheme: dark' in html
    assert "[data-theme='dark']" in html
    assert 'width=device-width' in html
    assert '@media print' in html


def test_the_sections_are_there(html):
    checker = Checker()
    checker.feed(html)
    words = ' '.join(checker.words)
    for section in ('Scores', 'Tasks', 'Encoders', 'Where the numbers come from', 'Check and cite'):
        assert section in words
    for question in page.QUESTIONS.values():
        assert question in words
    assert 'jaxprobe verify runs/demo' in words
    assert 'What the layers of muq, musicnn know' in words


def test_trials_carry_a_banner_and_names_are_escaped(html, odd_found):
    nasty = _page(odd_found)
    assert 'of these are trials' in nasty
    assert 'of these are trials' not in html
    assert '<i>' not in nasty.split('<script>')[0]
    checker = Checker()
    checker.feed(nasty)
    assert checker.open == []


def test_the_same_results_make_the_same_page(html, found):
    assert _page(found) == html
