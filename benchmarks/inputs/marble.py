"""MARBLE v2's item lists, whole and damaged, through the tasks that read them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.inputs.cases import ACCEPT, EITHER, REFUSE, Case, Listed, Wanted
from benchmarks.inputs.tables import NAMES, SPLIT, TWO, case

_PART = {'train': 'train', 'valid': 'val', 'test': 'test'}


def _line(k: int, label: Any) -> dict[str, Any]:
    return {
        'audio_path': f'data/GTZAN/{NAMES[k]}', 'label': label, 'sample_rate': 16000,
        'num_samples': 24000, 'duration': 1.5,
    }  # fmt: skip


def _write(folder: Path, lines: list[dict[str, Any]], name: str = 'GTZANGenre') -> None:
    (folder / 'data' / 'GTZAN').mkdir(parents=True)
    for audio in NAMES:
        (folder / audio).rename(folder / 'data' / 'GTZAN' / audio)
    for split, part in _PART.items():
        own = [json.dumps(line) for line, s in zip(lines, SPLIT, strict=True) if s == split]
        (folder / f'{name}.{part}.jsonl').write_text('\n'.join(own) + '\n')


def _listed(folder: Path, verdict: str, labels=TWO, names: tuple[str, ...] = ()) -> Listed:
    base = folder / 'data' / 'GTZAN'
    own = tuple(Wanted(base / NAMES[k], SPLIT[k], labels[k]) for k in range(6))
    return Listed(
        {'jsonl': str(folder)}, verdict, own if verdict == ACCEPT else (), names,
        task='gtzan_genre', data=folder / 'data',
    )  # fmt: skip


def cases() -> list[Case]:
    """All cases of MARBLE v2's lists."""
    return [*_values(), *_texts(), *_scores(), *_songs()]


def _values() -> Iterator[Case]:
    """One value of the second line of training changed or gone."""
    nan = float('nan')
    for key, value, verdict in (
        ('label', 'rock', ACCEPT), ('label', 'Rock', REFUSE), ('label', ' rock', REFUSE),
        ('label', '', REFUSE),
        ('label', None, REFUSE), ('label', 3, REFUSE), ('label', ['rock'], REFUSE),
        ('label', {'a': 1}, REFUSE),
        ('label', nan, REFUSE), ('label', 'roсk', REFUSE), ('label', [['rock']], REFUSE),
        ('label', True, REFUSE),
        ('audio_path', None, REFUSE), ('audio_path', '', REFUSE), ('audio_path', '..', REFUSE),
        ('audio_path', 5, REFUSE), ('audio_path', ['a.wav'], REFUSE),
        ('audio_path', 'a\0b.wav', REFUSE),
        ('audio_path', 'a\ud800.wav', REFUSE), ('audio_path', {'a': 1}, REFUSE),
        ('sample_rate', -1, EITHER), ('num_samples', 10**400, EITHER),
        ('sample_rate', None, EITHER),
    ):  # fmt: skip

        def make(folder, key=key, value=value, verdict=verdict):
            lines = [_line(k, TWO[k]) for k in range(6)]
            lines[1][key] = value
            _write(folder, lines)
            labels = ('rock', value, *TWO[2:]) if key == 'label' else TWO
            return _listed(folder, verdict, labels, ('GTZANGenre.train.jsonl', 'line 2'))

        yield case(f'marble/{key}-{str(value)[:9]!r}-{verdict}', make)
    for key in ('audio_path', 'label', 'sample_rate', 'num_samples'):

        def without(folder, key=key):
            lines = [_line(k, TWO[k]) for k in range(6)]
            del lines[1][key]
            _write(folder, lines)
            return _listed(folder, REFUSE, names=('GTZANGenre.train.jsonl', 'line 2', key))

        yield case(f'marble/without-{key}', without)


