"""Two processes, or eight devices, share a store and leave the bytes that one alone leaves."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.features import store_case

ROOT = Path(__file__).resolve().parents[2]
HOST = """
import sys
import jax
from tests.stages import victim
folder, store_dir, port, process, devices = sys.argv[1:]
if port:
    jax.distributed.initialize(f'localhost:{port}', 2, int(process))
victim.run(folder, store_dir, devices)
assert jax.local_device_count() == int(devices)
"""


def _start(folder, store_dir, port='', process='0', devices='1'):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(('SLURM_', 'OMPI_', 'JAX_'))}
    return subprocess.Popen(
        [sys.executable, '-c', HOST, str(folder), str(store_dir), port, process, devices],
        cwd=ROOT,
        env=kept | {'JAX_PLATFORMS': 'cpu'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_port():
    with socket.socket() as found:
        found.bind(('localhost', 0))
        return str(found.getsockname()[1])


def test_processes_and_devices_write_what_one_writes(tmp_path):
    audio = tmp_path / 'audio'
    store_case.write_clips(audio, [0.2, 1.0, 1.7, 3.2, 0.6, 2.5, 0.9, 1.4])
    port = free_port()
    runs = [_start(audio, tmp_path / 'two', port, process) for process in '01']
    runs.append(_start(audio, tmp_path / 'one'))
    runs.append(_start(audio, tmp_path / 'eight', devices='8'))
    for run in runs:
        output = run.communicate(timeout=60)[0]
        assert run.returncode == 0, output
    stores = [store_case.spec().path(tmp_path / name) for name in ('one', 'two', 'eight')]
    one, two, eight = map(store_case.files, stores)
    assert sum(name.endswith('.json') for name in one) > 6
    assert two == one
    assert eight == one
