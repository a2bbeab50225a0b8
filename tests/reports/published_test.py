import csv
import io

import pytest

from jaxprobe.literature import table
from jaxprobe.reports import marble, published
from jaxprobe.reports.read import Result
from tests.reports.marble_test import track

ONE = {
    'paper': 'Zhou et al. 2025', 'table': 'fig2a', 'encoder': 'MusicFM', 'variant': 'layer7',
    'task': 'gtzan_genre', 'metric': 'accuracy', 'source': 'block7', 'published': 0.821,
    'ours': 0.80, 'difference': -0.021, 'ci95': [0.75, 0.85], 'inside': True,
    'footnotes': ['one run', 'no rule'],
}  # fmt: skip
FAR = ONE | {'variant': 'layer8', 'published': 0.5, 'inside': False, 'footnotes': ['one run']}


def result(found, *, encoder='musicfm_msd', task='gtzan_genre', rows=(), **changes):
    """A planted result under the names of a paper's encoder and task."""
    data = found[0].data | {'published': list(rows)} | changes
    data |= {'encoder': data['encoder'] | {'name': encoder}}
    data |= {'task': data['task'] | {'name': task, 'metrics': ['accuracy']}}
    return Result(encoder, task, found[0].workdir, data)


def test_rows_are_those_of_the_results(found):
    (first, second) = published.rows([result(found, rows=[ONE, FAR])])
    assert (first['published'], first['ours'], first['inside']) == (0.821, 0.80, 1)
    assert (second['inside'], second['footnotes']) == (0, 'one run')
    text = published.files([result(found, rows=[ONE, FAR])])['published.csv']
    assert [row['variant'] for row in csv.DictReader(io.StringIO(text))] == ['layer7', 'layer8']


def test_footnotes_are_numbered_once(found):
    page = published.markdown([result(found, rows=[ONE, FAR])])
    lines = [line for line in page.splitlines() if line.startswith('| musicfm_msd')]
    assert lines[0].endswith('| yes | 1, 2 |')
    assert lines[1].endswith('| **no** | 1 |')
    assert '1. one run\n2. no rule' in page


def test_what_is_left_out_says_why(found):
    control = result(found, random_weights=True)
    ((encoder, task, paper, why, count),) = published.left_out([control])
    assert (encoder, task, paper) == ('musicfm_msd', 'gtzan_genre', 'Zhou et al. 2025')
    assert (why, count) == ('random weights', 14)
    assert 'random weights' in published.files([control])['published.md']
    assert 'published.csv' not in published.files([control])
    reasons = {why for *_, why, _ in published.left_out([result(found)])}
    assert 'layer 12 is not probed here' in reasons
    assert published.files([result(found, encoder='my_model')]) == {}


def test_marbles_average_is_beside_that_of_a_whole_track():
    whole = track('mert_v1_95m', 0.6, musdb18=5.0)
    for r in whole:
        r.data['encoder']['name'] = 'mert_v1_95m'
    (row,) = published.averages(whole)
    (one,) = marble.summaries(whole)
    assert (row['published'], row['table']) == (63.3, 'table6.3')
    assert row['difference'] == pytest.approx(one.average - 63.3)
    assert published.averages(whole[:-1]) == []


def test_every_average_of_the_papers_has_an_encoder_of_ours():
    rows = [r for r in table.rows() if r.task == 'average' and 'SOTA' not in r.encoder]
    names = [published.match.encoder(row) for row in rows]
    assert len(names) == 5
    assert all(names)
