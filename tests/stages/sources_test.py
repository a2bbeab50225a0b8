"""Collections of others, mir_ref's protocol and a user's metric, from files on disk to results."""

import sys

import numpy as np
import pytest
import soundfile

from jaxprobe import plan as planning
from jaxprobe.core import config, fs
from jaxprobe.core.errors import ConfigError
from jaxprobe.metrics import extra
from jaxprobe.stages import pipeline, verify
from tests.stages.clip_tasks_test import sound
from tests.tasks import tfds_made, trees

METRIC = """
from sklearn.metrics import balanced_accuracy_score

def balanced(reference, scores):
    return balanced_accuracy_score(reference, scores.argmax(axis=1))
"""
MINE = 'my_probe_metrics:balanced'


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The user's own module; forgotten afterwards."""
    (tmp_path / 'code').mkdir()
    file = tmp_path / 'code/my_probe_metrics.py'
    file.write_text(METRIC)
    monkeypatch.syspath_prepend(tmp_path / 'code')
    yield file
    sys.modules.pop('my_probe_metrics', None)
    extra._users.cache_clear()


def make_plan(folder, tasks):
    c = config.base()
    c.encoder = config.encoder('fbank_chroma', window_seconds=1.0)
    c.tasks = tasks
    c.data_dir, c.store_dir = str(folder / 'data'), str(folder / 'stores')
    c.probe.epochs, c.probe.seeds, c.analyse.resamples = 3, 1, 20
    return planning.resolve(c, folder / 'run')


def run(plan, workdir):
    workdir.mkdir(exist_ok=True)
    for stage in pipeline.STAGES.values():
        stage(plan, workdir, pipeline.Cost(workdir))


def test_from_disk_to_results(tmp_path, mine):
    tfds_made.nsynth(tmp_path / 'data', notes=(12, 6, 6), samples=16000)
    trees.beatport(tmp_path / 'data', sound)
    tasks = {
        'tfds:nsynth': {'label': 'instrument/family', 'metrics': MINE, 'protocol': 'mir_ref'},
        'beatport_key': {'protocol': 'mir_ref', 'hidden': '16'},
    }
    plan = make_plan(tmp_path, tasks)
    run(plan, tmp_path / 'run')
    results = tmp_path / 'run/results/fbank_chroma'
    notes = fs.read_json(results / 'tfds_nsynth_instrument_family.json')
    assert set(notes['metrics']) == {'accuracy', 'macro_f1', 'micro_f1', MINE}
    assert notes['rates']['learning_rates'] == [1e-3]
    assert notes['protocol']['l2'] == 1e-5
    assert notes['protocol']['aggregation'] == 'embeddings'
    assert notes['selected']['by'] == 'valid/accuracy'
    assert notes['task']['metric_sources'] == {MINE: fs.sha256(mine)}
    assert notes['per_label']['labels'] == ['bass', 'brass', 'flute']
    assert notes['n'] == {'train': 12, 'valid': 6, 'test': 6}
    keys = fs.read_json(results / 'beatport_key.json')
    assert {'macro_weighted_score', 'micro_f1', 'macro_f1'} <= set(keys['metrics'])
    assert keys['best_constant']['macro_weighted_score'] > 0
    text, ok = verify.verify(tmp_path / 'run')
    assert ok, text

    mine.write_text(METRIC + '\n# edited\n')
    text, ok = verify.verify(tmp_path / 'run')
    assert not ok
    assert f'metric {MINE}: source sha256 stored' in text


def test_a_metric_that_cannot_be_scored_dies_before_training(tmp_path, mine):
    mine.write_text('def balanced(reference, scores):\n    return scores[0]\n')
    for k in range(12):
        trees.blank(tmp_path / 'data' / f'{k}.wav')
        soundfile.write(
            tmp_path / 'data' / f'{k}.wav', np.random.RandomState(k).randn(16000), 16000
        )
    rows = [f'{k}.wav,{("train", "valid", "test")[k % 3]},{k // 3 % 2}' for k in range(12)]
    manifest = tmp_path / 'data/labels.csv'
    manifest.write_text('\n'.join(['path,split,label', *rows]))
    plan = make_plan(tmp_path, {'own_data': {'manifest': str(manifest), 'metrics': MINE}})
    with pytest.raises(ConfigError, match='must return one number'):
        run(plan, tmp_path / 'run')
    assert not list((tmp_path / 'run').rglob('*.npz'))


@pytest.mark.slow
def test_mirdata_from_disk_to_results(tmp_path):
    pytest.importorskip('mirdata')
    trees.tinysol_notes(tmp_path / 'data', sound)
    names = sorted((tmp_path / 'data/tinysol/audio').rglob('*.wav'))
    where = {p.stem: str(p.relative_to(tmp_path / 'data/tinysol')) for p in names}
    tracks = {name: {'audio': [path, '0' * 32]} for name, path in where.items()}
    fs.write_json(tmp_path / 'index.json', {'version': '6.0', 'tracks': tracks})
    options = {'index': str(tmp_path / 'index.json'), 'split': 'random'}
    plan = make_plan(tmp_path, {'mirdata:tinysol/instrument_full': options})
    run(plan, tmp_path / 'run')
    result = tmp_path / 'run/results/fbank_chroma/mirdata_tinysol_instrument_full.json'
    assert fs.read_json(result)['n'] == {'train': 16, 'valid': 2, 'test': 2}
