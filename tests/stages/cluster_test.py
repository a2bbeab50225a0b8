import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.stages import cluster
from jaxprobe.stages.cluster import Flags
from tests.stages.hosts_test import free_port

STEP = {
    'SLURM_JOB_ID': '7',
    'SLURM_NTASKS': '16',
    'SLURM_PROCID': '3',
    'SLURM_LOCALID': '3',
    'SLURM_STEP_NODELIST': 'n[1-2]',
    'SLURM_STEP_TASKS_PER_NODE': '8(x2)',
}


@pytest.mark.parametrize(
    'environ',
    [
        {},
        {'SLURM_JOB_ID': '7', 'SLURM_NTASKS': '1'},
        {'JAX_COORDINATOR_ADDRESS': 'a:1'},  # An address alone says nothing of others.
        {'TPU_WORKER_HOSTNAMES': 'localhost'},
    ],
)
def test_alone(environ):
    assert cluster.find(Flags(), environ) is None


def test_one_process_by_name_is_alone():
    assert cluster.find(Flags('a:1', '1', 0), {}) is None


def met(address, processes, process):
    return {
        'coordinator_address': address,
        'num_processes': processes,
        'process_id': process,
        'cluster_detection_method': 'deactivate',
    }


def test_flags():
    found = cluster.find(Flags('host:1234', '4', 2), {'JAX_PROCESS_ID': '0'})
    assert found == met('host:1234', 4, 2)
    assert cluster.find(Flags(processes='auto'), {}) == {}


def test_variables_that_jax_does_not_read():
    environ = {
        'JAX_COORDINATOR_ADDRESS': 'host:1234',
        'JAX_NUM_PROCESSES': '2',
        'JAX_PROCESS_ID': '1',
    }
    found = cluster.find(Flags(), environ)
    assert found == met('host:1234', 2, 1)


@pytest.mark.parametrize(
    ('flags', 'environ', 'said'),
    [
        (Flags(processes='2'), {}, '--coordinator, --process missing'),
        (Flags('a:1', '2'), {}, '--process missing'),
        (Flags(), {'JAX_PROCESS_ID': '1'}, 'JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES missing'),
        (Flags('host', '2', 0), {}, 'HOST:PORT'),
        (Flags('a:1', '2', 2), {}, 'from 0 to N-1'),
        (Flags('a:1', 'two', 0), {}, 'a number N'),
    ],
)
def test_half_of_what_is_needed_is_named(flags, environ, said):
    with pytest.raises(ConfigError, match='.*'.join(said.split())):
        cluster.find(flags, environ)


def test_slurm_step():
    assert cluster.find(Flags(), STEP) == {}
    one_gpu = STEP | {'CUDA_VISIBLE_DEVICES': '5'}
    assert cluster.find(Flags(), one_gpu) == {'local_device_ids': [0]}


def test_one_slurm_task_takes_all_devices_of_its_node():
    environ = STEP | {
        'SLURM_STEP_TASKS_PER_NODE': '1(x2)',
        'CUDA_VISIBLE_DEVICES': '0,1,2,3,4,5,6,7',
    }
    assert cluster.find(Flags(), environ) == {'local_device_ids': list(range(8))}
    assert cluster.find(Flags(), environ | {'SLURM_STEP_TASKS_PER_NODE': '2,1'}) == {}


def test_sbatch_without_srun_runs_alone_and_says_so(capsys):
    environ = {k: v for k, v in STEP.items() if not k.startswith('SLURM_STEP')}
    assert cluster.find(Flags(), environ) is None
    assert '16 tasks' in capsys.readouterr().out


def test_alone_does_everything(tmp_path):
    alone = cluster.join(Flags())
    assert alone == cluster.ALONE
    assert alone.first
    alone.meet('anywhere')
    cluster.check_shared(tmp_path, alone)
    cluster.check_same('nothing', 'x', alone)
    assert list(tmp_path.iterdir()) == []
    assert cluster.of_the_first([3, 1]) == [3, 1]


def both(code):
    """Two processes that run `code`, in which `process` is '0' or '1' and `members` the run."""
    head = """
import signal, sys, time
from jaxprobe import launch
from jaxprobe.stages import cluster
signal.signal(signal.SIGTERM, launch._interrupt)
address, process = sys.argv[1:]
members = cluster.join(cluster.Flags(address, '2', int(process)))
print('joined', flush=True)
"""
    address = f'localhost:{free_port()}'
    environ = {k: v for k, v in os.environ.items() if not k.startswith(('SLURM_', 'JAX_'))}
    return [
        subprocess.Popen(
            [sys.executable, '-c', head + code, address, process],
            cwd=Path(__file__).resolve().parents[2],
            env=environ | {'JAX_PLATFORMS': 'cpu'},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for process in '01'
    ]


def test_a_process_that_waits_for_another_ends_when_told_to():
    """jax would keep SIGTERM for itself; and Python acts on none while a library waits."""
    waiting, busy = both("cluster.meet('here') if process == '0' else time.sleep(100)")
    try:
        assert waiting.stdout
        assert any(line == 'joined\n' for line in waiting.stdout)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=1)
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(timeout=20) == 130
        assert 'the same command continues' in waiting.stdout.read()
    finally:
        for process in (waiting, busy):
            process.kill()
            process.communicate()


def test_processes_count_their_neighbours_and_are_told_if_they_would_do_different_things():
    first, second = both("""
from jaxprobe.core import cores
from jaxprobe.core.errors import ConfigError
print('neighbours:', cores.neighbours())
cluster.check_same('its stages', 'probe, report', members)
try:
    cluster.check_same('what it can run', 'muq, gtzan' if members.first else 'muq', members)
except ConfigError as error:
    print(error)
members.meet('end')
""")
    said = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert all('neighbours: 2' in text for text in said)
    assert 'differs' not in said[0]
    assert 'process 1 differs from the first in what it can run. Here: muq.' in said[1]
