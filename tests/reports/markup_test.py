from jaxprobe.reports import markup


def test_everything_is_escaped():
    assert markup.escape('<a & "b">') == '&lt;a &amp; &quot;b&quot;&gt;'
    assert '&lt;' in markup.tags([('<x>', '"y"')])
    assert '<script' not in markup.details('<script>', '')


def test_table_has_headers_for_rows_and_columns():
    html = markup.table([('a', ''), ('b', 'n')], [('control', [('x', ''), ('1', 'n')])], 'T')
    assert '<th scope="col">a</th><th scope="col" class="n">b</th>' in html
    assert '<tr class="control"><th scope="row">x</th><td class="n">1</td></tr>' in html


def test_long_names_may_break():
    html = markup.table([('a', '')], [('', [('x' * 60, '')])], 'T')
    assert '<th scope="row" class="long">' in html
    short = markup.table([('a', '')], [('', [('x<br><small>' + 'y' * 20, '')])], 'T')
    assert 'long' not in short


def test_pairs_leave_out_what_is_unknown():
    assert markup.pairs([('a', '1'), ('b', '')]) == '<dl><dt>a</dt><dd>1</dd></dl>'


def test_only_web_addresses_become_links():
    assert markup.link('https://example.org', 'x').startswith('<a href="https://example.org"')
    assert markup.link('javascript:alert(1)', 'x') == 'x'


def test_figure_can_be_scrolled_by_keyboard():
    assert 'tabindex="0"' in markup.figure('<svg/>')
