from jaxprobe.core.text import table


def test_columns_line_up_and_keys_become_words():
    assert table([{'a_b': 1, 'c': 'x'}, {'a_b': 22.5, 'c': None}]).splitlines() == [
        'a b   c',
        '----  -',
        '1     x',
        '22.5  -',
    ]


def test_booleans_are_words():
    assert table([{'on': True}, {'on': False}]).split() == ['on', '---', 'yes', 'no']


def test_no_rows():
    assert table([]) == 'none'
