import csv
from pathlib import Path

import pytest

from jaxprobe.core import fs
from jaxprobe.reports import marble
from jaxprobe.reports.read import Result
from jaxprobe.tasks import registry

NAMES = {'accuracy': 'acc', 'weighted_score': 'refined_acc', 'beat_f': 'beat_f1'}


def result(encoder, task, workdir=Path('run'), **scores: float | None):
    data = {
        'encoder': {'label': encoder},
        'task': {'name': task},
        'metrics': {metric: {'value': value} for metric, value in scores.items()},
        'rows': {'train': 60, 'valid': 20, 'test': 20},
        'store': {'dir': f'{encoder}-0123'},
    }
    return Result(encoder, task, workdir, data)


def track(encoder, value=0.5, **changes):
    """A result of every task, all metrics of one value."""
    return [
        result(encoder, task, **{m: changes.get(task, value) for m in metrics})
        for task, metrics in marble.TRACK.items()
    ]


def test_the_track_is_of_registered_tasks_and_their_metrics():
    assert len(marble.TRACK) == 14
    for name, metrics in marble.TRACK.items():
        assert set(metrics) <= set(registry.build(name).metrics)


def test_the_published_averages_follow_from_the_published_rows(shared):
    """All six of the thesis's table 6.3; its rows are rounded to a tenth."""
    with open(shared / 'spec/published_results.csv') as file:
        rows = [r for r in csv.DictReader(file) if r['source'].startswith('yuan2023_marble')]
    averages = {r['encoder']: float(r['value']) for r in rows if r['task'] == 'average'}
    assert len(averages) == 6
    for encoder, printed in averages.items():
        own = {(r['task'], r['metric']): float(r['value']) for r in rows if r['encoder'] == encoder}
        found = []
        for task, metrics in marble.TRACK.items():
            values = {m: own[task, NAMES.get(m, m)] for m in metrics}
            scale = 1 if task == 'musdb18' else 100
            one = {m: v / scale for m, v in values.items()}
            found.append(result(encoder, task, Path('run'), **one))
        (one,) = marble.summaries(found)
        assert one.average == pytest.approx(printed, abs=0.0601)
        assert marble.average(one) == f'{one.average:.1f}'


def test_a_task_of_two_metrics_counts_once():
    found = track('a', 0.5, musdb18=50.0)
    found[0] = result('a', 'magnatagatune', roc_auc=1.0, ap=0.5)
    (one,) = marble.summaries(found)
    assert one.tasks['magnatagatune'] == 75.0
    assert one.average == pytest.approx((13 * 50 + 75) / 14)


def test_a_missing_task_is_a_dash_and_the_average_says_so():
    found = [*track('a', 0.5, musdb18=50.0), *track('b')[:3]]
    found.append(result('b', 'emomusic', r2_arousal=0.5, r2_valence=None))
    whole, part = marble.summaries(found)
    assert marble.average(whole) == '50.0'
    assert marble.average(part) == '50.0* (3 of 14 tasks)'
    assert marble.scores(part, 'musdb18') == '-'
    assert marble.scores(part, 'emomusic') == '- / 50.0'
    rows = marble.rows(found)
    assert rows[1]['musdb18/sdr_bass'] is None
    assert (rows[1]['tasks'], rows[1]['of']) == (3, 14)
    assert '50.0* (3 of 14 tasks)' in marble.markdown(found)


def test_other_tasks_make_no_summary():
    assert marble.summaries([result('a', 'synth_key', accuracy=1.0)]) == []


def test_trials_and_controls_are_marked():
    one = result('a', 'gtzan_genre', accuracy=0.5)
    one.data.update(limit=5, random_weights=True)
    (found,) = marble.summaries([one])
    assert marble.name(found) == 'a (random weights, a trial on part of the data)'


def test_costs_are_those_of_this_machine_beside_a_week(tmp_path):
    part = {'encoded_windows': 1000, 'encoding_wall_seconds': 500.0}
    parts = {'extract/a-0123': part, 'probe/a/gtzan_genre': {'seconds': 10.0}}
    fs.write_json(tmp_path / 'cost.json', {'parts': parts, 'host': 'here', 'device': '1 x cpu'})
    found = [result('a', 'gtzan_genre', tmp_path), result('a', 'synth_key', tmp_path)]
    genre, other = marble.cost_rows(found)
    assert (genre['extraction_seconds'], genre['probing_seconds']) == (50.0, 10.0)
    assert genre['share_of_a_week'] == pytest.approx(60 / 604800, rel=1e-2)
    assert genre['device'] == '1 x cpu'
    assert (other['probing_seconds'], other['share_of_a_week']) == (None, None)
    assert marble.cost_rows([result('a', 'gtzan_genre', tmp_path / 'no')])[0]['host'] == ''


def test_skipped_tasks_are_read(tmp_path):
    fs.write_json(tmp_path / 'skipped.json', {'musdb18': 'stems'})
    assert marble.skipped([tmp_path, tmp_path / 'no']) == {'musdb18': 'stems'}
