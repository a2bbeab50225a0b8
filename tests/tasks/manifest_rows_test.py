import os

import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import manifest_rows
from jaxprobe.tasks.manifest_rows import Mistakes


@pytest.fixture
def read(tmp_path):
    def reading(content, name='labels.csv'):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        mistakes = Mistakes(path)
        columns, rows = manifest_rows.read(path, mistakes)
        mistakes.raise_any()
        return columns, rows

    return reading


def test_csv(read):
    columns, rows = read('path, split ,label\n\na.wav, train,"x, y"\n  \n"b\nb",test,z\n')
    assert columns == ['path', 'split', 'label']
    assert rows[0].line == 3
    assert rows[0].values == {'path': 'a.wav', 'split': 'train', 'label': 'x, y'}
    assert rows[1].values['path'] == 'b\nb'
    assert rows[1].line == 6


def test_json_lines(read):
    columns, rows = read('{"path": "a", "n": 1}\n\n{"path": "b", "labels": ["x"]}\n', 'l.JSONL')
    assert columns == ['path', 'n', 'labels']
    assert [row.line for row in rows] == [1, 3]
    assert rows[1].values['labels'] == ['x']


@pytest.mark.parametrize('newline', ['\n', '\r\n'])
def test_a_byte_order_mark_and_windows_lines_are_harmless(read, newline):
    columns, rows = read(f'\ufeffpath,split{newline}ä.wav,train{newline}')
    assert columns == ['path', 'split']
    assert rows[0].values == {'path': 'ä.wav', 'split': 'train'}


def test_trailing_commas_of_a_spreadsheet_are_harmless(read):
    columns, rows = read('path,split,,\na,train,,\n,,,\n')
    assert columns == ['path', 'split']
    assert [row.values for row in rows] == [{'path': 'a', 'split': 'train'}]


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ('', 'the table is empty'),
        ('path;split\na;train\n', 'separated by semicolons'),
        ('path\tsplit\na\ttrain\n', 'separated by tabs'),
        ('path,split,split\n', "line 1: column 'split' appears more than once"),
        ('path,split\na,train,x\n', 'line 2: 3 fields, but the header names 2; put quotes'),
        ('path,split\na\n', 'line 2: 1 fields'),
        ('[{"path": "a"}]', 'name the file .jsonl'),
    ],
)
def test_csv_mistakes(read, content, words):
    with pytest.raises(DataError, match=words):
        read(content)


def test_json_mistakes_are_collected(read):
    with pytest.raises(DataError) as error:
        read('{"path": "a"}\n{oops}\n3\n', 'labels.jsonl')
    text = str(error.value)
    assert '2 mistakes' in text
    assert 'line 2: not JSON' in text
    assert 'line 3: a JSON int, not an object' in text


def test_not_utf8(read):
    with pytest.raises(DataError, match='not UTF-8 text'):
        read('path,split\nä\n'.encode('latin-1'))
    with pytest.raises(DataError, match='not UTF-8 text'):
        read('path,split\n'.encode('utf-16'))


def test_no_such_file(tmp_path):
    (tmp_path / 'labels.csv').write_text('path')
    with pytest.raises(DataError, match="Did you mean 'labels.csv'"):
        manifest_rows.read(tmp_path / 'label.csv', Mistakes(tmp_path / 'label.csv'))
    with pytest.raises(DataError, match='is not a file'):
        manifest_rows.read(tmp_path, Mistakes(tmp_path))


def test_mistakes_are_in_order_grouped_and_cut_at_twenty(tmp_path):
    mistakes = Mistakes(tmp_path / 'x.csv')
    mistakes.raise_any()
    for line in range(40, 1, -1):
        mistakes.add(line, f'wrong {line}')
    for line in (9, 12, 15, 18):
        mistakes.add(line, 'the same')
    mistakes.add(0, 'as a whole')
    with pytest.raises(DataError) as error:
        mistakes.raise_any()
    lines = str(error.value).splitlines()
    assert lines[0].endswith('cannot be used, 41 mistakes:')
    assert lines[1:3] == ['  as a whole', '  line 2: wrong 2']
    assert '  lines 9, 12, 15 and 1 more: the same' in lines
    assert len(lines) == 22
    assert lines[-1] == '  and 21 more'


@pytest.mark.parametrize(
    'content',
    [
        'path,split,label\na,train,rock\nb,test,"jazz\nc,test,pop\n',  # Would be one label.
        'path,split,label\na,train,"ro"ck\n',
        f'path,split,label\na,train,{"x" * 200_000}\n',
    ],
)
def test_quotes_that_do_not_close_and_endless_fields_are_mistakes(read, content):
    with pytest.raises(DataError, match=r'line \d: not CSV: .*write each quote in it twice'):
        read(content)


def test_quotes_may_stand_behind_a_space(read):
    assert read('path, split, label\n"a", "train", "x, y"\n')[1][0].values['label'] == 'x, y'


def test_separators_of_lines_within_json_texts(read):
    text = '{"path": "a", "label": "x\u2028y"}\r\n{"path": "b", "label": "x\x85y"}\n'
    _, rows = read(text, 'labels.jsonl')
    assert [(row.line, row.values['label']) for row in rows] == [(1, 'x\u2028y'), (2, 'x\x85y')]


@pytest.mark.parametrize(
    ('line', 'words'),
    [
        ('{"label": "a", "label": "b"}', "'label' appears more than once"),
        ('[' * 100_000, 'not usable as JSON'),
        ('{"label": ' + '9' * 5000 + '}', 'not usable as JSON'),
        (r'{"label": "\ud800"}', 'half a character'),
    ],
)
def test_json_that_python_reads_otherwise_or_not_at_all(read, line, words):
    with pytest.raises(DataError, match=f'line 2: .*{words}'):
        read('{"label": "\\ud83c\\udfb5"}\n' + line, 'labels.jsonl')


@pytest.mark.parametrize('name', ['pipe.csv', 'loop.csv', 'a\0b.csv', 'n' * 300, 'a\ud800.csv'])
def test_what_is_no_file_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / 'pipe.csv')
    (tmp_path / 'loop.csv').symlink_to('loop.csv')
    with pytest.raises(DataError, match='is not a file|cannot be read'):
        manifest_rows.read(tmp_path / name, Mistakes(tmp_path / name))
