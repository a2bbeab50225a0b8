"""kill -9 at random points, and other numbers of devices, leave the same store."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.features import store_case

ROOT = Path(__file__).resolve().parents[2]
KILLS = 20


class Runner:
    """Extractions in forks of one helper process."""

    def __init__(self, audio: Path, cache: Path):
        self.audio = audio
        env = os.environ | {'PYTHONPATH': str(ROOT), 'JAX_PLATFORMS': 'cpu'}
        env.pop('JAX_NUM_CPU_DEVICES', None)
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'tests.stages.victim', str(cache)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            cwd=ROOT,
        )

    def __call__(self, store_dir: Path, devices: int = 1, kill_after: float = 0.0) -> int:
        """Runs one extraction, killed if it still runs after a while; returns its wait status."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f'{self.audio}\t{store_dir}\t{devices}\t{kill_after}\n')
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture(scope='module')
def runner(tmp_path_factory):
    audio = tmp_path_factory.mktemp('audio')
    rng = random.Random(7)
    store_case.write_clips(audio, [rng.uniform(0.2, 2.5) for _ in range(30)])
    runner = Runner(audio, tmp_path_factory.mktemp('cache'))
    yield runner
    runner.close()


@pytest.fixture(scope='module')
def undisturbed(runner, tmp_path_factory):
    """The files of a store written in one go by one device, and how long that took."""
    assert runner(tmp_path_factory.mktemp('warm')) == 0  # Includes the helper's imports.
    store_dir = tmp_path_factory.mktemp('undisturbed')
    began = time.monotonic()
    assert runner(store_dir) == 0
    took = time.monotonic() - began
    found = store_case.files(store_case.spec().path(store_dir))
    assert sum(name.endswith('.json') for name in found) > 15, 'many shards are wanted here'
    return found, took


def test_two_devices_write_the_same_bytes(runner, undisturbed, tmp_path):
    assert runner(tmp_path, devices=2) == 0
    assert store_case.files(store_case.spec().path(tmp_path)) == undisturbed[0]


def test_twenty_kills_leave_the_same_bytes(runner, undisturbed, tmp_path):
    expected, longest = undisturbed
    rng = random.Random(0)
    store = store_case.spec().path(tmp_path)
    kills = partial = 0
    for attempt in range(20 * KILLS):
        delay = rng.uniform(0.02, longest)
        status = runner(tmp_path, devices=1 + attempt % 2, kill_after=delay)
        if os.WIFSIGNALED(status):
            kills += 1
            partial += any(store.glob('*.json'))
            longest *= 1.05
        else:  # Done before the kill came: begin anew, and come earlier on a faster machine.
            assert status == 0
            assert store_case.files(store) == expected
            shutil.rmtree(tmp_path)
            tmp_path.mkdir()
            longest *= 0.85
        if kills == KILLS:
            break
    assert kills == KILLS
    assert partial >= KILLS // 4, 'the kills came too early to mean anything'
    assert runner(tmp_path) == 0
    assert store_case.files(store) == expected


def test_sigterm_and_ctrl_c_leave_the_same_bytes(runner, undisturbed, tmp_path):
    """Both end a run at once; what they leave is swept or continued by the next."""
    expected = undisturbed[0]
    audio, store_dir = str(runner.audio), str(tmp_path)
    cut = []
    for number in 4 * (signal.SIGTERM, signal.SIGINT):
        # Where this runs in the background of a shell, its children would ignore Ctrl-C.
        code = (
            'import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); '
            'from tests.stages import victim; victim.run(*sys.argv[1:])'
        )
        process = subprocess.Popen(
            [sys.executable, '-c', code, audio, store_dir, '1'],
            cwd=ROOT,
            env=os.environ | {'JAX_PLATFORMS': 'cpu'},
            stderr=subprocess.DEVNULL,
        )
        shards = store_case.spec().path(tmp_path).glob
        before = len(list(shards('*-0????')))
        deadline = time.monotonic() + 20
        while len(list(shards('*-0????'))) <= before and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(number)
        if process.wait(20) != 0:
            cut.append(number)
        else:  # Done before the signal came: begin anew.
            shutil.rmtree(tmp_path)
            tmp_path.mkdir()
        if {signal.SIGTERM, signal.SIGINT} <= set(cut):
            break
    assert {signal.SIGTERM, signal.SIGINT} <= set(cut)
    assert runner(tmp_path) == 0
    assert store_case.files(store_case.spec().path(tmp_path)) == expected
