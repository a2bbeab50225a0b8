"""Labels as text, as values of JSON, and as lists of tags: what is one label, and what is none."""

import unicodedata
from collections.abc import Iterator

from benchmarks.inputs.cases import ACCEPT, REFUSE, Case, Listed
from benchmarks.inputs.tables import TWO, as_csv, as_lines, case, put, rows, wanted

LABELS = {
    'composed-and-not': ('caf\u00e9', 'jazz', 'cafe\u0301', 'jazz', 'caf\u00e9', 'jazz'),
    'decomposed': ('cafe\u0301', 'jazz') * 3, 'right-to-left': ('עברית', 'العربية') * 3,
    'emoji': ('👩‍👩‍👧', '🎵') * 3, 'chinese': ('搖滾', '爵士') * 3,
    'other-planes': ('𝕣𝕠𝕔𝕜', '𐍈') * 3,
    'override': ('\u202erock', 'jazz') * 3, 'zero-width': ('ro\u200bck', 'rock') * 3,
    'capitals': ('Rock', 'rock', 'Rock', 'rock', 'Rock', 'rock'),
    'inner-spaces': ('hip hop', 'hip  hop') * 3, 'no-break-space': ('hip\u00a0hop', 'hip hop') * 3,
    'numbers': ('1', '1.0', '1', '1.0', '1', '1.0'), 'leading-zero': ('01', '1') * 3,
    'numbers-in-order': ('10', '9', '10', '9', '2', '9'),
    'huge-numbers': ('1' * 400, '2' * 400) * 3,
    'words-of-code': ('None', 'null') * 3, 'booleans': ('True', 'true') * 3,
    'nan': ('nan', 'inf') * 3,
    'formula': ('=1+1', '@x') * 3, 'quotes': ('"rock"', "'jazz'") * 3, 'commas': ('r,o', 'j,') * 3,
    'newlines': ('ro\nck', 'ja\r\nzz') * 3, 'pipes': ('a|b', 'c') * 3,
    'long': ('x' * 9000, 'y' * 9000) * 3,
    'tab': ('ro\tck', 'jazz') * 3, 'backslash': ('a\\nb', 'a\\b') * 3,
    'braces': ('{a}', '%s%n') * 3,
    'html': ('<b>x</b>', '</script>') * 3, 'line-separator': ('a\u2028b', 'c\u0085d') * 3,
    'control': ('a\x0bb', 'c\x1cd') * 3, 'nul': ('a\0b', 'c') * 3,
    'sharp-s': ('STRASSE', 'straße') * 3,
    'dotless': ('ı', 'i') * 3, 'six': ('a', 'b', 'a', 'b', 'c', 'd'), 'minus': ('-', 'a') * 3,
}  # fmt: skip
# Labels that a reader would take for one: `prepare` must say so, or refuse.
_ALIKE = ('capitals', 'inner-spaces', 'no-break-space', 'zero-width', 'numbers', 'leading-zero')


def cases() -> list[Case]:
    """All cases of labels."""
    return [*_labels(), *_json_labels(), *_tags()]


def _labels() -> Iterator[Case]:
    for name, labels in LABELS.items():
        meant = [unicodedata.normalize('NFC', label) for label in labels]
        notes = ('alike',) if name in (*_ALIKE, 'booleans') else ()
        for ending, text in (('csv', as_csv), ('jsonl', as_lines)):

            def make(folder, labels=labels, ending=ending, text=text, meant=meant, notes=notes):
                data = text(rows(labels))
                return Listed(put(folder, data, ending), ACCEPT, wanted(folder, meant), notes=notes)

            yield case(f'label/{name}-{ending}', make)

    def raw(folder):
        labels = ('a\u2028b', 'c\u0085d') * 3
        data = as_lines(rows(labels), ascii_only=False)
        return Listed(put(folder, data, 'jsonl'), ACCEPT, wanted(folder, labels))

    yield case('label/line-separator-raw-jsonl', raw)

    def trimmed(folder):
        data = as_lines(rows((' rock', 'jazz\t', 'rock', 'jazz ', '\nrock', 'jazz')))
        return Listed(put(folder, data, 'jsonl'), ACCEPT, wanted(folder, TWO))

    yield case('label/spaces-around', trimmed)

    def one_class(folder):
        return Listed(
            put(folder, as_csv(rows(('rock',) * 6))), ACCEPT, wanted(folder, ('rock',) * 6),
            notes=('nothing to learn',),
        )  # fmt: skip

    yield case('label/one-class', one_class)


