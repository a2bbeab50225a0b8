"""The submit scripts of `launch/`, run with stand-ins for the programs that they call."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / 'launch').iterdir())

# Says what it was called with, and ends as its name in FAILING asks for.
PYTHON = """#!/usr/bin/env bash
echo "gpus=${CUDA_VISIBLE_DEVICES-none} $*" >> "$CALLS"
for last; do :; done
[[ $* == *"--process=${FAILING:-none}"* ]] && exit 7
if [[ ${FAILING:-} ]]; then exec sleep 60; fi
"""
SMI = """#!/usr/bin/env bash
printf '0\\n1\\n2\\n'
"""
# A pod: the states it reports, and what its first worker says of the run, come from files, one
# line a question. A command for all workers fails where it fails on one, as gcloud's does.
GCLOUD = """#!/usr/bin/env bash
echo "$*" | tr '\\n' ' ' >> "$CALLS"; echo >> "$CALLS"
case "$*" in
  *describe*) head -n 1 "$STATES"; sed -i 1d "$STATES" ;;
  *worker=0*'cat ~/run.status'*)
    said=$(head -n 1 "$STATES.said"); sed -i 1d "$STATES.said"
    [[ $said == unreachable ]] && exit 255
    echo "$said" ;;
esac
"""


@pytest.fixture
def run(tmp_path):
    def start(script, *arguments, **environ):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(('CUDA_', 'SLURM_'))}
        path = f'{tmp_path}:{kept["PATH"]}'
        mine = {'CALLS': str(tmp_path / 'calls'), 'STATES': str(tmp_path / 'states'), 'PATH': path}
        return subprocess.run(
            ['bash', str(ROOT / 'launch' / script), *arguments],
            env=kept | mine | environ,
            capture_output=True,
            text=True,
            timeout=50,
        )

    for name, text in {'fake': PYTHON, 'gcloud': GCLOUD, 'sleep': '#!/bin/bash\n'}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return start


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_shellcheck(script):
    beside = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    program = shutil.which('shellcheck', path=beside)
    if program is None:
        pytest.skip('shellcheck is not installed: the scripts are not linted')
    found = subprocess.run([program, str(script)], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_without_arguments_it_says_how(script, run):
    found = run(script.name)
    assert found.returncode == 2
    assert f'launch/{script.name}' in found.stderr
    assert '--workdir' in found.stderr
    assert '#!' not in found.stderr


def test_local_shares_the_gpus(run, tmp_path):
    (tmp_path / 'nvidia-smi').write_text(SMI)
    (tmp_path / 'nvidia-smi').chmod(0o755)
    found = run('local.sh', '2', '--config=a b.py', '--workdir=w', PYTHON='fake', PORT='1234')
    assert found.returncode == 0, found.stderr
    shared = '--coordinator=localhost:1234 --processes=2'
    assert sorted((tmp_path / 'calls').read_text().splitlines()) == [
        f'gpus=0,2 -m jaxprobe.launch {shared} --process=0 --config=a b.py --workdir=w',
        f'gpus=1 -m jaxprobe.launch {shared} --process=1 --config=a b.py --workdir=w',
    ]


def test_local_takes_the_gpus_it_was_given_and_no_more(run, tmp_path):
    (tmp_path / 'nvidia-smi').write_text(SMI)
    (tmp_path / 'nvidia-smi').chmod(0o755)
    found = run('local.sh', '2', '--config=a', PYTHON='fake', CUDA_VISIBLE_DEVICES='5,7')
    assert found.returncode == 0, found.stderr
    calls = sorted((tmp_path / 'calls').read_text().splitlines())
    assert [line.split()[0] for line in calls] == ['gpus=5', 'gpus=7']
    found = run('local.sh', '4', '--config=a', PYTHON='fake')
    assert found.returncode == 2
    assert '4 processes for 3 GPUs' in found.stderr


def test_local_without_gpus_names_none(run, tmp_path):
    found = run('local.sh', '1', '--config=a', PYTHON='fake', PATH=f'{tmp_path}:/usr/bin:/bin')
    assert found.returncode == 0, found.stderr
    assert (tmp_path / 'calls').read_text().startswith('gpus=none ')


@pytest.mark.parametrize('failing', ['0', '2'])
def test_local_ends_all_when_one_fails(run, tmp_path, failing):
    (tmp_path / 'sleep').unlink()  # The others really wait.
    began = time.monotonic()
    found = run('local.sh', '3', '--config=a', PYTHON='fake', FAILING=failing)
    assert found.returncode == 7
    assert time.monotonic() - began < 30


def test_slurm_starts_tasks_by_srun(run):
    found = run('slurm.sbatch', '--config=a', '--workdir=w', DRY_RUN='1')
    assert found.stdout.split() == [
        *('srun', '--kill-on-bad-exit=1', 'python', '-m', 'jaxprobe.launch'),
        *('--config=a', '--workdir=w'),
    ]


def pod(run, tmp_path, states, said):
    (tmp_path / 'states').write_text('\n'.join(states) + '\n')
    (tmp_path / 'states.said').write_text('\n'.join(said) + '\n')
    found = run(
        *('tpu_pod.sh', '--config=a', '--workdir=/mnt/a b'),
        NAME='probe',
        ZONE='z',
        TYPE='v5litepod-16',
    )
    calls = (tmp_path / 'calls').read_text()
    return found, calls, [line for line in calls.splitlines() if 'jaxprobe.launch' in line]


def test_tpu_pod_survives_a_preemption(run, tmp_path):
    # Asked for; there; taken away while it runs; asked for again; there; finished.
    states = ['', 'WAITING_FOR_RESOURCES', 'ACTIVE', 'ACTIVE', 'SUSPENDED', *['ACTIVE'] * 3]
    said = ['none', 'unreachable', 'none', 'running', '0']
    found, calls, starts = pod(run, tmp_path, states, said)
    assert found.returncode == 0, found.stderr
    assert calls.count('queued-resources create') == 2
    assert calls.count('queued-resources delete') == 1
    assert calls.count('jaxprobe.tar.gz probe:') == 2
    assert len(starts) == 2
    assert 'run --config=a --workdir=/mnt/a\\ b' in starts[0]
    assert 'finished' in found.stderr


def test_tpu_pod_starts_again_what_was_killed_and_not_what_failed(run, tmp_path):
    said = ['none', 'running', '137', 'running', '1']
    found, calls, starts = pod(run, tmp_path, ['ACTIVE'] * 5, said)
    assert found.returncode == 1
    assert len(starts) == 2
    assert 'ended with an error' in found.stderr
    assert 'tail -n 40' in calls
    (tmp_path / 'calls').unlink()
    found, _, starts = pod(run, tmp_path, ['ACTIVE'] * 9, ['none', *['134'] * 8])
    assert (found.returncode, len(starts)) == (1, 3), 'killed again and again: not for ever'


def test_tpu_pod_dry_run_touches_nothing(run, tmp_path):
    pod = {'NAME': 'probe', 'ZONE': 'z', 'TYPE': 'v5litepod-16', 'DRY_RUN': '1'}
    found = run('tpu_pod.sh', '--config=a', **pod)
    assert found.returncode == 0
    assert found.stdout.count('gcloud compute tpus') == 4
    assert not (tmp_path / 'calls').exists()
