import dataclasses
import types

import numpy as np
import pytest

from jaxprobe.encoders import base as encoders
from jaxprobe.stages import stores
from jaxprobe.tasks.base import Item
from tests.stages.pipeline_test import make_plan, manifest


@pytest.fixture
def made(tmp_path):
    plan = make_plan(tmp_path, manifest(tmp_path / 'data'))
    return plan, plan.encoders[0].load(0), plan.encoders[0], plan.tasks[0]


def test_batches_hold_about_the_same_audio_whatever_the_window():
    assert stores.batch_windows(0, 30 * 24000, 24000) == 2
    assert stores.batch_windows(0, 3 * 16000, 16000) == 16
    assert stores.batch_windows(0, 160, 16000) == 64
    assert stores.batch_windows(5, 160, 16000) == 5


def test_what_decides_a_store_is_in_its_fingerprint(made):
    plan, encoder, chosen, task = made
    spec = stores.store_spec(encoder, chosen, task, plan)
    assert spec.window_samples == 16000
    changed = [
        stores.store_spec(encoder._replace(weights_sha256='other'), chosen, task, plan),
        stores.store_spec(encoder, dataclasses.replace(chosen, dtype='bfloat16'), task, plan),
        stores.store_spec(encoder, dataclasses.replace(chosen, window_seconds=0.5), task, plan),
    ]
    assert len({spec.fingerprint, *(c.fingerprint for c in changed)}) == 4


def test_clips_carry_the_segment(made):
    plan, _, _, task = made
    (first, *_) = task.items(plan.data_dir)
    cut = dataclasses.replace(first, start=1.5, duration=2.0)
    assert stores.clips_of([cut])[0][1:] == (1.5, 2.0)
    assert stores.of_split([first], 'train') == [first]
    assert encoders.card('fbank_chroma').mix == ()


def test_rows_of_an_items_files_are_the_items_rows(tmp_path):
    """A song in two files: its windows follow each other, whatever lies where in the store."""
    items = [
        Item('a', tmp_path / 'a', 'train', 0),
        Item('b', tmp_path / 'b0', 'train', 1, more=(tmp_path / 'b1', tmp_path / 'b2')),
        Item('c', tmp_path / 'c', 'test', 1, start=1.0),
    ]
    clips = stores.clips_of(items)
    assert [(clip.path.name, clip.start) for clip in clips] == [
        ('a', 0), ('b0', 0), ('b1', 0), ('b2', 0), ('c', 1.0),
    ]  # fmt: skip
    assert stores.clips_per_item(items).tolist() == [1, 3, 1]
    count = np.array([2, 1, 4, 1, 3])
    rows = types.SimpleNamespace(first=np.cumsum(count) - count, count=count)
    first, merged = stores.rows_of.__wrapped__(items, rows)
    assert (first.tolist(), merged.tolist()) == ([0, 2, 8], [2, 6, 3])
