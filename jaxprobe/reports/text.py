"""How numbers and names are written, the same in every table and figure."""

import unicodedata

NOTHING = '–'
_LARGE = 1e5  # From here on digits in front of the point say nothing: an R2 of few items.

# What is fitted on training without listening, and the best that does not listen, by kind.
_CONSTANTS = {
    'beats': ('metronome', 'best metronome'),
    'separation': ('mixture', 'best constant'),
    'regression': ('training mean', 'best constant'),
}


def constants(kind: str) -> tuple[str, str]:
    """What answers are called that never listen, for a kind of task.

    >>> constants('multiclass'), constants('beats')
    (('majority', 'best constant'), ('metronome', 'best metronome'))
    """
    return _CONSTANTS.get(kind, ('majority', 'best constant'))


def number(value: float | None, digits: int = 3) -> str:
    """Writes a score with a fixed number of decimals; a dash where there is none.

    >>> number(0.71249), number(None), number(-2.5e17)
    ('0.712', '–', '-2.5e17')
    """
    if value is None:
        return NOTHING
    if abs(value) >= _LARGE:
        return f'{value:.1e}'.replace('e+', 'e')
    text = f'{value:.{digits}f}'
    return text[1:] if text.startswith('-') and not float(text) else text  # No '-0.000'.


def signed(value: float | None, digits: int = 3) -> str:
    """Writes a difference with its sign."""
    return NOTHING if value is None else f'{value:+.{digits}f}'


def interval(ci95: list[float] | None, digits: int = 3) -> str:
    """Writes an interval.

    >>> interval([0.5, 0.6])
    '[0.500, 0.600]'
    """
    if ci95 is None:
        return NOTHING
    return f'[{number(ci95[0], digits)}, {number(ci95[1], digits)}]'


def rate(value: float | None) -> str:
    """Writes a learning rate.

    >>> rate(0.0005), rate(0.01)
    ('5e-4', '1e-2')
    """
    if value is None:
        return NOTHING
    mantissa, _, exponent = f'{value:.2e}'.partition('e')
    return f'{float(mantissa):g}e{int(exponent)}'


def cells(text: str) -> int:
    """Columns that a text takes in a terminal: two for wide (East Asian) characters."""
    wide = ('W', 'F')
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in wide)
        for c in text
    )


def shorten(text: str, width: int) -> str:
    """Cuts the middle out of a name that takes more than `width` columns.

    >>> shorten('a_very_long_name_indeed', 11)
    'a_ver…ndeed'
    """
    if cells(text) <= width:
        return text
    head, tail = text, ''
    for keep in range(len(text), 0, -1):
        head, tail = text[: (keep + 1) // 2], text[len(text) - keep // 2 :]
        if cells(head) + 1 + cells(tail) <= width:
            break
    return f'{head}…{tail}'


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fills a text with blanks to `width` columns, cut if it is longer."""
    text = shorten(text, width)
    blanks = ' ' * (width - cells(text))
    return blanks + text if right else text + blanks


def wrap(text: str, width: int, *, indent: str = '') -> list[str]:
    """Breaks a text into lines of at most `width` columns; names too long for one are cut.

    >>> wrap('one two three', 9, indent='  ')
    ['  one two', '  three']
    """
    lines = ['']
    for word in text.split():
        word = shorten(word, width - cells(indent))
        if lines[-1] and cells(indent + lines[-1] + ' ' + word) > width:
            lines.append('')
        lines[-1] = f'{lines[-1]} {word}' if lines[-1] else word
    return [indent + line for line in lines]
