import json
import os

import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import sidecars
from jaxprobe.tasks.base import Beats, Segments
from jaxprobe.tasks.sidecars import TO_THE_END, Stretches


def write(folder, name, text):
    path = folder / name
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def beat(kind, times, as_lists=False):
    data = {'time': times} if as_lists else [{'time': t, 'duration': 0.0} for t in times]
    return {'namespace': 'beat', 'sandbox': {'annotation_type': kind}, 'data': data}


def segment(rows):
    data = [{'time': t, 'duration': d, 'value': v} for t, d, v in rows]
    return {'annotations': [{'namespace': 'segment_open', 'data': data}]}


@pytest.mark.parametrize(
    'text', ['0.5\t1\n1\t2\n1.5 3\n\n2.0,1\n', '# made by hand\n.5 1\n1 2\n1.5 3\n2 1']
)
def test_beats_with_positions(tmp_path, text):
    found = sidecars.beats(write(tmp_path, 'a.beats', text))
    assert found == Beats((0.5, 1.0, 1.5, 2.0), (0.5, 2.0))


def test_beats_without_positions_have_no_downbeats(tmp_path):
    assert sidecars.beats(write(tmp_path, 'a.txt', '0.5\n1\n')) == Beats((0.5, 1.0), ())


def test_the_owners_beats(shared):
    folder = shared / 'data/real_layouts/gtzan_genre/gtzan_tempo_beat-main/beats'
    found = sidecars.beats(folder / 'gtzan_country_00000.beats')
    assert found.beats[:3] == (0.113, 0.829, 1.537)
    assert found.downbeats[:2] == (0.113, 2.992)
    plain = sidecars.beats(folder / 'gtzan_country_00000_noposition.beats')
    assert plain == Beats(found.beats, ())


@pytest.mark.parametrize('as_lists', [False, True])
def test_jams_of_gtzan_rhythm(tmp_path, as_lists):
    file = {
        'annotations': [
            beat('8th-note', [0.1, 0.2, 0.3]),
            beat('downbeat', [0.1], as_lists),
            beat('beat', [0.1, 0.3], as_lists),
        ]
    }
    assert sidecars.beats(write(tmp_path, 'a.jams', file)) == Beats((0.1, 0.3), (0.1,))
    file['annotations'].pop(1)
    assert sidecars.beats(write(tmp_path, 'b.jams', file)) == Beats((0.1, 0.3), ())


def test_jams_with_positions_as_values(tmp_path):
    data = [{'time': t, 'value': v} for t, v in ((0.0, 1), (0.5, 2), (1.0, 1))]
    file = {'annotations': [{'namespace': 'beat', 'data': data}]}
    assert sidecars.beats(write(tmp_path, 'a.jams', file)) == Beats((0.0, 0.5, 1.0), (0.0, 1.0))


def test_text_segments(tmp_path):
    found = sidecars.stretches(write(tmp_path, 'a.txt', '0 intro\n4.5\tlead guitar\n9 end\n'))
    assert found == Stretches((0.0, 4.5), ('intro', 'lead guitar'), 9.0)
    found = sidecars.stretches(write(tmp_path, 'b.txt', '0 intro\n4.5 -\n'))
    assert found == Stretches((0.0, 4.5), ('intro', '-'), TO_THE_END)
    assert sidecars.segments(found, {'intro': 3}) == Segments((0.0, 4.5), (3, -1), TO_THE_END)


