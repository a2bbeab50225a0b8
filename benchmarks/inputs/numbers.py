"""Numbers to regress, keys, and the times of items."""

from collections.abc import Iterator

from benchmarks.inputs.cases import ACCEPT, REFUSE, Case, Listed
from benchmarks.inputs.tables import TWO, as_csv, as_lines, case, put, rows, wanted


def cases() -> list[Case]:
    """All cases of numbers."""
    return [*_numbers(), *_keys(), *_times()]


def _numbers() -> Iterator[Case]:
    for name, value, meant in (
        ('int', '3', 3.0), ('exponent', '1e3', 1000.0), ('negative', '-0.5', -0.5),
        ('plus', '+2', 2.0),
        ('point', '.5', 0.5), ('tiny', '1e-300', 1e-300), ('underscore', '1_000', None),
        ('hex', '0x10', None), ('nan', 'nan', None), ('inf', 'inf', None),
        ('beyond', '1e400', None),
        ('empty', '', None), ('comma', '1,5', None), ('word', 'loud', None), ('two', '1 2', None),
        ('percent', '5%', None), ('complex', '1j', None), ('arabic', '٣', 3.0),
        ('fraction', '1/2', None),
        ('beyond-float32', '1e39', None),
    ):  # fmt: skip

        def make(folder, value=value, meant=meant):
            table = rows((0.1, value, 0.3, 0.4, 0.5, 0.6), 'arousal')
            options = {**put(folder, as_csv(table)), 'kind': 'regression'}
            if meant is None:
                return Listed(options, REFUSE, names=('table.csv', 'line 3'))
            return Listed(
                options, ACCEPT, wanted(folder, [(v,) for v in (0.1, meant, 0.3, 0.4, 0.5, 0.6)])
            )

        yield case(f'number/{name}', make)
    for name, value, meant in (
        ('int', 3, 3.0), ('text', '3', 3.0), ('null', None, None), ('true', True, None),
        ('list', [3], None), ('dict', {}, None), ('nan', float('nan'), None),
        ('huge', 10**400, None),
        ('inf', float('-inf'), None),
    ):  # fmt: skip

        def lined(folder, value=value, meant=meant):
            table = rows((0.1, value, 0.3, 0.4, 0.5, 0.6), 'arousal')
            options = {**put(folder, as_lines(table), 'jsonl'), 'kind': 'regression'}
            if meant is None:
                return Listed(options, REFUSE, names=('table.jsonl', 'line 2'))
            return Listed(
                options, ACCEPT, wanted(folder, [(v,) for v in (0.1, meant, 0.3, 0.4, 0.5, 0.6)])
            )

        yield case(f'number/json-{name}', lined)


def _keys() -> Iterator[Case]:
    for name, text, meant in (
        ('major', 'C major', 'C major'), ('minor', 'Am', 'A minor'),
        ('sharp', 'F# min', 'Gb minor'),
        ('flat-sign', 'B♭ minor', 'Bb minor'), ('colon', 'c:maj', 'C major'),
        ('bare', 'Db', 'Db major'),
        ('german', 'H minor', None), ('dorian', 'D dorian', None),
        ('both', 'C major/A minor', None),
        ('empty', '', None), ('number', '0', None), ('double-sharp', 'F## major', None),
        ('cflat', 'Cb', 'B major'),
        ('camelot', '8A', None), ('cyrillic', 'С major', None),
    ):  # fmt: skip

        def make(folder, text=text, meant=meant):
            labels = ('C major', text, 'C major', 'A minor', 'C major', 'A minor')
            options = {**put(folder, as_csv(rows(labels))), 'kind': 'key'}
            if meant is None:
                return Listed(options, REFUSE, names=('table.csv', 'line 3'))
            return Listed(options, ACCEPT, wanted(folder, (labels[0], meant, *labels[2:])))

        yield case(f'key/{name}', make)


def _times() -> Iterator[Case]:
    """Start and duration: None where refused, else whether the audio has such a part."""
    for name, start, duration, there in (
        ('part', '0.25', '0.5', True), ('start', '0.5', '', True), ('long', '0.5', '9', True),
        ('negative', '-1', '', None), ('nan', 'nan', '', None), ('inf', 'inf', '', None),
        ('minus-inf', '', '-inf', None), ('zero', '', '0', None),
        ('negative-duration', '', '-2', None),
        ('clock', '0:30', '', None), ('comma', '0,5', '', None), ('unit', '1 s', '', None),
        ('end', '1.5', '', False), ('behind-end', '2', '', False), ('far', '1e300', '', False),
        ('farthest', '1.7e308', '1.7e308', False), ('long-beyond', '0', '1e308', True),
        ('tiny', '0', '1e-300', False), ('underscore', '1_0', '', None),
        ('minus-zero', '-0.0', '', True),
    ):  # fmt: skip

        def make(folder, start=start, duration=duration, there=there):
            table = rows(start=['', start] * 3, duration=['', duration] * 3)
            options = put(folder, as_csv(table))
            if there is None:
                return Listed(options, REFUSE, names=('table.csv', 'lines 3, 5, 7'))
            return Listed(options, ACCEPT, wanted(
                folder, TWO, start=[0.0, float(start or 0)] * 3,
                duration=[None, float(duration) if duration else None] * 3, there=[True, there] * 3,
            ))  # fmt: skip

        yield case(f'time/{name}', make)
