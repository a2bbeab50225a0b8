import json

import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.tasks import mt, registry


def table(folder, name, lines):
    path = folder / f'mt/{name}.csv'
    path.parent.mkdir(exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')


def labels(folder, name, options=None):
    task = registry.build(name, options)
    return {item.id: task.labels[item.target] for item in task.items(folder)}


@pytest.mark.parametrize(
    ('name', 'cases'),
    [
        ('mt_mpc', {'1,1': 'non-preferred', '1,2': 'preferred', '0,2': 'non-preferred'}),
        ('mt_rd', {'0,1': 'rap', '0,2': 'mix', '2,1': 'non-rap', '1,1': 'mix', '2,2': 'non-rap'}),
        ('mt_sqc', {'0,1': 'bad', '1,1': 'good', '0,0': 'bad'}),
    ],
)
def test_rules(tmp_path, name, cases):
    rows = [f'{k}.wav,{answers}' for k, answers in enumerate(cases)]
    table(tmp_path, name[3:], ['path,rating_1,rating_2', *rows])
    assert list(labels(tmp_path, name).values()) == list(cases.values())


def test_the_bounds_of_mix_are_the_papers(tmp_path):
    thirds = ['path,rating', *(f'a.wav,{r}' for r in (0, 1, 1)), *(f'b.wav,{r}' for r in (2, 1, 1))]
    table(tmp_path, 'rd', thirds)  # Means 0.667 < 0.67 and 1.333 < 1.34.
    assert labels(tmp_path, 'mt_rd') == {'a.wav': 'rap', 'b.wav': 'mix'}
    assert labels(tmp_path, 'mt_rd', {'low': 0.5, 'high': 1.3})['b.wav'] == 'non-rap'


def test_rows_or_columns(tmp_path):
    table(tmp_path, 'mpc', ['path,who,rating', 'a.wav,x,2', 'b.wav,x,0', 'a.wav,y,1', 'b.wav,y,'])
    by_row = labels(tmp_path, 'mt_mpc')
    table(tmp_path, 'mpc', ['path,ann,bob', 'a.wav,2,1', 'b.wav,0,'])
    assert labels(tmp_path, 'mt_mpc', {'raters': 'ann, bob'}) == by_row
    assert by_row == {'a.wav': 'preferred', 'b.wav': 'non-preferred'}


def test_the_papers_rule_for_sound_is_refused_with_its_reason():
    with pytest.raises(ConfigError, match='no mean is over 1 and every sample would be bad'):
        registry.build('mt_sqc', {'threshold': 1})
    assert any('over 1, which none is' in text for text in mt.sqc().card.departures)


@pytest.mark.parametrize(
    ('name', 'options', 'message'),
    [
        ('mt_mpc', {'threshold': 2}, 'under 2'),
        ('mt_rd', {'low': 1.5}, 'is over high'),
        ('mt_sqc', {'threshold': -0.1}, 'at least 0'),
    ],
)
def test_thresholds(name, options, message):
    with pytest.raises(ConfigError, match=message):
        registry.build(name, options)


def test_splits_by_rule_or_by_column(tmp_path):
    rows = [f'{k}.wav,artist{k // 4},{k % 3}' for k in range(400)]
    table(tmp_path, 'mpc', ['path,group,rating', *rows])
    items = registry.build('mt_mpc').items(tmp_path)
    counts = {s: sum(i.split == s for i in items) for s in ('train', 'valid', 'test')}
    assert counts['train'] > 2 * counts['valid'] > 60
    assert len({(i.group, i.split) for i in items}) == 100  # No group in two parts.
    assert [mt.split_of(name) for name in ('artist0', 'artist3')] == [
        next(i.split for i in items if i.group == name) for name in ('artist0', 'artist3')
    ]
    table(tmp_path, 'mpc', ['path,split,rating', 'a.wav,valid,1', 'b.wav,test,2'])
    assert [i.split for i in registry.build('mt_mpc').items(tmp_path)] == ['valid', 'test']


def test_all_mistakes_in_one_message(tmp_path):
    rows = [
        'a.wav,train,3',
        ',train,1',
        'b.wav,dev,1',
        'c.wav,train,',
        'd.wav,train,x',
        'a.wav,test,1',
    ]
    table(tmp_path, 'mpc', ['path,split,rating', *rows])
    with pytest.raises(DataError) as error:
        registry.build('mt_mpc').items(tmp_path)
    text = str(error.value)
    for part in (
        "line 2: rating='3' is not a rating from 0 to 2",
        'line 3: path is empty',
        "line 4: split 'dev'",
        "line 5: 'c.wav' has no rating",
        "line 6: rating='x'",
        "line 7: 'a.wav' differs from line 2 in more than ratings",
    ):
        assert part in text


def test_columns(tmp_path):
    table(tmp_path, 'mpc', ['path,score', 'a.wav,1'])
    with pytest.raises(DataError, match='no column of ratings'):
        registry.build('mt_mpc').items(tmp_path)
    with pytest.raises(DataError, match="column 'ann' is missing"):
        registry.build('mt_mpc', {'raters': 'ann'}).items(tmp_path)


def test_a_table_of_json_lines_elsewhere(tmp_path):
    path = tmp_path / 'mine.jsonl'
    path.write_text('\n'.join(json.dumps({'path': f'{k}.wav', 'rating_a': k}) for k in range(3)))
    found = labels(tmp_path / 'nowhere', 'mt_mpc', {'ratings': str(path)})
    assert list(found.values()) == ['non-preferred', 'non-preferred', 'preferred']
    with pytest.raises(DataError, match='The data of the paper are private'):
        registry.build('mt_mpc').items(tmp_path / 'nowhere')
