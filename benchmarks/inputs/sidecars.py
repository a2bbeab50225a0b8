"""Annotations beside the audio: beats and segments in text and in JAMS, whole and damaged."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.inputs.cases import ACCEPT, REFUSE, Case, Listed
from benchmarks.inputs.tables import as_csv, case, put, rows, wanted

BEATS = ((0.1, 0.5, 0.9, 1.3), (0.1, 0.9))
SEGMENTS = (('a', 0.0, 0.7), ('b', 0.7, 1.4))
_BEAT_LINES = '0.1 1\n0.5 2\n0.9 1\n1.3 2\n'
_SEGMENT_LINES = '0.0 a\n0.7 b\n1.4 end\n'


def cases() -> list[Case]:
    """All cases of sidecars."""
    return [*_beats(), *_segments(), *_jams(), *_files()]


def _listed(
    folder: Path, kind: str, ending: str, data: str | bytes, meant: Any,
    more: Mapping[str, Sequence[Any]] | None = None, **fields: Sequence[Any],
) -> Listed:  # fmt: skip
    """Six items, the second with an annotation of its own, and what that means (None: nothing)."""
    plain, good = (_BEAT_LINES, BEATS) if kind == 'beats' else (_SEGMENT_LINES, SEGMENTS)
    own = 'beats' if kind == 'beats' else 'txt'
    (folder / f'good.{own}').write_text(plain)
    path = folder / f'mine.{ending}'
    path.write_bytes(data.encode('utf-8', 'surrogatepass') if isinstance(data, str) else data)
    names = [f'good.{own}'] * 6
    names[1] = path.name
    options = {**put(folder, as_csv(rows(names, 'annotation', **(more or {})))), 'kind': kind}
    if meant is None:
        return Listed(options, REFUSE, names=('table.csv', 'line 3', path.name))
    return Listed(options, ACCEPT, wanted(folder, [good, meant, *[good] * 4], **fields))


def _beats() -> Iterator[Case]:
    plain = (0.1, 0.5, 0.9, 1.3)
    for name, text, meant in (
        ('plain', _BEAT_LINES, BEATS), ('commas', _BEAT_LINES.replace(' ', ','), BEATS),
        ('tabs', _BEAT_LINES.replace(' ', '\t'), BEATS),
        ('crlf', _BEAT_LINES.replace('\n', '\r\n'), BEATS),
        ('cr', _BEAT_LINES.replace('\n', '\r'), BEATS), ('mark', '\ufeff' + _BEAT_LINES, BEATS),
        ('comments', '# time beat\n' + _BEAT_LINES + '\n\n', BEATS),
        ('times-alone', '0.1\n0.5\n0.9\n1.3\n', (plain, ())),
        ('positions-with-point', _BEAT_LINES.replace(' 1', ' 1.0'), BEATS),
        ('exponents', '1e-1 1\n5e-1 2\n9e-1 1\n1.3 2', BEATS),
        ('behind-the-audio', _BEAT_LINES + '1000 1\n', ((*plain, 1000.0), (0.1, 0.9, 1000.0))),
        ('empty', '', None), ('comment-alone', '# none\n', None),
        ('header', 'time,beat\n' + _BEAT_LINES, None),
        ('descending', '0.5 1\n0.1 2\n', None), ('equal', '0.5 1\n0.5 2\n', None),
        ('negative', '-0.1 1\n0.5 2', None),
        ('nan', 'nan 1\n', None), ('inf', 'inf 1\n', None), ('position-inf', '0.1 inf\n', None),
        ('position-nan', '0.1 nan\n', None), ('position-word', '0.1 down\n', None),
        ('position-between', '0.1 1.5\n0.5 2.5\n', None), ('position-huge', '0.1 1e400\n', None),
        ('clock', '0:01 1\n', None), ('underscore', '1_0 1\n', None),
        ('decimal-comma', '0,5 1\n0,9 2\n', None),
        ('milliseconds', '100 ms\n', None), ('bar-and-beat', '0.1 1.1\n0.5 1.2\n0.9 2.1\n', None),
    ):  # fmt: skip

        def make(folder, text=text, meant=meant):
            return _listed(folder, 'beats', 'beats', text, meant)

        yield case(f'beats/{name}', make)

    def cut(folder):
        more = {'start': ['', '0.4', '', '', '', ''], 'duration': ['', '0.8', '', '', '', '']}
        return _listed(
            folder, 'beats', 'beats', _BEAT_LINES, ((0.1, 0.5), (0.5,)), more,
            start=[0, 0.4, 0, 0, 0, 0], duration=[None, 0.8, None, None, None, None],
        )  # fmt: skip

    yield case('beats/of-a-part', cut)

    def none_within(folder):
        return _listed(
            folder, 'beats', 'beats', _BEAT_LINES, None, {'start': ['', '1.4', '', '', '', '']}
        )

    yield case('beats/none-within', none_within)
    for name, data in (('utf-16', _BEAT_LINES.encode('utf-16')),
    ('latin-1', '# é\n'.encode('latin-1')),
                       ('binary', bytes(range(256)))):  # fmt: skip

        def encoded(folder, data=data):
            return _listed(folder, 'beats', 'beats', data, None)

        yield case(f'beats/{name}', encoded)


def _segments() -> Iterator[Case]:
    def same(label: str):
        return ((label, 0.0, 0.7), ('b', 0.7, 1.4))

    for name, text, meant in (
        ('plain', _SEGMENT_LINES, SEGMENTS),
        ('crlf', _SEGMENT_LINES.replace('\n', '\r\n'), SEGMENTS),
        ('tabs', _SEGMENT_LINES.replace(' ', '\t'), SEGMENTS),
        ('capital-end', _SEGMENT_LINES.replace('end', 'END'), SEGMENTS),
        ('open', '0.0 a\n0.7 b\n', (('a', 0.0, 0.7), ('b', 0.7, 1e9))),
        ('unlabelled', '0.0 -\n0.7 b\n1.4 end\n', ((None, 0.0, 0.7), ('b', 0.7, 1.4))),
        ('words', '0.0 verse one\n0.7 b\n1.4 end\n', same('verse one')),
        ('emoji', '0.0 🎵\n0.7 b\n1.4 end\n', same('🎵')),
        ('composed', '0.0 é\n0.7 b\n1.4 end\n', same('é')),
        ('decomposed', '0.0 e\u0301\n0.7 b\n1.4 end\n', same('é')),
        ('number-labels', '0.0 1\n0.7 b\n1.4 end\n', same('1')),
        ('tempo-labels', '0.0 120 bpm\n0.7 b\n1.4 end', same('120 bpm')),
        ('line-separator', '0.0 a\u2028b\n0.7 b\n1.4 end', same('a b')),
        ('again', '0.0 a\n0.7 b\n1.0 a\n1.4 end', (
            ('a', 0.0, 0.7), ('b', 0.7, 1.0), ('a', 1.0, 1.4))),
        ('ends-in-columns', '0.0 0.7 a\n0.7 1.4 b\n', None),
        ('ends-with-gaps', '0.0\t0.5\ta\n0.7\t1.4\tb\n', None),
        ('times-alone', '0.0\n0.7\n', None), ('empty', '', None), ('end-alone', '1.4 end\n', None),
        ('all-unlabelled', '0.0 -\n1.4 end\n', None), ('descending', '0.7 a\n0.0 b\n', None),
        ('equal', '0.0 a\n0.0 b\n', None), ('nan', 'nan a\n', None), ('negative', '-1 a\n', None),
        ('header', 'time label\n' + _SEGMENT_LINES, None), ('behind-a-billion', '2e9 a\n', None),
        ('end-before', '0.7 a\n0.5 end\n', None), ('label-first', 'a 0.0\nb 0.7\n', None),
        ('underscore', '1_0 a\n', None),
    ):  # fmt: skip

        def make(folder, text=text, meant=meant):
            return _listed(folder, 'frames', 'lab', text, meant)

        yield case(f'segments/{name}', make)

    def beats_as_segments(folder):
        return _listed(folder, 'frames', 'beats', _BEAT_LINES, None)

    yield case('segments/beats-file', beats_as_segments)

    def cut(folder):
        more = {'start': ['', '0.4', '', '', '', ''], 'duration': ['', '0.8', '', '', '', '']}
        return _listed(
            folder, 'frames', 'lab', _SEGMENT_LINES, (('a', 0.0, 0.3), ('b', 0.3, 0.8)), more,
            start=[0, 0.4, 0, 0, 0, 0], duration=[None, 0.8, None, None, None, None],
        )  # fmt: skip

    yield case('segments/of-a-part', cut)


def _jams() -> Iterator[Case]:
    def beat(data: Any) -> str:
        return json.dumps({'annotations': [{'namespace': 'beat', 'data': data}]})

    def part(data: Any) -> str:
        return json.dumps({'annotations': [{'namespace': 'segment_open', 'data': data}]})

    def rowed(pairs, width=0.0):
        return [{'time': t, 'duration': width, 'value': v, 'confidence': None} for t, v in pairs]

    good = rowed([(0.1, 1), (0.5, 2), (0.9, 1), (1.3, 2)])
    turned = {k: [o[k] for o in good] for k in ('time', 'duration', 'value')}
    for name, text, meant in (
        ('rows', beat(good), BEATS), ('columns', beat(turned), BEATS),
        ('no-annotations', '{}', None), ('list', '[]', None), ('empty', '', None),
        ('half', beat(good)[:60], None),
        ('null-data', beat(None), None), ('text-data', beat('x'), None),
        ('number-data', beat(5), None),
        ('time-null', beat(rowed([(None, 1)])), None),
        ('time-true', beat(rowed([(True, 1)])), None),
        ('time-huge', beat(rowed([(10**400, 1)])), None),
        ('time-nan', beat(rowed([(float('nan'), 1)])), None),
        ('time-text', beat(rowed([('x', 1)])), None),
        ('time-list', beat(rowed([([0.1], 1)])), None),
        ('duration-text', beat([{'time': 0.1, 'duration': 'x', 'value': 1}]), None),
        ('columns-differ', beat({**turned, 'value': [1]}), None),
        ('columns-number', beat({'time': 3}), None),
        ('annotation-number', json.dumps({'annotations': [5]}), None), ('deep', '[' * 100000, None),
        ('annotations-dict', json.dumps({'annotations': {'a': 1}}), None),
        ('time-long', beat(good).replace('0.5', '9' * 5000), None),
        ('other-namespace', part(rowed([(0.0, 'a')], 1.0)), None),
    ):  # fmt: skip

        def make(folder, text=text, meant=meant):
            return _listed(folder, 'beats', 'jams', text, meant)

        yield case(f'jams/beats-{name}', make)
    whole = [
        {'time': 0.0, 'duration': 0.7, 'value': 'a'},
        {'time': 0.7, 'duration': 0.7, 'value': 'b'},
    ]
    gap = [
        {'time': 0.0, 'duration': 0.5, 'value': 'a'},
        {'time': 0.7, 'duration': 0.7, 'value': 'b'},
    ]
    for name, text, meant in (
        ('rows', part(whole), SEGMENTS), ('backwards', part(whole[::-1]), SEGMENTS),
        ('gap', part(gap), (('a', 0.0, 0.5), (None, 0.5, 0.7), ('b', 0.7, 1.4))),
        ('value-null', part([{**whole[0], 'value': None}, whole[1]]), None),
        ('value-dict', part([{**whole[0], 'value': {'a': 1}}, whole[1]]), None),
        ('value-list', part([{**whole[0], 'value': ['a']}, whole[1]]), None),
        ('value-number', part([{**whole[0], 'value': 3}, whole[1]]), (('3', 0.0, 0.7),
        ('b', 0.7, 1.4))),
        ('overlap', part([whole[0], {'time': 0.3, 'duration': 0.9, 'value': 'b'}]), None),
        ('negative-duration', part([{**whole[0], 'duration': -1}]), None), ('none', part([]), None),
        ('beats-alone', beat(good), None),
    ):  # fmt: skip

        def made(folder, text=text, meant=meant):
            return _listed(folder, 'frames', 'jams', text, meant)

        yield case(f'jams/segments-{name}', made)


def _files() -> Iterator[Case]:
    """The sidecar is no file."""
    for name, act in {
        'absent': lambda p: None, 'folder': lambda p: p.mkdir(), 'fifo': os.mkfifo,
        'zeros': lambda p: p.symlink_to('/dev/zero'), 'loop': lambda p: p.symlink_to(p.name),
        'audio': lambda p: p.symlink_to('a.wav'),
    }.items():  # fmt: skip
        for kind, ending in (('beats', 'beats'), ('beats', 'jams'), ('frames', 'lab')):

            def make(folder, act=act, kind=kind, ending=ending):
                listed = _listed(folder, kind, ending, '', None)
                (folder / f'mine.{ending}').unlink()
                act(folder / f'mine.{ending}')
                return listed

            yield case(f'sidecar/{ending}-{name}', make)
    for name, text in {
        'nul': 'a\0b.lab',
        'long': 'é' * 300,
        'surrogate-free': '~',
        'empty': '',
    }.items():

        def named(folder, text=text):
            listed = _listed(folder, 'frames', 'lab', '', None)
            table = rows([text] * 6, 'annotation')
            return listed._replace(
                options={**put(folder, as_csv(table)), 'kind': 'frames'}, names=('table.csv',)
            )

        yield case(f'sidecar/name-{name}', named)