def _json_labels() -> Iterator[Case]:
    """Values of JSON that are no text: a number is its digits, all else is refused."""
    for name, value, meant in (
        ('int', 7, '7'), ('float', 1.5, '1.5'), ('negative', -3, '-3'),
        ('huge', 10**300, str(10**300)),
        ('null', None, None), ('list', ['rock'], None), ('empty-list', [], None),
        ('dict', {'a': 1}, None),
        ('nested', [[['rock']]], None), ('nan', float('nan'), None), ('inf', float('inf'), None),
        ('empty', '', None), ('spaces', '   ', None), ('surrogate', '\ud800', None),
    ):  # fmt: skip

        def make(folder, value=value, meant=meant):
            labels = ('rock', value, 'rock', 'rock', 'rock', 'rock')
            data = as_lines(rows(labels))
            if meant is None:
                return Listed(put(folder, data, 'jsonl'), REFUSE, names=('table.jsonl', 'line 2'))
            text = ('rock', meant, 'rock', 'rock', 'rock', 'rock')
            return Listed(put(folder, data, 'jsonl'), ACCEPT, wanted(folder, text))

        yield case(f'value/label-{name}', make)
    for column in ('path', 'split', 'id', 'group', 'start', 'duration'):
        for name, value in (
            ('list', ['a.wav']), ('dict', {'a': 1}), ('true', True), ('nan', float('nan')),
            ('deep', [[[[[[]]]]]]), ('huge', 10**400), ('surrogate', '\udfff'),
        ):  # fmt: skip

            def other(folder, column=column, value=value):
                table = rows()
                table[1][column] = value
                return Listed(
                    put(folder, as_lines(table), 'jsonl'), REFUSE, names=('table.jsonl', 'line 2')
                )

            if (column, name) != ('id', 'huge') and (column, name) != ('group', 'huge'):
                yield case(f'value/{column}-{name}', other)


def _tags() -> Iterator[Case]:
    ok = [{'rock'}, {'jazz'}] * 3
    for name, values, meant, ending in (
        ('plain', ['rock', 'jazz'] * 3, ok, 'csv'),
        ('doubled', ['rock|rock', 'jazz'] * 3, ok, 'csv'),
        ('empties', ['|rock||', ' jazz |'] * 3, ok, 'csv'),
        ('none', ['rock', ''] * 3, [{'rock'}, set()] * 3, 'csv'),
        ('several', ['rock|jazz', 'jazz|b'] * 3, [{'rock', 'jazz'}, {'jazz', 'b'}] * 3, 'csv'),
        ('forms', ['é|a', 'e\u0301'] * 3, [{'é', 'a'}, {'é'}] * 3, 'csv'),
        ('lists', [['rock', 'jazz'], ['jazz']] * 3, [{'rock', 'jazz'}, {'jazz'}] * 3, 'jsonl'),
        ('list-with-bar', [['a|b'], ['c']] * 3, [{'a|b'}, {'c'}] * 3, 'jsonl'),
        ('numbers', [[1, 2], [2]] * 3, [{'1', '2'}, {'2'}] * 3, 'jsonl'),
        ('null', [None, 'a'] * 3, [set(), {'a'}] * 3, 'jsonl'),
        ('empty-list', [[], ['a']] * 3, [set(), {'a'}] * 3, 'jsonl'),
        ('list-with-null', [['rock', None], ['jazz']] * 3, None, 'jsonl'),
        ('list-with-list', [['rock', ['x']], ['jazz']] * 3, None, 'jsonl'),
        ('list-with-nan', [['rock', float('nan')], ['jazz']] * 3, None, 'jsonl'),
        ('list-with-true', [['rock', True], ['jazz']] * 3, None, 'jsonl'),
        ('dict', [{'rock': 1}, {'jazz': 1}] * 3, None, 'jsonl'),
        ('nan', [float('nan'), 'a'] * 3, None, 'jsonl'),
    ):  # fmt: skip

        def make(folder, values=values, meant=meant, ending=ending):
            text = (as_csv if ending == 'csv' else as_lines)(rows(values, 'labels'))
            options = {**put(folder, text, ending), 'kind': 'multilabel'}
            if meant is None:
                return Listed(options, REFUSE, names=(f'table.{ending}', 'line'))
            return Listed(options, ACCEPT, wanted(folder, meant))

        yield case(f'tags/{name}', make)
