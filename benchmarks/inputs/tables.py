"""Tables of the user's own: encodings, quotes, columns, splits, ids, and what is no file."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.inputs.cases import ACCEPT, EITHER, RATE, REFUSE, Case, Listed, Wanted

NAMES = ('a.wav', 'b.wav', 'c.wav', 'd.wav', 'e.wav', 'f.wav')
SPLIT = ('train', 'train', 'valid', 'valid', 'test', 'test')
TWO = ('rock', 'jazz') * 3
SECONDS = 1.5


def sounds(folder: Path, names: Sequence[str] = NAMES) -> None:
    """Six different recordings of 1.5 s, the same ones for every table."""
    t = np.arange(round(SECONDS * RATE)) / RATE
    for k, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.4 * np.sin(2 * np.pi * (200 + 90 * k) * t), RATE, subtype='PCM_16')


def rows(label: Sequence[Any] = TWO, column: str = 'label', **more: Sequence[Any]) -> list[dict]:
    """Six rows of good data; further columns by name."""
    return [
        {
            'path': NAMES[k],
            'split': SPLIT[k],
            column: label[k],
            **{c: v[k] for c, v in more.items()},
        }
        for k in range(6)
    ]


def wanted(folder: Path, labels: Sequence[Any], **more: Sequence[Any]) -> tuple[Wanted, ...]:
    """What six good rows mean; further fields of `Wanted` by name."""
    return tuple(
        Wanted(folder / NAMES[k], SPLIT[k], labels[k], **{c: v[k] for c, v in more.items()})
        for k in range(6)
    )


def as_csv(table: Sequence[Mapping[str, Any]], newline: str = '\n') -> str:
    """The table as text; values as they are."""
    out = io.StringIO(newline='')
    writer = csv.DictWriter(out, list(table[0]), lineterminator=newline)
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def as_lines(table: Sequence[Mapping[str, Any]], ascii_only: bool = True) -> str:
    """The table as JSONL."""
    return ''.join(json.dumps(row, ensure_ascii=ascii_only) + '\n' for row in table)


def case(name: str, make: Callable[[Path], Listed]) -> Case:
    """A case of a table beside six recordings."""

    def whole(folder: Path, rng: np.random.Generator) -> Listed:
        sounds(folder)
        return make(folder)

    return Case(f'manifest/{name}', f'manifest {name.split("/")[0]}', whole)


def put(folder: Path, data: str | bytes, ending: str = 'csv') -> dict[str, Any]:
    """Writes the table; returns the task's options that name it."""
    path = folder / f'table.{ending}'
    path.write_bytes(data.encode('utf-8', 'surrogatepass') if isinstance(data, str) else data)
    return {'manifest': str(path)}


def cases() -> list[Case]:
    """All systematic cases of plain tables."""
    return [c for group in (_encodings, _shapes, _splits, _ids, _files) for c in group()]


def _encodings() -> Iterator[Case]:
    labels = ('café', 'naïve') * 3
    plain = as_csv(rows(labels))

    def encoded(data: bytes, verdict: str, ending: str = 'csv') -> Callable[[Path], Listed]:
        return lambda folder: Listed(
            put(folder, data, ending), verdict, wanted(folder, labels), names=('table.',)
        )

    lined = as_lines(rows(labels), ascii_only=False)
    for name, text, ending in (('csv', plain, 'csv'), ('jsonl', lined, 'jsonl')):
        for code, verdict in (
            ('utf-8', ACCEPT), ('utf-8-sig', ACCEPT), ('utf-16', REFUSE), ('utf-16-le', REFUSE),
            ('utf-16-be', REFUSE), ('utf-32', REFUSE), ('latin-1', REFUSE), ('cp1252', REFUSE),
            ('mac-roman', REFUSE), ('cp437', REFUSE),
        ):  # fmt: skip
            yield case(f'encoding/{name}-{code}', encoded(text.encode(code), verdict, ending))
        for what, newline in (('crlf', '\r\n'), ('cr', '\r'), ('lfcr', '\n\r')):
            verdict = ACCEPT if what == 'crlf' else EITHER
            data = text.replace('\r\n', '\n').replace('\n', newline).encode()
            yield case(f'encoding/{name}-{what}', encoded(data, verdict, ending))
        yield case(f'encoding/{name}-open-end', encoded(text.rstrip().encode(), ACCEPT, ending))
        yield case(
            f'encoding/{name}-blank-lines',
            encoded(text.replace('\n', '\n\n').encode(), ACCEPT, ending),
        )
        two = b'\xef\xbb\xbf' * 2 + text.encode()
        yield case(f'encoding/{name}-two-marks', encoded(two, REFUSE, ending))
        yield case(
            f'encoding/{name}-bad-byte', encoded(text.encode() + b'\xc3\x28', REFUSE, ending)
        )
        yield case(f'encoding/{name}-empty', encoded(b'', REFUSE, ending))
        yield case(f'encoding/{name}-zeros', encoded(bytes(5000), REFUSE, ending))
    yield case('encoding/csv-named-jsonl', encoded(plain.encode(), REFUSE, 'jsonl'))
    yield case('encoding/jsonl-named-csv', encoded(lined.encode(), REFUSE, 'csv'))
    yield case('encoding/json-list', encoded(json.dumps(rows()).encode(), REFUSE, 'jsonl'))


