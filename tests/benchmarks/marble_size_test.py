"""The bench of MARBLE's sizes: its numbers are the tasks', and a bare machine can run it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import marble_size, marble_tasks
from jaxprobe.tasks import registry

ROOT = Path(__file__).resolve().parents[2]

# Hides every package that jax, flax, optax, numpy and torch do not need themselves, as on a machine
# that has no others, and runs the bench there.
BARE = """
import importlib.metadata as metadata, re, runpy, sys

def plain(name):
    return re.sub(r'[-_.]+', '-', name).lower()

needed, asked = set(), ['jax', 'flax', 'optax', 'numpy', 'torch']
while asked:
    name = plain(asked.pop())
    if name not in needed:
        needed.add(name)
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        asked += [re.match(r'[\\w.-]+', r).group() for r in requires if 'extra ==' not in r]
hidden = {
    top
    for top, owners in metadata.packages_distributions().items()
    if top not in ('jaxprobe', 'google') and not any(plain(o) in needed for o in owners)
}
assert {'jaxtyping', 'grain', 'array_record', 'soundfile', 'transformers'} <= hidden

class Bare:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, *more):
        top = name.partition('.')[0]
        return None if top in hidden else self.finder.find_spec(name, *more)
    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Bare(finder) for finder in sys.meta_path]
try:
    import jaxtyping
except ModuleNotFoundError:
    sys.argv[1:] = ['--smoke', '--here', '--epochs=1', '--tasks=vocalset_technique']
    runpy.run_module('benchmarks.marble_size', run_name='__main__')
    assert not hidden & {name.partition('.')[0] for name in sys.modules} - {'jaxtyping'}
"""


@pytest.fixture(scope='module')
def bare() -> list[dict]:
    ran = subprocess.run(
        [sys.executable, '-c', BARE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_runs_where_there_is_nothing_but_jax(bare):
    line, total = bare
    assert line['task'] == 'vocalset_technique'
    assert total['total'] == 'all'
    assert total['total_s'] == line['total_s'] > 0


def test_total_is_its_arithmetic(bare):
    parts = bare[0]['arithmetic']
    total = parts['compile'] + parts['setup'] + parts['epochs'] * parts['epoch'] + parts['finish']
    assert parts['epochs'] == 100
    assert bare[0]['total_s'] == pytest.approx(total, rel=0.02)
    assert bare[0]['size']['cells'] == 4 * 6  # Two layers and their sum, six rates, one seed.
    assert bare[0]['measured']['scale'] > 1


@pytest.mark.parametrize('name', marble_tasks.SCRIPTED + marble_tasks.FRAMED)
def test_sizes_are_the_tasks_own(name):
    task, size = registry.build(name), marble_tasks.size(name)
    assert size.outputs == len(task.labels)
    assert size.protocol == task.protocol
    for split, n in task.card.items.items():
        windows = size.windows[split]
        assert windows >= n
        if not size.frames:
            assert len(size.count[split]) == n
    heard = sum(size.windows.values()) * task.protocol.window_seconds / 3600
    # Whole clips and windows: no more than there is, but for partial windows of MTG and Harmonix.
    hours = task.card.hours * (10 / 17 if name == 'vocalset_technique' else 1)  # Of 17 folders, 10.
    assert 0.8 * hours < heard < 1.1 * hours


def test_windows_add_up():
    assert marble_tasks.size('mtg_top50').windows['train'] == 278_000
    assert sum(marble_tasks.size('mtg_top50').windows.values()) == pytest.approx(470_000, rel=0.01)
    assert marble_tasks.size('giantsteps_key').windows == {
        'train': 3687,
        'valid': 942,
        'test': 2406,
    }
    assert marble_tasks.size('gtzan_rhythm').rows['train'] == 442 * 3 * 250


def test_a_part_is_cut_from_the_whole():
    size = marble_tasks.size('mtg_instrument')
    scope = marble_size.Scope(layers=3, width=32, hidden=16, seeds=2)
    full = marble_size.whole(size, scope)
    few = marble_size.part(size, scope, work=1e-4)
    assert few.spec.seeds == 1
    assert few.spec.batch_items == full.spec.batch_items == 64
    assert len(few.splits['train'].first) < len(full.splits['train'].first) == 14395
    assert few.splits['train'].count.mean() == pytest.approx(119_000 / 14395, rel=0.25)
    works = [marble_size.tflop(one, scope) for one in (full, few)]
    assert works[0] / works[1] > 20
    assert 0.3e-4 < works[1] < 3e-4


def test_work_is_that_of_matrix_products():
    size = marble_tasks.size('gtzan_genre')
    scope = marble_size.Scope(layers=2, width=100, hidden=10, seeds=1)
    cells, rows = 3 * 6, 7 * 64
    trained = 2 * (2 * 100 * 10 + 3 * 10 * 10) * rows
    scored = 2 * (100 * 10 + 10 * 10) * 197
    found = marble_size.tflop(marble_size.whole(size, scope), scope)
    assert found == pytest.approx(1e-12 * cells * (trained + scored))


def test_rows_repeat_and_cost_no_memory():
    rows = marble_size.Rows(10**9, marble_size.Scope(layers=2, width=4))
    (found,) = rows.prefetched([np.array([5, 1024 + 5, 7])])
    assert found[4].shape == (3, 2, 4)
    assert np.array_equal(found[4][0], found[4][1])
    assert not np.array_equal(found[4][0], found[4][2])
