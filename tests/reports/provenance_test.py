from jaxprobe.reports import provenance


def test_cards_licences_and_hashes_are_there(found):
    html = provenance.section(found)
    for r in found:
        assert r.data['encoder']['weights_sha256'] in html
        assert r.data['split_sha256'] in html
        assert r.data['record_sha256'][:12] in html
    assert 'CC BY-NC 4.0' in html
    assert 'random: a control' in html


def test_missing_and_excluded_items_are_named(odd_found):
    html = provenance.section(odd_found)
    assert '&lt;x&gt; (train)' in html
    assert 'broken &amp; &lt;cut&gt;' in html


def test_check_says_the_command_and_whom_to_cite(found):
    html = provenance.check(found, ["jaxprobe verify 'my run'"])
    assert 'jaxprobe verify &#x27;my run&#x27;' in html
    assert 'Nobody, 2024' in html
    assert 'href="scores.csv"' in html
