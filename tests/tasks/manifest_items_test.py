import json
import unicodedata

import pytest

from jaxprobe.core.errors import DataError
from jaxprobe.tasks import manifest_items
from jaxprobe.tasks.base import Kind

HEAD = 'path,split,label\n'
GOOD = HEAD + 'a.wav,train,x\nb.wav,train,y\nc.wav,valid,x\nd.wav,test,y\n'


@pytest.fixture
def load(tmp_path):
    def loading(text, kind=Kind.MULTICLASS, targets='', name='labels.csv'):
        path = tmp_path / name
        path.write_text(text, encoding='utf-8')
        return manifest_items.load(path, kind, targets)

    return loading


def mistakes(load, text, kind=Kind.MULTICLASS, **more):
    with pytest.raises(DataError) as error:
        load(text, kind, **more)
    return str(error.value)


def test_multiclass(load, tmp_path):
    items, labels, notes = load(GOOD)
    assert labels == ('x', 'y')
    assert notes == ()
    assert [item.target for item in items] == [0, 1, 0, 1]
    assert items[0].path == tmp_path / 'a.wav'
    assert (items[0].id, items[0].start, items[0].duration, items[0].group) == (
        'a.wav',
        0,
        None,
        '',
    )


def test_numeric_labels_are_in_numeric_order(load):
    _, labels, _ = load(HEAD + 'a,train,10\nb,train,9\nc,valid,x\nd,test,1\n')
    assert labels == ('1', '9', '10', 'x')


def test_optional_columns(load, tmp_path):
    text = 'id,path,split,label,start,duration,group\n'
    text += '7,/abs/a.wav,train,x,1.5,2,bob\n8,sub/a.wav,valid,y,,,\n9,c,test,x,0,1e1,ann\n'
    items, _, _ = load(text)
    assert [item.id for item in items] == ['7', '8', '9']
    assert str(items[0].path) == '/abs/a.wav'
    assert items[1].path == tmp_path / 'sub' / 'a.wav'
    assert [(i.start, i.duration, i.group) for i in items] == [
        (1.5, 2.0, 'bob'),
        (0.0, None, ''),
        (0.0, 10.0, 'ann'),
    ]


def test_stretches_of_one_file_get_their_own_ids(load):
    text = 'path,split,label,start,duration\n'
    text += 'a,train,x,0,3\na,train,y,3,3\na,valid,x,6,3\na,test,y,9.5,3\n'
    items, _, _ = load(text)
    assert [item.id for item in items] == ['a', 'a@3', 'a@6', 'a@9.5']


def test_multilabel(load):
    text = 'path,split,labels\na,train,y | x|y\nb,valid,\nc,test,z\n'
    items, labels, _ = load(text, Kind.MULTILABEL)
    assert labels == ('x', 'y', 'z')
    assert [item.target for item in items] == [(0, 1), (), (2,)]
    rows = [
        dict(path=p, split=s, labels=t)
        for p, s, t in (('a', 'train', ['y', 'x']), ('b', 'valid', []), ('c', 'test', 'z'))
    ]
    text = '\n'.join(map(json.dumps, rows))
    again, _, _ = load(text, Kind.MULTILABEL, name='l.jsonl')
    assert [item.target for item in again] == [(0, 1), (), (2,)]


def test_key(load):
    items, labels, _ = load(HEAD + 'a,train,Am\nb,valid,F# min\nc,test,Db\n', Kind.KEY)
    assert len(labels) == 24
    assert [labels[int(item.target)] for item in items] == ['A minor', 'Gb minor', 'Db major']


def test_regression_takes_every_other_numeric_column_and_says_so(load):
    text = (
        'path,split,arousal,valence,artist\na,train,1,-2.5,bob\nb,valid,0,0,al\nc,test,1e-3,2,k\n'
    )
    items, labels, notes = load(text, Kind.REGRESSION)
    assert labels == ('arousal', 'valence')
    assert items[0].target == (1.0, -2.5)
    assert notes == (
        'columns not used: artist',
        'targets: arousal, valence (every other column with numbers)',
    )
    items, labels, notes = load(text, Kind.REGRESSION, 'valence')
    assert labels == ('valence',)
    assert items[2].target == (2.0,)
    assert notes == ('columns not used: arousal, artist',)


@pytest.mark.parametrize(
    ('split', 'meant'),
    [('validation', 'valid'), ('Train', 'train'), ('val', 'valid'), ('dev', 'valid'),
     ('tset', 'test'), ('eval', 'test')],
)  # fmt: skip
def test_misspelt_splits(load, split, meant):
    text = mistakes(load, GOOD + f'e.wav,{split},x\n')
    assert '1 mistake:\n' in text
    what = f"line 6: split '{split}' is not train, valid or test"
    assert text.endswith(f"{what}; did you mean '{meant}'?")


def test_no_validation_part_says_how_to_make_one(load):
    text = mistakes(load, GOOD.replace('valid', 'train'))
    assert "change about a tenth of the 'train' rows to 'valid'" in text
    assert "no row has split 'test'" in mistakes(load, GOOD.replace('test', 'train'))
    assert 'no rows below the header' in mistakes(load, HEAD)


@pytest.mark.parametrize(
    ('text', 'kind', 'words'),
    [
        ('path,split,lable\na,train,x\n', Kind.MULTICLASS, "'label' is missing; found 'lable'"),
        ('path,split,labels\na,train,x\n', Kind.MULTICLASS, 'is this kind=multilabel?'),
        ('path,split,label\na,train,x\n', Kind.MULTILABEL, 'is this kind=multiclass?'),
        ('audio_path,label\na,x\n', Kind.MULTICLASS, "'path' is missing; found 'audio_path'"),
        ('path,split,label,strat\n', Kind.MULTICLASS, "'strat' is unknown. Did you mean 'start'"),
        ('path,split,name\na,train,bob\n', Kind.REGRESSION, 'at least one column of numbers'),
    ],
)
def test_columns(load, text, kind, words):
    assert words in mistakes(load, text, kind)


