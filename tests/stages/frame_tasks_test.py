"""Tasks of frames from files to results: planned, encoded, probed, scored, shown, verified.

The synthetic twins always, the owners' layouts with the slow tests.
"""

import re

import numpy as np
import pytest
import soundfile

from jaxprobe import plan as planning
from jaxprobe.core import config, fs
from jaxprobe.reports import build, check
from jaxprobe.stages import estimate, pipeline, results, verify
from tests.tasks import trees

RECALL = 'tests.metrics.extra_test:recall_of_beats'
SYNTH = {
    'synth_beats': {'items': (6, 2, 2), 'metrics': RECALL},
    'synth_structure': {'items': (6, 2, 2)},
}
STATISTICS = {'beats': 8, 'frames': 4 * 4 + 3}  # Per item, of which scores are made.


def planned(tasks, folder, **settings):
    """Three epochs at one rate; everything below `folder`."""
    c = config.base()
    c.encoder = config.encoder('fbank_chroma', layers='fbank,concat')
    c.tasks = tasks
    c.data_dir, c.store_dir = str(folder / 'data'), str(folder / 'stores')
    c.probe.learning_rates, c.probe.epochs, c.probe.seeds = (5e-3,), 3, 1
    c.analyse.resamples = 20
    c.update(settings)
    return planning.resolve(c, folder / 'run')


def run(plan, folder):
    (folder / 'run').mkdir()
    for stage in pipeline.STAGES.values():
        stage(plan, folder / 'run', pipeline.Cost(folder / 'run'))
    return {
        task.name: fs.read_json(folder / 'run/results/fbank_chroma' / f'{task.name}.json')
        for task in plan.tasks
    }


def test_synthetic_twins(tmp_path):
    plan = planned(SYNTH, tmp_path)
    text, fits = estimate.estimate(plan, tmp_path / 'run')
    assert fits
    assert 'scores of frames' in text
    assert not (tmp_path / 'stores').exists()
    found = run(plan, tmp_path)
    for task in plan.tasks:
        result = found[task.name]
        assert result['main_score']['metric'] == task.primary
        assert np.isfinite([of['value'] for of in result['metrics'].values()]).all()
        assert result['decoded'] == 'all'
        record = results.read_bank(tmp_path / 'run/results/fbank_chroma', task.name)
        assert record.test_logits.shape[1:] == (2, STATISTICS[task.kind.value])
    assert 0 <= found['synth_beats']['metrics'][RECALL]['value'] <= 1
    assert found['synth_beats']['best_constant'][RECALL] > 0
    check_sizes(text, tmp_path / 'stores')
    build.build([tmp_path / 'run'], tmp_path / 'run/report')
    page = (tmp_path / 'run/report/index.html').read_text()
    assert 'constants are metronomes' in page
    assert 'one of 4 classes for every frame' in page
    said, agrees = verify.verify(tmp_path / 'run', tmp_path / 'stores', check.parts)
    assert agrees, said


def check_sizes(text, stores):
    """What `plan` said of a store of frames before a byte was written is what is there."""
    found = dict(re.findall(r'^(fbank_chroma-\w+) +[\d.]+ +\d+ +([\d.]+)', text, re.MULTILINE))
    assert len(found) == 2
    for name, megabytes in found.items():
        shards = sum(path.stat().st_size for path in (stores / name).glob('*array_record*'))
        assert float(megabytes) < shards / 1e6 < 1.01 * float(megabytes) + 0.2  # And 64 kB blocks.


def sound(path):
    """Twelve seconds of noise of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(sum(map(ord, path.name)))
    soundfile.write(path, 0.1 * random.standard_normal(8000 * 12), 8000)


@pytest.mark.slow
def test_the_owners_layouts(tmp_path):
    trees.gtzan_rhythm(tmp_path / 'data')
    trees.harmonix_set(tmp_path / 'data', sound)
    tasks = {'gtzan_rhythm': {}, 'harmonix_structure': {'window_seconds': 6.0}}
    plan = planned(tasks, tmp_path, limit=4)
    for item in planning.items_of(plan.tasks[0], plan):
        sound(item.path)
    found = run(plan, tmp_path)
    assert found['gtzan_rhythm']['n'] == {'train': 4, 'valid': 4, 'test': 4}
    assert found['harmonix_structure']['n'] == {'train': 2, 'valid': 1, 'test': 3}
    assert found['gtzan_rhythm']['rows'] == {'train': 8, 'valid': 8, 'test': 8}  # 10 s, and 2 s.


def test_the_users_own_sidecars(tmp_path):
    rows = ['path,split,annotation']
    (tmp_path / 'a.txt').write_text('0 quiet\n3 loud\n6 quiet\n10 end\n')
    for k, split in enumerate(('train', 'train', 'valid', 'test')):
        sound(tmp_path / f'{k}.wav')
        rows.append(f'{k}.wav,{split},a.txt')
    trees.text(tmp_path / 'mine.csv', rows)
    options = {'manifest': str(tmp_path / 'mine.csv'), 'kind': 'frames', 'window_seconds': 4.0}
    plan = planned({'own_data': options | {'frame_rate': 5.0}}, tmp_path)
    result = run(plan, tmp_path)['own_data']
    assert result['task']['labels'] == ['loud', 'quiet']
    record = results.read_bank(tmp_path / 'run/results/fbank_chroma', 'own_data')
    assert record.test_targets.tolist() == [[15, 35]]  # Frames of 3 s and 7 s; the rest is not.