def test_jams_segments_and_gaps(tmp_path):
    rows = [(0.0, 4.0, 'a'), (4.0, 2.0, 'b'), (7.0, 1.0, 'a'), (8.0, 0.0, 'end')]
    found = sidecars.stretches(write(tmp_path, 'a.jams', segment(rows)))
    assert found == Stretches((0.0, 4.0, 6.0, 7.0), ('a', 'b', '-', 'a'), 8.0)


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('a.beats', '0.5 1\nsoon 2\n', "line 2: 'soon' is not a time"),
        ('a.beats', '0.5 one\n', 'not a position in the bar'),
        ('a.beats', '0.5\n0.5\n', r'must ascend, but 0.5 s follows 0.5 s'),
        ('a.beats', '0.5 1.5\n', 'not a position in the bar'),
        ('a.beats', '0.5 inf\n', 'not a position in the bar'),
        ('a.beats', '1_0 1\n', "'1_0' is not a time"),
        ('a.txt', '0 0.7 a\n0.7 1.4 b\n', 'its lines are `start end label`.*`1.4 end`'),
        ('a.lab', '0 0.5 a\n0.7 1.4 b\n', 'its lines are `start end label`'),
        ('a.jams', '[' * 100_000, 'is not JSON'),
        ('a.jams', segment([(0.0, 4.0, None)]), 'has no label but None'),
        ('a.jams', segment([(0.0, 4.0, ['a'])]), 'has no label but'),
        ('a.jams', segment([(True, 4.0, 'a')]), 'True is not a time'),
        ('a.jams', segment([(10**400, 4.0, 'a')]), 'is not a time'),
        ('a.txt', '0 intro\n3\n', "line 2: '3' is not a time and a label"),
        ('a.txt', '0 end\n', 'holds no labelled segment'),
        ('a.txt', '-1 a\n', "'-1' is not a time"),
        ('a.jams', '{"annotations": 3}', 'no JAMS file'),
        ('a.jams', '[', 'is not JSON'),
        ('a.jams', {'annotations': []}, 'no annotation of'),
        ('a.jams', segment([(0.0, 4.0, 'a'), (2.0, 2.0, 'b'), (1.0, 9.0, 'c')]), 'overlap'),
    ],
)
def test_mistakes(tmp_path, name, text, message):
    read = sidecars.beats if 'beats' in name else sidecars.stretches
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, name, text))


def test_absent(tmp_path):
    for name in ('a.beats', 'a.jams'):
        with pytest.raises(DataError, match='cannot be read'):
            sidecars.beats(tmp_path / name)


def test_beats_of_a_part():
    whole = Beats((1.0, 2.0, 3.0, 4.0), (1.0, 3.0))
    assert sidecars.beats_within(whole, 2.0, 2.0) == (Beats((0.0, 1.0), (1.0,)), 1)
    assert sidecars.beats_within(whole, 0.0, None) == (whole, 0)


def test_stretches_of_a_part():
    whole = Stretches((0.0, 4.0, 8.0), ('a', 'b', 'c'), 10.0)
    assert sidecars.stretches_within(whole, 5.0, 4.0) == Stretches((0.0, 3.0), ('b', 'c'), 4.0)
    assert sidecars.stretches_within(whole, 5.0, None) == Stretches((0.0, 3.0), ('b', 'c'), 5.0)
    assert sidecars.stretches_within(whole, 10.0, None) is None
    unended = whole._replace(end=TO_THE_END)
    assert sidecars.stretches_within(unended, 9.0, None) == Stretches((0.0,), ('c',), TO_THE_END)
    assert sidecars.stretches_within(unended, 9.0, 3.0) == Stretches((0.0,), ('c',), 3.0)


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        (1, 'neither a list of objects'),
        ([1], 'neither a list of objects'),
        ('text', 'neither a list of objects'),
        ({'time': 1}, 'neither a list of objects'),
        ({'time': [1.0], 'value': [1, 2]}, 'differ in length'),
        ([{'time': None}], 'None is not a time'),
    ],
)
def test_observations_of_another_shape(data, words, tmp_path):
    file = {'annotations': [{'namespace': 'beat', 'sandbox': 3, 'data': data}]}
    (tmp_path / 'a.jams').write_text(json.dumps(file))
    with pytest.raises(DataError, match=rf'a\.jams.*{words}'):
        sidecars.beats(tmp_path / 'a.jams')


def test_columns_that_say_nothing_are_allowed(tmp_path):
    data = {'time': [0.5, 1.0], 'value': [1, 2], 'duration': None}
    (tmp_path / 'a.jams').write_text(
        json.dumps({'annotations': [{'namespace': 'beat', 'data': data}]})
    )
    assert sidecars.beats(tmp_path / 'a.jams') == Beats((0.5, 1.0), (0.5,))


def test_a_file_of_beats_holds_no_segments(tmp_path):
    with pytest.raises(DataError, match='kind=beats reads it'):
        sidecars.stretches(write(tmp_path, 'a.beats', '0.5 1\n1.0 2\n'))


def test_labels_of_text(tmp_path):
    """Numbers in a label are no ends, accents are composed, and only lines end lines."""
    text = '0 120 bpm\n30 cafe\u0301\n60 a\u2028b\n'
    found = sidecars.stretches(write(tmp_path, 'a.txt', text))
    assert found.names == ('120 bpm', 'caf\u00e9', 'a b')


def test_a_pipe_is_not_read(tmp_path):
    os.mkfifo(tmp_path / 'a.beats')
    with pytest.raises(DataError, match='a device, pipe or socket'):
        sidecars.beats(tmp_path / 'a.beats')