def _shapes() -> Iterator[Case]:
    """Columns and quotes of CSV."""
    body = ''.join(f'{NAMES[k]},{SPLIT[k]},{TWO[k]}\n' for k in range(6))
    head = 'path,split,label\n'

    def text(data: str, verdict: str, labels: Sequence[str] = TWO, *names: str):
        return lambda folder: Listed(
            put(folder, data), verdict, wanted(folder, labels), names=('table.csv', *names)
        )

    good = {
        'quoted': head + ''.join(f'"{NAMES[k]}","{SPLIT[k]}","{TWO[k]}"\n' for k in range(6)),
        'more-columns': 'note,' + head + ''.join(f'"n,",{line}\n' for line in body.split()),
        'spaces': 'path , split,  label\n' + body.replace(',', ' , '),
    }  # fmt: skip
    for name, data in good.items():
        yield case(f'shape/{name}', text(data, ACCEPT))
    bad = {
        'header-alone': head, 'no-header': body,
        'column-twice': 'path,split,label,label\n' + body.replace('\n', ',pop\n'),
        'path-twice': 'path,' + head + ''.join(f'a.wav,{line}\n' for line in body.split()),
        'no-path': 'file,split,label\n' + body, 'no-split': 'path,part,label\n' + body,
        'no-label': 'path,split,genre\n' + body, 'semicolons': (head + body).replace(',', ';'),
        'tabs': (head + body).replace(',', '\t'), 'pipes': (head + body).replace(',', '|'),
        'field-missing': head + body.replace('b.wav,train,jazz', 'b.wav,train'),
        'field-more': head + body.replace('b.wav,train,jazz', 'b.wav,train,jazz,pop'),
        'label-empty': head + body.replace('b.wav,train,jazz', 'b.wav,train,'),
        'path-empty': head + body.replace('b.wav,', ','),
        'quote-open-early': head + body.replace('train,rock', 'train,"rock'),
        'quote-open-late': head + body.replace('test,rock', 'test,"rock'),
        'quote-open-last': head + body[:-1].replace('test,jazz', 'test,"jazz'),
        'quote-inside': head + body.replace('test,rock', 'test,"ro"ck'),
        'header-in-capitals': 'PATH,SPLIT,LABEL\n' + body,
        'header-twice': head + head + body, 'comment-first': '# mine\n' + head + body,
        'blank-header': '\n' + head + body,
        'field-of-1MB': head + body + f'g.wav,train,{"x" * 2**20}\n',
    }  # fmt: skip
    for name, data in bad.items():
        verdict = EITHER if name in ('field-of-1MB', 'blank-header') else REFUSE
        yield case(f'shape/{name}', text(data, verdict))

    def twice_in_json(folder):
        lines = as_lines(rows()).replace('"label": "jazz"', '"label": "pop", "label": "jazz"')
        return Listed(put(folder, lines, 'jsonl'), REFUSE, names=('table.jsonl', 'lines 2, 4, 6'))

    yield case('shape/json-key-twice', twice_in_json)
    deep = '{"path": "a.wav", "split": "train", "label": ' + '[' * 100000 + ']' * 100000 + '}\n'
    for name, line in {
        'deep': deep, 'half': '{"path": "a.wav"\n', 'list': '["a.wav", "train"]\n', 'number': '5\n',
        'null': 'null\n', 'long-number': '{"path": "a.wav", "label": ' + '9' * 5000 + '}\n',
        'two-in-a-line': '{"path": "a.wav"} {"path": "b.wav"}\n', 'comment': '// mine\n',
    }.items():  # fmt: skip

        def lined(folder, line=line):
            return Listed(
                put(folder, as_lines(rows()) + line, 'jsonl'),
                REFUSE,
                names=('table.jsonl', 'line 7'),
            )

        yield case(f'shape/json-{name}', lined)


