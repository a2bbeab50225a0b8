"""The entry point as a user meets it: in a process of its own, with mistakes made on purpose."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jaxprobe import plan as planning
from jaxprobe.__main__ import main
from jaxprobe.core import config
from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.base import load
from jaxprobe.launch import STAGES, run
from jaxprobe.tasks import registry
from jaxprobe.tasks.base import Preparation

ROOT = Path(__file__).resolve().parents[1]
DEMO = '--config=configs/demo.py:smoke'


def launch(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-m', 'jaxprobe.launch', *arguments],
        cwd=ROOT,
        env={**os.environ, 'JAX_PLATFORMS': 'cpu', **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


# The command in forks of one process, which has imported what takes seconds: a line of arguments
# in, the exit status and what was said on stderr out.
FORKS = """
import json, os, sys, tempfile
import jax, jaxprobe.plan
from jaxprobe import launch
for line in sys.stdin:
    with tempfile.TemporaryFile() as said:
        pid = os.fork()
        if not pid:
            os.dup2(said.fileno(), 2)
            sys.argv = ['jaxprobe.launch', *json.loads(line)]
            status = launch.command(sys.argv)
            sys.stderr.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.seek(0)
        answer = [status, said.read().decode()]
    sys.__stdout__.write(json.dumps(answer) + chr(10))
    sys.__stdout__.flush()
"""


@pytest.fixture(scope='module')
def fails():
    """What runs the command that is to fail with a message, and returns the message."""
    process = subprocess.Popen(
        [sys.executable, '-c', FORKS],
        cwd=ROOT,
        env=os.environ | {'JAX_PLATFORMS': 'cpu'},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout

    def ask(*arguments: str) -> str:
        process.stdin.write(json.dumps(arguments) + '\n')
        process.stdin.flush()
        status, said = json.loads(process.stdout.readline())
        assert status == 1, said
        assert 'Traceback' not in said, said
        return said

    yield ask
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_help_shows_worked_examples():
    done = launch('--help')
    assert done.returncode == 0
    assert '--config=configs/demo.py --workdir=runs/demo' in done.stdout
    assert '--stages' in done.stdout


def test_a_mistake_ends_the_process_with_one():
    done = launch()
    assert done.returncode == 1
    assert '--workdir is needed' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((), '--workdir is needed'),
        (('--workdir=x',), '--config is needed'),
        (('--config=configs/demoo.py', '--workdir=x'), "Did you mean 'configs/demo.py'"),
        (('--config=configs/demo.py:smok', '--workdir=x'), "Did you mean 'smoke'"),
        ((DEMO, '--workdir=x', '--config.probe.seed=3'), 'Did you mean probe.seeds'),
        ((DEMO, '--workdir=x', '--config.probe.seeds=many'), 'seeds'),
        (('--config.seed=1', DEMO, '--workdir=x'), 'must come after --config=FILE'),
        ((DEMO, '--workdir=x', '--config.encoder.name=musicn_msd'), "Did you mean 'musicnn_msd'"),
        ((DEMO, '--workdir=x', '--stages=extrakt'), "Did you mean 'extract'"),
        ((DEMO, '--workdir=x', '--worker=1'), 'worker'),
        ((DEMO, '--workdir=x', '--config.encoder.layers=cnn9'), "Did you mean 'cnn3'"),
        ((DEMO, '--workdir=x', '--config.encoder.dtype=float16'), 'not one of float32, bfloat16'),
        ((DEMO, '--workdir=/proc/x'), 'What was finished is kept'),
        ((DEMO, '--workdir=x', 'stray'), "unexpected arguments: ['stray']"),
    ],
)
def test_a_mistake_is_one_message(arguments, message, fails, tmp_path):
    arguments = tuple(a.replace('--workdir=x', f'--workdir={tmp_path}/x') for a in arguments)
    assert message in fails(*arguments)
    assert not (tmp_path / 'x' / 'results').exists()


@pytest.mark.parametrize('name', [pytest.param('muq', marks=pytest.mark.slow), 'demo'])
def test_smoke_from_audio_to_report(name, tmp_path, capsys):
    """The whole path as a user walks it, then `verify`, then the same command again."""
    if name == 'demo':
        published_musicnn()
    arguments = (
        f'--config=configs/{name}.py:smoke',
        f'--workdir={tmp_path}/run',
        f'--config.data_dir={tmp_path}/data',
        '--config.analyse.resamples=50',
    )
    done = launch(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'report: {tmp_path}/run/report/index.html' in done.stdout
    assert 'x real time' in done.stderr
    encoders = {p.name for p in (tmp_path / 'run/results').iterdir()}
    assert encoders >= ({'muq'} if name == 'muq' else {'musicnn_msd', 'random_conformer'})
    assert main(['verify', f'{tmp_path}/run']) == 0
    text = capsys.readouterr().out
    assert 'values agree' in text
    assert 'ok store' in text
    again = launch(*arguments)
    assert again.returncode == 0
    assert 'done before' in again.stdout


def test_the_track_grows_with_the_data(tmp_path, capsys, monkeypatch):
    """Two synthetic stand-ins of MARBLE's tasks; the second one's data arrive after a first run."""
    built = registry.build
    twins = {'gtzan_genre': 'synth_instrument', 'emomusic': 'synth_emotion'}
    late = tmp_path / 'arrived'

    def build(name, options, data_dir):
        if name not in twins:
            return built(name, options, data_dir)
        task = built(twins[name], {'items': (12, 6, 6)})
        absent = Preparation(False, {}, {}, here=('nothing is there',))

        def prepare(data_dir):
            if name == 'emomusic' and not late.exists():
                return absent
            return task.prepare(data_dir)

        return dataclasses.replace(task, name=name, prepare=prepare)

    monkeypatch.setattr(registry, 'build', build)
    c = config.base()
    c.encoder, c.skip_missing = config.encoder('fbank_chroma'), True
    c.tasks = {'gtzan_genre': {}, 'emomusic': {}, 'musdb18': {}}
    c.data_dir, c.probe.learning_rates, c.probe.epochs = str(tmp_path / 'data'), (1e-3,), 2
    c.analyse.resamples = 50
    workdir = tmp_path / 'run'
    found = planning.resolve(c, workdir)
    workdir.mkdir()
    run(found, workdir, list(STAGES))
    text = capsys.readouterr().out
    assert '== skipped emomusic: it needs nothing is there' in text
    assert '== skipped musdb18: it needs ' in text
    page = (workdir / 'report/index.html').read_text()
    assert 'Skipped: 2 whose data or weights' in page
    assert '(1 of 14 tasks)' in page
    late.touch()
    run(planning.resolve(c, workdir), workdir, list(STAGES))
    text = capsys.readouterr().out
    assert 'gtzan_genre done before' in text
    assert 'skipped emomusic' not in text
    assert '(2 of 14 tasks)' in (workdir / 'report/marble.md').read_text()
    costs = (workdir / 'report/cost.csv').read_text().splitlines()
    assert len(costs) == 3
    assert all(float(cost.split(',')[4]) > 0 for cost in costs[1:])
    assert main(['verify', str(workdir)]) == 0


def published_musicnn() -> None:
    """Skips where the wheel with MusiCNN's published weights can neither be found nor fetched."""
    try:
        load('musicnn_msd')
    except WeightsError as error:
        pytest.skip(f'the published MusiCNN weights are not at hand: {error}')
