"""Paths in a table that lead elsewhere, nowhere, or to what is no file."""

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.inputs.cases import ACCEPT, REFUSE, Case, Listed, Wanted
from benchmarks.inputs.tables import TWO, as_csv, as_lines, case, put, rows, wanted

Act = Callable[[Path], object]  # On the folder of the table.


def cases() -> list[Case]:
    """All cases of paths: of the audio of the second row."""
    return [*_there(), *_absent(), *_refused()]


def _listed(folder: Path, text: str, verdict: str, path: Path, there: bool) -> Listed:
    table = rows()
    table[1]['path'] = text
    own = list(wanted(folder, TWO))
    own[1] = Wanted(path, 'train', 'jazz', there=there)
    json_only = any(0xD800 <= ord(c) < 0xE000 for c in text)
    data = (as_lines if json_only else as_csv)(table)
    return Listed(put(folder, data, 'jsonl' if json_only else 'csv'), verdict, tuple(own))


def _there() -> Iterator[Case]:
    """Strange names of files that are there: the very file is used, and nothing is run."""

    def move(folder: Path, text: str) -> Path:
        (folder / text).parent.mkdir(parents=True, exist_ok=True)
        return (folder / 'b.wav').rename(folder / text)

    for name, text in {
        'up-and-down': 'x/../b2.wav', 'dot': './b2.wav', 'slashes': 'x//b2.wav',
        'spaces': 'b  b.wav',
        'dash': '-rf.wav', 'option': '--config=x.wav', 'shell': '$(touch ran);`touch ran`|&>.wav',
        'quotes': '\'"b".wav', 'newline': 'b\nc.wav', 'comma': 'b,c.wav', 'glob': '*?[a].wav',
        'tilde': '~/b.wav', 'user': '~root', 'percent': '%2e%2e.wav', 'url': 'http:/b.wav',
        'file-url': 'file:/b.wav', 'emoji': '🎵.wav', 'override': 'b\u202evaw.wav', 
        'longest': 'n' * 251 + '.wav', 'composed': 'é.wav', 'decomposed': 'e\u0301.wav',
        'tab': 'b\tc.wav',
        'control': 'b\x01\x1bc.wav', 'variable': '${HOME}.wav', 'backslash': 'b\\c.wav',
        'no-ending': 'b2',
        'hidden': '.b', 'number': '5',
    }.items():  # fmt: skip

        def make(folder, text=text):
            if text.startswith('x/..'):
                (folder / 'x').mkdir()
            return _listed(folder, text, ACCEPT, move(folder, text), True)

        yield case(f'path/{name}', make)
    for form, other in (('NFC', 'NFD'), ('NFD', 'NFC')):

        def accents(folder, form: Any = form, other: Any = other):
            path = move(folder, unicodedata.normalize(other, 'été.wav'))
            return _listed(folder, unicodedata.normalize(form, 'été.wav'), ACCEPT, path, True)

        yield case(f'path/{form}-for-{other}', accents)

    def absolute(folder):
        return _listed(folder, str(folder / 'b.wav'), ACCEPT, folder / 'b.wav', True)

    def above(folder):
        text = f'../{folder.name}/b.wav'
        return _listed(folder, text, ACCEPT, folder / text, True)

    def linked(folder):
        (folder / 'l.wav').symlink_to('b.wav')
        return _listed(folder, 'l.wav', ACCEPT, folder / 'l.wav', True)

    for name, made in (('absolute', absolute), ('above', above), ('link', linked)):
        yield case(f'path/{name}', made)


def _absent() -> Iterator[Case]:
    """Listed as it is, told as missing, recorded by extraction; nothing is waited for."""

    def nothing(folder: Path) -> None:
        return None

    def loop(folder: Path) -> None:
        (folder / 'l.wav').symlink_to('l.wav')

    def dangling(folder: Path) -> None:
        (folder / 'l.wav').symlink_to('/no/such.wav')

    texts: dict[str, tuple[str, Act]] = {
        'absent': ('no.wav', nothing), 'url-absent': ('https://example.org/a.wav', nothing),
        'file-url-absent': ('file:///etc/passwd', nothing),
        'object-store': ('gs://bucket/a.wav', nothing),
        'far-above': ('../' * 60 + 'no.wav', nothing), 'windows': ('C:/music/a.wav', nothing),
        'tilde-absent': ('~/a.wav', nothing),
        'folder': ('sub.wav', lambda f: (f / 'sub.wav').mkdir()),
        'fifo': ('q.wav', lambda f: os.mkfifo(f / 'q.wav')), 'loop': ('l.wav', loop),
        'dangling': ('l.wav', dangling), 'zeros': ('/dev/zero', nothing),
        'null': ('/dev/null', nothing),
        'random': ('/dev/urandom', nothing), 'stdin': ('/dev/stdin', nothing),
        'tty': ('/dev/tty', nothing),
        'memory': ('/proc/self/mem', nothing), 'fd': ('/proc/self/fd/0', nothing),
        'dots': ('..', nothing),
        'dot-alone': ('.', nothing), 'root': ('/', nothing),
        'too-long': ('n' * 300 + '.wav', nothing),
        'too-long-accents': ('é' * 300 + '.wav', nothing), 'below-a-file': ('a.wav/b.wav', nothing),
        'too-deep': ('/'.join(['d' * 99] * 50), nothing),
        'empty-file': ('z.wav', lambda f: (f / 'z.wav').touch()),
        'text': ('t.wav', lambda f: (f / 't.wav').write_text('no audio')),
        'passwd': ('../../../../../../../../../../etc/passwd', nothing),
    }  # fmt: skip
    for name, (text, act) in texts.items():

        def make(folder, text=text, act=act):
            act(folder)
            return _listed(folder, text, ACCEPT, folder / text, False)

        yield case(f'path/{name}', make)


def _refused() -> Iterator[Case]:
    """Names that no file can have."""
    for name, text in {
        'nul': 'a\0b.wav',
        'lone-surrogate': 'a\ud800.wav',
        'empty': '',
        'not-utf8': os.fsdecode(b'\xff\xfe.wav'),
    }.items():

        def make(folder, text=text):
            return _listed(folder, text, REFUSE, folder, False)

        yield case(f'path/{name}', make)