def _splits() -> Iterator[Case]:
    for name in (
        'Train',
        'training',
        'val',
        'dev',
        'eval',
        'TEST',
        'holdout',
        '',
        '0',
        'train;',
        'tr\u0430in',
    ):

        def make(folder, name=name):
            table = rows()
            table[1]['split'] = name
            return Listed(put(folder, as_csv(table)), REFUSE, names=('table.csv', 'line 3'))

        yield case(f'split/one-{name or "empty"}', make)
    for lost in ('train', 'valid', 'test'):

        def without(folder, lost=lost):
            table = [row for row in rows() if row['split'] != lost]
            return Listed(put(folder, as_csv(table)), REFUSE, names=('table.csv', lost))

        yield case(f'split/without-{lost}', without)


def _ids() -> Iterator[Case]:
    for name, ids, verdict in (
        ('unique', list('uvwxyz'), ACCEPT), ('twice', list('uuwxyz'), REFUSE),
        ('twice-far', list('uvwxyu'), REFUSE), ('number-and-text', [1, '1', 2, 3, 4, 5], REFUSE),
        ('blank', ['', '', '', '', '', ''], ACCEPT),
        ('long', ['i' * 9000 + c for c in 'uvwxyz'], ACCEPT),
        ('unicode', list('äöüßÄÖ'), ACCEPT), ('newline', [f'{c}\n{c}' for c in 'uvwxyz'], ACCEPT),
        ('path-of-another', ['b.wav', '', 'w', 'x', 'y', 'z'], REFUSE),
    ):  # fmt: skip

        def make(folder, ids=ids, verdict=verdict):
            return Listed(
                put(folder, as_lines(rows(id=ids)), 'jsonl'), verdict, wanted(folder, TWO),
                names=('table.jsonl',),
            )  # fmt: skip

        yield case(f'id/{name}', make)

    def same_path(folder):
        table = rows()
        table[1]['path'] = 'a.wav'
        return Listed(put(folder, as_csv(table)), REFUSE, names=('line 3', 'a.wav'))

    yield case('id/path-twice', same_path)

    def leak(folder):
        table = rows(id=list('uvwxyz'))
        table[4]['path'] = 'a.wav'
        own = list(wanted(folder, TWO))
        own[4] = own[4]._replace(path=folder / 'a.wav')
        return Listed(put(folder, as_csv(table)), ACCEPT, tuple(own), notes=('same audio',))

    yield case('id/audio-in-two-splits', leak)


def _files() -> Iterator[Case]:
    """The table itself is no file of text."""
    for name, act in {
        'absent': lambda p: None, 'folder': lambda p: p.mkdir(), 'fifo': os.mkfifo,
        'zeros': lambda p: p.symlink_to('/dev/zero'), 'loop': lambda p: p.symlink_to(p.name),
        'dangling': lambda p: p.symlink_to('no.csv'), 'null': lambda p: p.symlink_to('/dev/null'),
        'wav': lambda p: p.symlink_to('a.wav'), 'stdin': lambda p: p.symlink_to('/dev/stdin'),
    }.items():  # fmt: skip

        def make(folder, act=act):
            act(folder / 'table.csv')
            return Listed({'manifest': str(folder / 'table.csv')}, REFUSE, names=('table.csv',))

        yield case(f'file/{name}', make)
    for name, text in {
        'nul': 'a\0b.csv',
        'long': 'n' * 300 + '.csv',
        'surrogate': 'a\ud800.csv',
    }.items():

        def named(folder, text=text):
            return Listed({'manifest': str(folder / text)}, REFUSE)

        yield case(f'file/name-{name}', named)
