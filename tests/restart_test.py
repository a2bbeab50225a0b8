"""Interrupted anywhere, the same command continues, and the results files are identical."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxprobe.stages import results
from tests.stages.pipeline_test import contents, manifest

ROOT = Path(__file__).resolve().parents[1]


ALONE = (sys.executable, '-m', 'jaxprobe.launch')
TOGETHER = (str(ROOT / 'launch' / 'local.sh'), '2')
# Of a run of seconds much is compiling: no program twice, however small.
CACHED = {
    'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
    'JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES': '-1',
}


def start(
    folder: Path, name: str, cache: Path, by: tuple[str, ...] = ALONE, more: tuple[str, ...] = ()
) -> subprocess.Popen:
    """Starts a small run of its own working directory and store."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(('SLURM_', 'JAX_'))}
    mine = {'JAXPROBE_CACHE': str(cache), 'JAX_PLATFORMS': 'cpu', 'PYTHON': sys.executable}
    return subprocess.Popen(
        [
            *by,
            '--config=configs/own_data.py',
            f'--workdir={folder}/{name}/run',
            f'--config.manifest={folder}/data/labels.csv',
            f'--config.store_dir={folder}/{name}/stores',
            '--config.encoder.name=toy_conformer',
            '--config.beside.fbank_chroma.window_seconds=1.0',
            '--config.encoder.window_seconds=1.0',
            '--config.extract.shard_minutes=0.05',
            '--config.probe.epochs=12',
            '--config.probe.seeds=2',
            '--config.probe.learning_rates=(1e-3,1e-2)',
            '--config.probe.checkpoint_minutes=1e-4',
            '--config.analyse.resamples=50',
            '--stages=prepare,extract,probe,analyse',
            *more,
        ],
        cwd=ROOT,
        env=kept | mine | CACHED,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp('restart')
    manifest(folder / 'data')
    for name in ('warm', 'whole'):  # The first run fills the compilation cache.
        began = time.monotonic()
        process = start(folder, name, folder / 'cache')
        text, _ = process.communicate(timeout=240)
        assert process.returncode == 0, text
    return folder, contents(folder / 'whole' / 'run'), time.monotonic() - began


def test_two_whole_runs_write_the_same_results(undisturbed):
    folder, whole, _ = undisturbed
    assert contents(folder / 'warm' / 'run') == whole


def test_killed_and_continued(undisturbed):
    """Two kills at random moments of a run, then the same command once more."""
    folder, whole, longest = undisturbed
    moments = random.Random(5)
    cut = 0
    for _ in range(12):
        process = start(folder, 'cut', folder / 'cache')
        try:
            process.wait(moments.uniform(0.4, 0.9) * longest)
            assert contents(folder / 'cut' / 'run') == whole
            shutil.rmtree(folder / 'cut')  # Done before the kill came: begin anew.
            longest *= 0.8
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            cut += 1
        process.communicate()
        if cut == 2:
            break
    assert cut == 2
    process = start(folder, 'cut', folder / 'cache')
    text, _ = process.communicate(timeout=240)
    assert process.returncode == 0, text
    assert contents(folder / 'cut' / 'run') == whole


def test_two_processes_write_what_one_writes(undisturbed):
    """At first they train banks together, which changes no more than last digits. In the second
    bank one of them is killed; both end, and the same command continues, each with its own banks.
    """
    folder, whole, _ = undisturbed
    spread = ('--config.probe.spread=always',)
    process = start(folder, 'two', folder / 'cache', TOGETHER, spread)
    assert process.stdout
    for line in process.stdout:
        if 'fbank_chroma / own_data: training' in line:
            break
    found = subprocess.run(
        ['pkill', '-KILL', '-f', f'process=1 .*--workdir={folder}/two/run'], check=False
    )
    assert found.returncode == 0
    # The other is told to end, and does: without, it would wait a minute for a sign of life.
    process.communicate(timeout=30)
    assert process.returncode != 0
    two, one = (folder / name / 'run/results/toy_conformer' for name in ('two', 'whole'))
    check_alike(*(results.read_bank(each, 'own_data') for each in (two, one)))
    shutil.rmtree(two)
    process = start(folder, 'two', folder / 'cache', TOGETHER)
    text, _ = process.communicate(timeout=240)
    assert process.returncode == 0, text
    assert contents(folder / 'two' / 'run') == whole


def check_alike(one: results.BankRecord, two: results.BankRecord) -> None:
    """DESIGN 4.4: the same best epochs, and scores that differ by less than any could matter."""
    np.testing.assert_array_equal(one.best_epoch, two.best_epoch)
    np.testing.assert_array_equal(one.epochs_run, two.epochs_run)
    for name in ('valid_logits', 'test_logits', 'mix_weights', 'best_monitor'):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=0, atol=2e-6)


@pytest.mark.parametrize('kind', [signal.SIGTERM, signal.SIGINT])
def test_a_polite_interruption_says_how_to_continue(undisturbed, kind):
    folder, _, took = undisturbed
    process = start(folder, f'polite-{kind.name}', folder / 'cache')
    deadline = time.monotonic() + took
    assert process.stdout
    for line in process.stdout:  # The handlers are there once the first stage says so.
        if line.startswith('== prepare') or time.monotonic() > deadline:
            break
    os.kill(process.pid, kind)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130, text
    assert 'the same command continues from here' in text
    assert 'Traceback' not in text
