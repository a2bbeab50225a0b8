"""The 24 keys as people write them, and their index."""

import re

TONICS = ('C', 'Db', 'D', 'Eb', 'E', 'F', 'Gb', 'G', 'Ab', 'A', 'Bb', 'B')
LABELS = tuple(f'{tonic} {mode}' for mode in ('major', 'minor') for tonic in TONICS)

_NATURALS = {'C': 0, 'D': 2, 'E': 4, 'F': 5, 'G': 7, 'A': 9, 'B': 11}
_ACCIDENTALS = {'': 0, '#': 1, '♯': 1, 'b': -1, '♭': -1}
_MAJOR = ('', 'maj', 'major', 'M')
_MINOR = ('m', 'min', 'minor', 'mi')
_KEY = re.compile(r'([A-Ga-g])([#b♯♭]?)[\s:_-]*([A-Za-z]*)')


def index(name: str) -> int:
    """Index of a key in `LABELS`: 'C major', 'Bb minor', 'F# min', 'Am', 'c:maj', 'Db'.

    Enharmonic names are the same key. A bare tonic is major; 'M' is major and 'm' minor.

    Raises:
        ValueError: the name is no key.

    >>> index('C major'), index('F# min'), index('Am'), index('Db')
    (0, 18, 21, 1)
    """
    match = _KEY.fullmatch(name.strip())
    if match:
        tonic, accidental, mode = match.groups()
        mode = mode if len(mode) == 1 else mode.lower()
        if mode in _MAJOR + _MINOR:
            pitch_class = (_NATURALS[tonic.upper()] + _ACCIDENTALS[accidental]) % 12
            return pitch_class + (12 if mode in _MINOR else 0)
    raise ValueError(
        f'{name!r} is no key: write a tonic and a mode, such as C major, F# minor, Bbm'
    )
