"""MARBLE's clip-level tasks from the owners' files to results: decoded, encoded, probed, scored.

One task of each kind and decoder always, the others with the slow tests: a bank is compiled for
each.
"""

import numpy as np
import pytest
import soundfile

from jaxprobe import plan as planning
from jaxprobe.core import config, fs
from jaxprobe.stages import pipeline, results
from jaxprobe.tasks import registry
from tests.tasks import trees

ALWAYS = ('giantsteps_key', 'emomusic', 'mtg_moodtheme', 'vocalset_technique')
OTHERS = tuple(
    name
    for name in trees.LAY
    if name not in (*ALWAYS, 'gtzan_genre') and not registry.build(name).kind.framewise
)
WINDOWS = {'emomusic': 2}  # Two seconds of audio; one in all others.


def sound(path):
    """Noise of its own, in the format the owner uses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = 2 if 'clips_45seconds' in path.parts else 1
    random = np.random.RandomState(sum(map(ord, str(path.name))))
    wave = 0.1 * random.standard_normal(16000 * seconds)
    soundfile.write(path, wave, 16000, format=path.suffix[1:].upper())


def run(names, folder):
    """The tasks in one run, at their protocols but for the window and three epochs."""
    for lay in dict.fromkeys(trees.LAY[name] for name in names):
        lay(folder / 'data', sound)
    c = config.base()
    c.encoder = config.encoder('fbank_chroma', window_seconds=1.0)
    c.tasks = {name: {} for name in names}
    c.data_dir, c.store_dir = str(folder / 'data'), str(folder / 'stores')
    c.limit = 20
    c.probe.learning_rates, c.probe.epochs, c.probe.seeds = (1e-3,), 3, 1
    c.analyse.resamples = 20
    plan = planning.resolve(c, folder / 'run')
    (folder / 'run').mkdir()
    for stage in pipeline.STAGES.values():
        stage(plan, folder / 'run', pipeline.Cost(folder / 'run'))
    return plan.tasks


def check(task, folder):
    """There is a result, it stands on every item of the tree, and says by which split."""
    result = fs.read_json(folder / 'run/results/fbank_chroma' / f'{task.name}.json')
    assert result['main_score']['metric'] == task.primary
    assert np.isfinite(result['main_score']['value'])
    assert min(result['n'].values()) > 0
    assert sum(map(len, result['missing'].values())) == 0
    assert result['task']['split_source'] == task.card.split_source
    record = results.read_bank(folder / 'run/results/fbank_chroma', task.name)
    assert record.test_logits.shape[1:] == (result['n']['test'], len(task.labels))
    items = sum(result['n'].values())
    assert sum(record.meta['rows'].values()) == items * WINDOWS.get(task.name, 1)


@pytest.mark.parametrize('names', [ALWAYS, pytest.param(OTHERS, marks=pytest.mark.slow)])
def test_from_the_owners_files_to_results(names, tmp_path):
    tasks = run(names, tmp_path)
    assert {task.name for task in tasks} == set(names)
    for task in tasks:
        check(task, tmp_path)
