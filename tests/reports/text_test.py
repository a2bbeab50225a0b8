from jaxprobe.reports import text


def test_numbers():
    assert text.number(0.71251) == '0.713'
    assert text.number(-0.0001) == '0.000'
    assert text.number(-4.5, 1) == '-4.5'
    assert text.number(None) == text.NOTHING
    assert text.signed(0.02) == '+0.020'
    assert text.signed(None) == text.NOTHING
    assert text.interval([-0.1, 0.25]) == '[-0.100, 0.250]'
    assert text.interval(None) == text.NOTHING


def test_rates():
    rates = (5e-5, 1e-4, 1e-2, 2.5e-3, 1.0)
    assert [text.rate(r) for r in rates] == ['5e-5', '1e-4', '1e-2', '2.5e-3', '1e0']
    assert text.rate(None) == text.NOTHING


def test_wide_characters_take_two_columns():
    assert text.cells('民謡') == 4
    assert text.cells('e\u0301') == 1
    assert text.cells(text.pad('民謡です', 5)) == 5
    assert text.pad('ab', 4, right=True) == '  ab'


def test_shorten_keeps_both_ends():
    assert text.shorten('encoder', 7) == 'encoder'
    cut = text.shorten('encoder_large_v2', 9)
    assert cut == 'enco…e_v2'
    assert text.cells(text.shorten('民' * 20, 9)) <= 9


def test_wrap_fills_lines_and_cuts_monsters():
    lines = text.wrap('one two ' + 'x' * 50, 12, indent='  ')
    assert lines[0] == '  one two'
    assert all(text.cells(line) <= 12 for line in lines)
