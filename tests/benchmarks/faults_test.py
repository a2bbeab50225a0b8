"""The campaign's own parts: it must kill where it says, and see what it is there to see."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults import damage, killing, state

ROOT = Path(__file__).resolve().parents[2]

KILLED = """
import sys
from pathlib import Path
from benchmarks.faults import child
from benchmarks.faults.points import Points, Target, install
from jaxprobe.core import fs

folder = Path(sys.argv[1])
fs.write_bytes(folder / 'a', b'before')
for point, count in (('half written', 1), ('before rename', 1), ('after rename', 2)):
    points = Points(Target('start', point, count), None)
    def work():
        fs.write_bytes(folder / 'a', b'behind')
        fs.write_bytes(folder / 'b', b'behind')
        return 0
    ended = child.Child(work, folder / 'log', lambda: install(points)).wait()
    litter = [p.stat().st_size for p in folder.glob('*.tmp-*')]
    print(ended.killed, (folder / 'a').read_bytes().decode(), (folder / 'b').exists(), litter)
    fs.sweep(folder)
ended = child.Child(lambda: 3, folder / 'log').wait()
print(ended.killed, ended.status)
"""


def python(*arguments, **env):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {'PYTHONPATH': str(ROOT), 'JAX_PLATFORMS': 'cpu'} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_runs_die_at_the_points_they_are_told(tmp_path):
    status, lines, told = python('-c', KILLED, str(tmp_path))
    assert not status, told
    assert lines == [
        'True before False [3]',
        'True before False [6]',
        'True behind True []',
        'False 3',
    ]


def test_every_stage_and_point_gets_its_share():
    rows = [[stage, point, 9] for stage in killing.STAGES for point in 'abc']
    cases = killing.at_points({'clips': rows, 'frames': rows}, 126, random.Random(1))
    assert len(cases) == 42
    assert len({case.name for case in cases}) == 42
    again = killing.at_points({'clips': rows, 'frames': rows}, 126, random.Random(1))
    assert [case.name for case in again] == [case.name for case in cases]


def test_differences_are_told_by_file(tmp_path):
    for slot in ('one', 'two'):
        for name in ('run/results/a.json', 'run/cost.json', 'stores/s/x', 'data/w.wav'):
            path = tmp_path / slot / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('same' if name != 'run/cost.json' else slot)
    whole = state.files(tmp_path / 'one')
    assert state.differences(whole, tmp_path / 'two') == []
    (tmp_path / 'two/run/results/a.json').write_text('other')
    (tmp_path / 'two/run/plan.json.tmp-1').touch()
    (tmp_path / 'two/stores/s/x').unlink()
    assert state.differences(whole, tmp_path / 'two') == [
        'run/plan.json.tmp-1 was added',
        'run/results/a.json differs',
        'stores/s/x is missing',
    ]


def test_a_clear_error_is_one_and_names_the_file():
    assert state.unclear('\nStoreError: shard /a/b is damaged.\n', ('/a/b',)) == ''
    assert state.unclear('\nStoreError: it is damaged.\n', ('/a/b',)) == 'none of /a/b named'
    assert state.unclear('Traceback (most recent call last):\nValueError: x') == 'a traceback'
    assert state.unclear('Killed') == '0 errors'


@pytest.mark.parametrize('how', damage.HOW)
def test_spoiling_changes_a_file(tmp_path, how):
    for seed in range(5):
        path = tmp_path / 'file'
        path.write_bytes(bytes(range(100)))
        damage.spoil(path, how, random.Random(seed))
        found = path.read_bytes()
        assert found != bytes(range(100))
        assert len(found) == 100 or how == 'cut'


@pytest.mark.slow
def test_a_small_campaign(tmp_path):
    status, lines, told = python(
        *('-m', 'benchmarks.faults', '--seed=1', '--kills=3', '--modes=tiny', '--only=points'),
        *('--lanes=1', f'--scratch={tmp_path}'),
        JAXPROBE_CACHE=str(tmp_path / 'cache'),
    )
    assert not status, (lines, told)
    found = json.loads(lines[-1])
    assert (found['seed'], found['violations']) == (1, 0)
    assert found['kills'] >= 3
    assert list(tmp_path.iterdir()) == [tmp_path / 'cache']