def _texts() -> Iterator[Case]:
    """The file of training as a whole."""

    def edited(name: str, edit, verdict: str = REFUSE) -> Case:
        def make(folder: Path) -> Listed:
            _write(folder, [_line(k, TWO[k]) for k in range(6)])
            path = folder / 'GTZANGenre.train.jsonl'
            path.write_bytes(edit(path.read_bytes()))
            return _listed(folder, verdict, names=('GTZANGenre.train.jsonl',))

        return case(f'marble/{name}', make)

    yield edited('whole', lambda d: d, ACCEPT)
    yield edited('crlf', lambda d: d.replace(b'\n', b'\r\n'), ACCEPT)
    yield edited('mark', lambda d: b'\xef\xbb\xbf' + d, ACCEPT)
    yield edited('blank-lines', lambda d: d.replace(b'\n', b'\n\n'), ACCEPT)
    yield edited('utf-16', lambda d: d.decode().encode('utf-16'))
    yield edited('latin-1', lambda d: d.replace(b'rock', b'r\xf6ck'))
    yield edited('half', lambda d: d[: len(d) - 40])
    yield edited('empty', lambda d: b'')
    yield edited('array', lambda d: b'[' + d.replace(b'\n', b',') + b'{}]')
    yield edited(
        'key-twice', lambda d: d.replace(b'"label": "jazz"', b'"label": "pop", "label": "jazz"')
    )
    yield edited('line-twice', lambda d: d + d)
    yield edited('deep', lambda d: d + b'[' * 100000 + b'\n')
    yield edited('long-number', lambda d: d.replace(b'1.5', b'9' * 5000))

    def lacking(folder):
        _write(folder, [_line(k, TWO[k]) for k in range(6)])
        (folder / 'GTZANGenre.val.jsonl').unlink()
        return _listed(folder, REFUSE, names=('GTZANGenre.val.jsonl',))

    def elsewhere(folder):
        return _listed(folder / 'no', REFUSE, names=('GTZANGenre.train.jsonl',))

    def folder_for_file(folder):
        _write(folder, [_line(k, TWO[k]) for k in range(6)])
        (folder / 'GTZANGenre.val.jsonl').unlink()
        (folder / 'GTZANGenre.val.jsonl').mkdir()
        return _listed(folder, REFUSE, names=('GTZANGenre.val.jsonl',))

    for name, make in (('lacking', lacking), ('elsewhere', elsewhere), ('folder', folder_for_file)):
        yield case(f'marble/{name}', make)


def _scores() -> Iterator[Case]:
    """EMO: two numbers per clip."""
    for name, value in (
        ('text', ['0.5', 'x']), ('three', [0.1, 0.2, 0.3]), ('nan', [float('nan'), 0.1]),
        ('one', [0.1]),
        ('inf', [float('inf'), 0.1]), ('huge', [10**400, 0.1]), ('null', [None, 0.1]),
        ('number', 0.5),
        ('true', [True, 0.1]), ('nested', [[0.1], [0.2]]), ('dict', {'a': 1}),
        ('underscore', ['1_0', 1]),
    ):  # fmt: skip

        def make(folder, value=value):
            labels = ([0.1, 0.2], value, [0.3, 0.4], [0.5, 0.6], [0.7, 0.8], [0.9, 1.0])
            _write(folder, [_line(k, label) for k, label in enumerate(labels)], 'EMO')
            listed = _listed(folder, REFUSE, names=('EMO.train.jsonl', 'line 2'))
            return listed._replace(task='emomusic')

        yield case(f'marble/emo-{name}', make)


def _songs() -> Iterator[Case]:
    """GS: clips of one song are one item, and agree in their label."""
    for name, uids, labels, verdict in (
        ('songs', 'uvwxyz', ('C major', 'A minor') * 3, ACCEPT),
        ('label-differs', 'uuwxyz', ('C major', 'A minor') * 3, REFUSE),
        ('no-key', 'uvwxyz', ('C major', 'H minor') * 3, REFUSE),
        ('uid-null', (None, None, 'w', 'x', 'y', 'z'), ('C major',) * 6, REFUSE),
        ('uid-list', ('u', ['v'], 'w', 'x', 'y', 'z'), ('C major',) * 6, REFUSE),
        ('label-list', 'uvwxyz', ('C major', ['A minor']) * 3, REFUSE),
        ('label-number', 'uvwxyz', ('C major', 4) * 3, REFUSE),
    ):  # fmt: skip

        def make(folder, uids=uids, labels=labels, verdict=verdict):
            lines = [{**_line(k, labels[k]), 'ori_uid': uids[k]} for k in range(6)]
            _write(folder, lines, 'GS')
            listed = _listed(folder, verdict, labels, ('GS.train.jsonl',))
            return listed._replace(task='giantsteps_key')

        yield case(f'marble/gs-{name}', make)
