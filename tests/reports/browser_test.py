"""The page in a real browser: it draws, its controls work, nothing is asked of any network.

Needs Chromium with its driver (Debian: `apt-get install chromium chromium-driver`). Screenshots go
to JAXPROBE_SCREENSHOTS, or to pytest's own folder; `make test-page` says where.
"""

import base64
import json
import os
import shutil
import wave
from pathlib import Path

import pytest

from jaxprobe.reports import drawings, page, read, sounds, style
from tests.reports import filled
from tests.reports.conftest import NASTY

pytestmark = pytest.mark.page

DESKTOP, PHONE = (1400, 900), (390, 844)
FLAGS = (
    '--headless',
    '--no-sandbox',  # Tests of containers run as root.
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--hide-scrollbars',
)


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    """Chromium without a window; skips, saying so, where there is none."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        pytest.skip('selenium is not installed: the page was not tested in a browser')
    chromium = shutil.which('chromium') or shutil.which('chromium-browser')
    driver = shutil.which('chromedriver')
    if not chromium or not driver:
        pytest.skip(
            'no chromium and chromedriver here: the page was not tested in a browser '
            '(Debian: apt-get install chromium chromium-driver)'
        )
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f'--user-data-dir={tmp_path_factory.mktemp("profile")}'):
        options.add_argument(flag)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    yield opened
    opened.quit()


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """A page with every section, static figures and a sound beside it."""
    folder = tmp_path_factory.mktemp('page')
    run = filled.write(folder / 'run', tasks=3, items=40)
    with wave.open(str(run / 'a sound.wav'), 'wb') as sound:
        sound.setparams((1, 2, 8000, 0, 'NONE', ''))
        sound.writeframes(bytes(16000))
    results = read.load([run])
    curve = next(iter(drawings.draw(results)))
    figures = {curve.name: (curve, style.svg(curve.figure))}
    with pytest.MonkeyPatch.context() as patch:
        heard = {'genre': {'blues.00000': sounds.Sound(run / 'a sound.wav')}}
        patch.setattr(sounds, 'sounds', lambda workdir, tasks: heard)
        html = page.page(results, figures, commands=['jaxprobe verify run'], listen=folder)
    (folder / 'index.html').write_text(html)
    return folder / 'index.html'


@pytest.fixture
def at(browser, written):
    """Opens the page at an address, in a size and a theme, with its log empty."""

    def open_(where='', size=DESKTOP, theme='light', file=written):
        wide, high = size
        sized = {'width': wide, 'height': high, 'deviceScaleFactor': 1, 'mobile': wide < 600}
        browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', sized)
        features = [{'name': 'prefers-color-scheme', 'value': theme}]
        browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': features})
        browser.get('about:blank')
        for kind in ('browser', 'performance'):
            browser.get_log(kind)
        browser.get(f'{file.as_uri()}{where}')
        return browser

    return open_


def _one(browser, css):
    return browser.find_element('css selector', css)


def _texts(browser, css):
    return [node.text for node in browser.find_elements('css selector', css)]


def _said(browser):
    """What the page wrote to the console."""
    return [entry['message'] for entry in browser.get_log('browser')]


def _spilled(browser):
    """What reaches beyond the screen, although nothing but tables may scroll sideways."""
    return browser.execute_script(
        'return [...document.querySelectorAll("body *")].filter('
        'n => !n.closest(".scroll, pre, svg, nav") && n.getBoundingClientRect().right > '
        'screen.width + 1).map(n => n.outerHTML.slice(0, 90))'
    )


def _select(browser, name, value):
    from selenium.webdriver.support.ui import Select

    Select(_one(browser, f'#{name}')).select_by_visible_text(value)


def _state(browser):
    from urllib.parse import parse_qs, urlsplit

    found = parse_qs(urlsplit(browser.current_url).fragment)
    return {key: values[0] for key, values in found.items()}


def test_everything_is_drawn_and_nothing_complains(at):
    browser = at('#task=genre')
    assert _texts(browser, '.q h2') == list(page.QUESTIONS.values())
    titles = ' '.join(_texts(browser, '.panel h3'))
    for part in (
        'Test accuracy by layer', 'Layer × task', 'Learned layer weights', 'Learning rate × layer',
        'Items in the space', 'Difference to the best layer', 'Selection ledger',
        'With fewer labels', 'Without a learning rate', 'What the scores stand beside',
        'Encoder against encoder', 'Shuffled labels', 'Other heads', 'Length of context',
        'Published beside ours', 'Layer × deformation', 'Score over severity',
        'Layers against the input', 'Similarity of layers', 'Confusion', 'Label by label',
    ):  # fmt: skip
        assert part in titles
    drawn = browser.execute_script(
        'return [...document.querySelectorAll("main .host > svg")].map(s => s.innerHTML)'
    )
    assert len(drawn) > 10
    assert not [text for text in drawn if 'NaN' in text or 'undefined' in text]
    words = _one(browser, 'main').text
    assert 'NaN' not in words
    assert 'undefined' not in words
    assert _said(browser) == []


@pytest.mark.parametrize('task', ['tags', 'emotion'])
def test_other_kinds_of_tasks(at, task):
    browser = at(f'#task={task}')
    assert task in browser.title
    assert len(_texts(browser, '.panel')) > 15
    assert 'NaN' not in browser.execute_script('return document.body.innerHTML')
    assert _said(browser) == []


def test_nothing_is_requested(at, written):
    browser = at()
    _select(browser, 'task', 'tags')
    events = [json.loads(entry['message'])['message'] for entry in browser.get_log('performance')]
    asked = [
        e['params']['request']['url'] for e in events if e['method'].endswith('requestWillBeSent')
    ]
    assert written.as_uri() in asked
    assert [url for url in asked if not url.startswith((written.as_uri(), 'data:'))] == []


def test_each_question_has_an_answer_with_interval_and_constant(at):
    browser = at('#task=genre')
    for name in list(page.QUESTIONS)[:4]:
        answers = _texts(browser, f'#{name} .answer')
        assert len(answers) == 3
        for answer in answers:
            assert '[' in answer, answer
            assert 'constant' in answer, answer


def test_choosing_changes_the_figures_and_the_address(at):
    browser = at()
    _select(browser, 'task', 'genre')
    assert _state(browser)['task'] == 'genre'
    _select(browser, 'detail', 'musicnn_msd')
    assert 'Confusion, musicnn_msd' in _texts(browser, '#meaning h3')
    _one(browser, '.chip input').click()
    assert 'muq' not in _one(browser, '#which-layer .legend').text
    assert _state(browser)['encoders'] == 'musicnn_msd,random'
    for box in browser.find_elements('css selector', '.chip input')[1:]:
        box.click()
    assert _one(browser, '#none').is_displayed()
    assert _said(browser) == []


def test_other_metrics_are_of_the_selected_probes_alone(at):
    """Without cells beside the result; with them the curve is drawn too."""
    browser = at('#task=genre&metric=macro_f1')
    assert _one(browser, '#metric').get_attribute('value') == 'macro_f1'
    assert 'Selected probes in macro_f1, genre' in _texts(browser, 'h3')
    assert 'Test accuracy by layer, genre' not in _texts(browser, 'h3')
    assert _said(browser) == []


def test_an_address_shows_what_its_sender_saw(at):
    browser = at('#task=emotion&encoders=muq,random&detail=random&at=compared')
    assert _one(browser, '#task').get_attribute('value') != ''
    assert _state(browser)['task'] == 'emotion'
    assert 'random' in _texts(browser, '#noise h3')[0]
    top = browser.execute_script(
        'return document.getElementById("compared").getBoundingClientRect().top'
    )
    assert abs(top) < 250


def test_keys_are_enough(at):
    from selenium.webdriver.common.keys import Keys

    browser = at('#task=genre')
    box = _one(browser, '.chip input')
    box.send_keys(Keys.SPACE)
    assert 'muq' not in _one(browser, '#which-layer .legend').text
    header = _one(browser, '#scores > .tabled th:last-child .sort')
    header.send_keys(Keys.ENTER)
    assert (
        _one(browser, '#scores > .tabled th:last-child').get_attribute('aria-sort') == 'descending'
    )
    cell = _one(browser, '.heat td.pressable')
    cell.send_keys(Keys.ENTER)
    assert 'Show all' in _one(browser, '#meaning').text
    browser = at()
    seen = []
    for _ in range(15):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(browser.switch_to.active_element.get_attribute('id'))
    assert [name for name in seen if name] == ['theme', 'task', 'metric', 'detail']


def test_tables_sort_three_ways(at):
    browser = at()
    column = '#scores > .tabled tbody td:nth-child(2)'
    before = _texts(browser, column)
    header = _one(browser, '#scores > .tabled thead th:nth-child(2) .sort')
    orders = []
    for expected in ('descending', 'ascending', 'none'):
        header.click()
        assert (
            _one(browser, '#scores > .tabled thead th:nth-child(2)').get_attribute('aria-sort')
            == expected
        )
        orders.append(_texts(browser, column))
    scores = [float(text.split()[0]) for text in orders[0]]
    assert scores == sorted(scores, reverse=True)
    assert orders[1] == orders[0][::-1]
    assert orders[2] == before
    _one(browser, '#scores > .tabled thead th:first-child .sort').click()
    names = _texts(browser, '#scores > .tabled tbody th')
    assert names == sorted(names)


def test_tables_are_copied_in_three_forms(at):
    browser = at()
    browser.execute_script(
        'window.copied = []; Object.defineProperty(navigator, "clipboard", '
        '{value: {writeText: async (t) => { window.copied.push(t); }}})'
    )
    for button in browser.find_elements('css selector', '#scores .copies button')[:3]:
        button.click()
    table, latex, markdown = browser.execute_script('return window.copied')
    assert table.splitlines()[0] == 'task,muq,musicnn_msd,random,best constant'
    assert all(line.count('"') % 2 == 0 for line in table.splitlines())
    assert '\\begin{tabular}' in latex
    assert 'musicnn\\_msd' in latex
    assert latex.count(r'\\') == len(table.splitlines())
    assert len({line.count('|') for line in markdown.splitlines()}) == 1
    assert _one(browser, '#said').text == 'Copied as Markdown'
    assert _said(browser) == []


def test_light_and_dark_by_setting_and_by_button(at):
    def paper(browser):
        return browser.execute_script('return getComputedStyle(document.body).backgroundColor')

    light, dark = paper(at()), paper(at(theme='dark'))
    assert light != dark
    browser = at(theme='dark')
    _one(browser, '#theme').click()
    assert paper(browser) == light
    browser.refresh()
    assert paper(browser) == light
    browser.execute_script('localStorage.clear()')


@pytest.mark.parametrize('task', ['genre', 'tags'])
def test_a_phone_scrolls_tables_not_the_page(at, task):
    browser = at(f'#task={task}', PHONE)
    for details in browser.find_elements('css selector', 'details > summary')[:12]:
        browser.execute_script('arguments[0].click()', details)
    assert _spilled(browser) == []
    assert browser.execute_script('return innerWidth') == PHONE[0]  # It grows with what spills.


def test_words_on_maps_read(at):
    browser = at('#task=genre')
    pairs = browser.execute_script(
        'return [...document.querySelectorAll(".heat td[style]")].map(n => { const s = '
        'getComputedStyle(n); return [s.color, s.backgroundColor]; })'
    )

    def luminance(text):
        parts = [int(c) / 255 for c in text[text.index('(') + 1 : -1].split(',')[:3]]
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    assert len(pairs) > 100
    for ink, paper in set(map(tuple, pairs)):
        low, high = sorted((luminance(ink), luminance(paper)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper)


def test_sounds_play_from_where_they_lie(at):
    browser = at('#task=genre')
    seconds = browser.execute_async_script(
        'const done = arguments[0], a = document.querySelector("audio");'
        'a.onloadedmetadata = () => done(a.duration); a.onerror = () => done(-1); a.load();'
    )
    assert seconds == pytest.approx(1.0)
    assert _said(browser) == []


def test_without_javascript_the_results_stand_there(at, browser):
    browser.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': True})
    try:
        at()
        words = _one(browser, 'main').text
        assert 'JavaScript is off' in words
        assert 'Tasks' in words
        assert _one(browser, 'noscript figure svg').is_displayed()
        assert not _one(browser, '#which-layer').is_displayed()
        assert not _one(browser, '.chooser').is_displayed()
    finally:
        browser.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': False})


def test_a_run_without_sections_shows_none_of_them(at, tmp_path):
    run = filled.write(tmp_path / 'run', tasks=1, encoders={'muq': 5}, sections=False)
    (tmp_path / 'plain.html').write_text(page.page(read.load([run]), {}, commands=[]))
    browser = at('#task=genre', file=tmp_path / 'plain.html')
    assert 'Which layer?' in _texts(browser, 'h2')
    for where in ('h2', 'nav a'):
        assert 'Does it survive noise?' not in _texts(browser, where)
    assert 'Test accuracy by layer, genre' in _texts(browser, 'h3')
    assert _said(browser) == []


def test_odd_names_do_no_harm(at, tmp_path):
    run = filled.write(tmp_path / 'run', tasks=1, encoders={'e': 1})
    results = [r._replace(encoder=NASTY, task=NASTY) for r in read.load([run])]
    (tmp_path / 'odd.html').write_text(page.page(results, {}, commands=[]))
    browser = at(file=tmp_path / 'odd.html', size=PHONE)
    assert browser.find_elements('css selector', 'main i:not(.scale i)') == []
    assert _spilled(browser) == []
    assert browser.execute_script('return innerWidth') == PHONE[0]  # It grows with what spills.
    assert _said(browser) == []


@pytest.mark.parametrize('theme', ['light', 'dark'])
@pytest.mark.parametrize('size', [DESKTOP, PHONE])
def test_screenshots_to_look_at(at, theme, size, tmp_path):
    folder = Path(os.environ.get('JAXPROBE_SCREENSHOTS') or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    browser = at('#task=genre', size, theme)
    high = browser.execute_script('return document.documentElement.scrollHeight')  # Lays out first.
    clip = {'x': 0, 'y': 0, 'width': size[0], 'height': high, 'scale': 1}
    taken = browser.execute_cdp_cmd(
        'Page.captureScreenshot', {'captureBeyondViewport': True, 'clip': clip}
    )
    path = folder / f'page-{size[0]}-{theme}.png'
    path.write_bytes(base64.b64decode(taken['data']))
    assert high > 5000
    assert path.stat().st_size > 100_000
