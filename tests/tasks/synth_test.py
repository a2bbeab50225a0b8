import numpy as np
import pytest

from jaxprobe.tasks import registry, synth, synth_words, targets
from jaxprobe.tasks.base import Kind

BUILDERS = {
    'synth_pitch': (synth.pitch, Kind.MULTICLASS, 'accuracy', 12),
    'synth_instrument': (synth.instrument, Kind.MULTICLASS, 'accuracy', 8),
    'synth_key': (synth.key, Kind.KEY, 'weighted_score', 24),
    'synth_tags': (synth.tags, Kind.MULTILABEL, 'roc_auc', 13),
    'synth_emotion': (synth.emotion, Kind.REGRESSION, 'r2', 2),
}


@pytest.mark.parametrize('name', BUILDERS)
def test_builders(name):
    build, kind, primary, outputs = BUILDERS[name]
    task = build(items=(3, 2, 2), seed=1)
    assert (task.name, task.kind, task.primary, len(task.labels)) == (name, kind, primary, outputs)
    assert task.card.folder == synth_words.folder(task.card.name.removeprefix('synth_'), 1)
    assert task.card.hours == pytest.approx(7 * 3.1 / 3600)
    assert task.protocol.window_seconds == 3.0
    assert registry.build(name).card.items == dict(
        zip(('train', 'valid', 'test'), synth.ITEMS, strict=True)
    )


def test_tasks_of_a_collection_share_audio_and_splits(tmp_path):
    tasks = [registry.build(f'synth_{name}', {'items': (5, 2, 2)}) for name in ('key', 'emotion')]
    for task in tasks:
        assert task.prepare(tmp_path).usable
    key, mood = (task.items(tmp_path) for task in tasks)
    assert [(i.id, i.path, i.split, i.group) for i in key] == [
        (i.id, i.path, i.split, i.group) for i in mood
    ]
    numbers = targets.encode(tasks[1], mood)
    assert numbers.shape == (9, 2)
    assert np.isfinite(numbers).all()


def test_seeds_are_different_collections(tmp_path):
    items = []
    for seed in (0, 1):
        task = registry.build('synth_pitch', {'items': (3, 2, 2), 'seed': seed})
        task.prepare(tmp_path)
        items.append(task.items(tmp_path))
    first, second = (item[0].path.read_bytes() for item in items)
    assert first != second


def test_a_second_prepare_writes_nothing(tmp_path):
    task = registry.build('synth_tags', {'items': (4, 3, 3)})
    first, second = task.prepare(tmp_path), task.prepare(tmp_path)
    assert first.here[0] == '10 clips written, 0 were there'
    assert second.here[0] == '0 clips written, 10 were there'
    assert first.split_sha256 == second.split_sha256
