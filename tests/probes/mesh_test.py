"""A bank over several devices. Devices of a CPU are made up before jax starts, so by a child."""

import os
import subprocess
import sys
import types
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import mesh
from tests.stages.hosts_test import free_port

ROOT = Path(__file__).parents[2]
# Trains on all devices as each argument says (`resident:2`, rows shared by two); the first process
# compares with one device. A line for each: the collectives of the program, devices of the weights,
# whether rows are everywhere, and the share of the training rows that this process read.
CHILD = """
import dataclasses, re, sys
import jax, numpy as np

port, process, *cases = sys.argv[1:]
if port:
    jax.distributed.initialize(f'localhost:{port}', 2, int(process))
from jaxprobe.probes import bank, block, memory
from tests.probes import made

spec = made.spec(epochs=3)
spec = dataclasses.replace(spec, sources=(*spec.sources[1:3], spec.sources[4]))
parts = made.splits('multiclass')
program, budget = block.epochs, memory.budget

def spy(*args, **options):
    if not seen:
        shapes = jax.tree.map(
            lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=a.sharding)
            if isinstance(a, jax.Array) else a,
            args,
        )
        text = program.lower(*shapes, **options).compile().as_text()
        used = sorted(set(re.findall(r'(all-gather|all-to-all|all-reduce)\\(', text)))
        weight, rows = args[0][0].params['layers'][0]['weight'].sharding, args[3].sharding
        seen.extend(['+'.join(used), len(weight.device_set), rows.is_fully_replicated])
    return program(*args, **options)

class Reader:
    def __init__(self, groups):
        self.groups, self.asked = groups, set()

    def read(self, rows):
        self.asked.update(rows.tolist())
        return {width: array[rows] for width, array in self.groups.items()}

    def prefetched(self, chunks):
        return map(self.read, chunks)

one = bank.train(spec, made.WIDTHS, *parts) if process != '1' else None
block.epochs = spy
for case in cases:
    data, sharing = case.split(':')
    memory.budget = lambda *a, **k: budget(*a, **k)._replace(data=int(sharing))
    seen, readers = [], [Reader(split.groups) for split in parts]
    read = [split._replace(groups=reader) for split, reader in zip(parts, readers)]
    many = bank.train(spec, made.WIDTHS, *read, data=data, devices=jax.devices())
    print(*seen, len(readers[0].asked) / len(parts[0].groups[20]))
    if one is None:
        continue
    for name in ('best_epoch', 'epochs_run', 'diverged', 'source', 'seed'):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))
    for name in ('valid_logits', 'test_logits', 'mix_weights', 'best_monitor'):
        np.testing.assert_allclose(getattr(one, name), getattr(many, name), rtol=0, atol=2e-6)
"""


def start(cases, devices, port='', process=''):
    made_up = {'XLA_FLAGS': '', 'JAX_NUM_CPU_DEVICES': str(devices), 'JAX_PLATFORMS': 'cpu'}
    return subprocess.Popen(
        [sys.executable, '-c', CHILD, port, process, *cases],
        env=os.environ | made_up | {'PYTHONPATH': str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(child, cases):
    """The line of every case, word by word."""
    out, errors = child.communicate(timeout=300)
    assert not child.returncode, errors[-3000:]
    return [line.split() for line in out.splitlines()[-len(cases) :]]


@pytest.mark.parametrize('sharing', [2, pytest.param(1, marks=pytest.mark.slow)])
def test_eight_devices_train_what_one_does_and_rows_are_never_gathered(sharing):
    """Cells divided over 8 / sharing devices, rows over the others: a step adds up its rows."""
    cases = [f'resident:{sharing}']
    ((used, *where),) = said(start(cases, 8), cases)
    assert used == 'all-reduce'
    assert where == ['8', str(sharing == 1), '1.0']


def test_two_processes_of_two_devices_train_what_one_does():
    """Rows are divided over both processes, and each reads its half."""
    for resident, half in in_two_processes('resident:4'):
        assert resident == ['all-reduce', '4', 'False']
        assert float(half) == pytest.approx(0.5, abs=0.01)


@pytest.mark.slow
def test_two_processes_read_the_same_rows_where_they_are_streamed():
    assert in_two_processes('streamed:1') == [([], '1.0')] * 2


def in_two_processes(case):
    port = free_port()
    children = [start([case], 2, port, process) for process in '01']
    lines = [said(child, [case])[0] for child in children]
    return [(line[:-1], line[-1]) for line in lines]


def test_one_device_needs_no_mesh():
    placement = mesh.place(mesh.default_devices())
    assert placement == mesh.ONE
    assert (placement.probe, placement.data) == (1, 1)
    assert placement.shares == (0,)
    tree = {'a': np.ones((3, 2)), 'b': np.float32(1)}
    for put in (placement.cells, placement.everywhere):
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(put(tree)))
    (rows,) = jax.tree.leaves(placement.rows({0: {8: np.ones((1, 3, 8))}}))
    assert isinstance(rows, jax.Array)
    assert isinstance(placement.host({8: rows})[8], np.ndarray)


def test_cells_are_copies_as_training_donates_them():
    """Two leaves of one buffer could not both be donated."""
    mine = np.zeros((3, 1024), np.float32)
    cells = mesh.ONE.cells((mine, mine))
    assert len({leaf.unsafe_buffer_pointer() for leaf in cells}) == 2
    jax.jit(lambda x: jax.tree.map(lambda leaf: leaf + 1, x), donate_argnums=0)(cells)
    assert not mine.any()


@pytest.mark.parametrize('data', [0, 2, 3])
def test_rows_are_shared_by_a_divisor_of_the_devices(data):
    with pytest.raises(ConfigError, match='cannot share rows'):
        mesh.place(mesh.default_devices(), data)


def test_devices_of_some_processes_are_refused(monkeypatch):
    monkeypatch.setattr(jax, 'process_count', lambda: 2)
    one = mesh.default_devices()
    other = types.SimpleNamespace(process_index=1)
    assert mesh.place(one) == mesh.ONE
    with pytest.raises(ConfigError, match=r'processes \[1\] of 2'):
        mesh.place([other])


def test_alone_all_devices_are_its_own():
    assert mesh.all_devices() == mesh.default_devices()
    assert mesh.least(1.5, mesh.default_devices()) == 1.5