def test_a_missing_target_column(load):
    text = 'path,split,arousal\na,train,1\n'
    assert "'valence' is missing" in mistakes(load, text, Kind.REGRESSION, targets='valence')


def test_all_mistakes_of_the_lines_at_once(load):
    text = 'path,split,label,start,duration\n'
    text += 'a,train,x,-1,\nb,valid,,x,\n,test,y,0,0\nd,test,y,nan,\nd,test,y,,-3\ne\\f,test,x,,\n'
    found = mistakes(load, text)
    for words in (
        'line 2: start=-1 must be at least 0',
        'line 3: label is empty',
        "line 3: start='x' is not a number of seconds",
        'line 4: path is empty',
        'line 4: duration=0 must be positive',
        "line 5: start='nan' is not a number of seconds",
        'line 6: duration=-3 must be positive',
        "line 6: repeats 'd' of line 5 (path and start); give each line an `id`",
        "line 7: path 'e\\\\f' has backslashes; write /",
    ):
        assert words in found
    assert '9 mistakes' in found


def test_targets_that_are_no_numbers(load):
    text = 'path,split,a\nx,train,1\ny,valid,two\nz,test,inf\n'
    found = mistakes(load, text, Kind.REGRESSION)
    assert "line 3: a='two' is not a finite number" in found
    assert "line 4: a='inf' is not a finite number" in found
    rows = ['{"path": "x", "split": "train", "a": 1}', '{"path": "y", "split": "valid"}']
    found = mistakes(load, '\n'.join(rows), Kind.REGRESSION, name='l.jsonl')
    assert 'line 2: a=None is not a finite number' in found


def test_a_key_that_is_none(load):
    assert "line 3: 'H minor' is no key" in mistakes(
        load, HEAD + 'a,train,C\nb,valid,H minor\n', Kind.KEY
    )


@pytest.mark.parametrize('form', ['NFC', 'NFD'])
def test_accents_on_disk_and_in_the_table_may_be_encoded_differently(load, tmp_path, form):
    name = 'Dvořák – Größe.wav'
    on_disk = tmp_path / unicodedata.normalize(form, name)
    on_disk.write_bytes(b'RIFF')
    for other in ('NFC', 'NFD'):
        text = GOOD.replace('a.wav', unicodedata.normalize(other, name))
        items, _, _ = load(text)
        assert items[0].path.exists()


def lines(**changed):
    """Four good rows of JSONL, the second one with other values."""
    table = [
        {'path': f'{name}.wav', 'split': split, 'label': label}
        for name, split, label in zip('abcd', ('train', 'train', 'valid', 'test'), 'xyxy')
    ]
    return '\n'.join(
        json.dumps({**row, **(changed if k == 1 else {})}) for k, row in enumerate(table)
    )


@pytest.mark.parametrize('value', [['y'], {'y': 1}, float('nan'), True, [[['y']]]])
@pytest.mark.parametrize('column', ['label', 'path', 'id', 'group'])
def test_values_of_json_that_are_no_text(load, column, value):
    text = mistakes(load, lines(**{column: value}), name='labels.jsonl')
    assert f'line 2: {column}=' in text
    assert 'is not text' in text


@pytest.mark.parametrize('value', [['y', None], ['y', ['z']], ['y', True], {'y': 1}, float('nan')])
def test_values_of_json_that_are_no_tags(load, value):
    text = mistakes(load, lines(labels=value), Kind.MULTILABEL, name='labels.jsonl')
    assert 'line 2: labels=' in text
    assert 'is not text' in text


def test_numbers_of_json_are_labels_by_their_digits(load):
    items, labels, _ = load(lines(label=10), name='labels.jsonl')
    assert labels[items[1].target] == '10'


@pytest.mark.parametrize('value', ['1_000', '1e39', 10**400])
def test_numbers_that_no_float_holds(load, value):
    text = lines(arousal=value).replace('"label": "x"', '"arousal": 1')
    text = text.replace('"label": "y"}', '"arousal": 2}')
    assert 'is not a finite number' in mistakes(load, text, Kind.REGRESSION, name='a.jsonl')


def test_accents_of_labels_are_composed(load):
    """What looks like one label is one, however its accents are encoded."""
    rows = zip('abcd', ('train', 'train', 'valid', 'test'), ('caf\u00e9', 'x', 'cafe\u0301', 'x'))
    items, labels, _ = load(HEAD + ''.join(f'{a}.wav,{b},{c}\n' for a, b, c in rows))
    assert labels == ('caf\u00e9', 'x')
    assert [item.target for item in items] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    'two',
    [('Rock', 'rock'), ('1', '1.0'), ('01', '1'), ('hip hop', 'hip-hop'), ('ro\u200bck', 'rock')],
)
def test_labels_that_look_alike_are_remarked(load, two):
    text = GOOD.replace(',x', f',{two[0]}').replace(',y', f',{two[1]}')
    _, labels, notes = load(text)
    assert set(labels) == set(two)
    assert 'labels that look alike are different labels' in notes[0]


@pytest.mark.parametrize('path', ['\0.wav', 'é' * 300 + '.wav'])
def test_names_that_no_file_can_have(load, path):
    text = GOOD.replace('b.wav', path)
    if '\0' in path:
        assert 'has a NUL character' in mistakes(load, text)
    else:
        assert load(text)[0][1].path.name == path
