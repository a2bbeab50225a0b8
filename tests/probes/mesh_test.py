"""A bank over several devices. Devices of a CPU are made up before jax starts, so by a child."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import mesh

ROOT = Path(__file__).parents[2]
CHILD = """
import dataclasses, re, sys
import jax, numpy as np
from jaxprobe.probes import bank, block, memory
from tests.probes import made

spec = made.spec(epochs=4)
spec = dataclasses.replace(spec, sources=(*spec.sources[1:3], spec.sources[4]))
parts = made.splits('multiclass')
seen = []
program, budget = block.epochs, memory.budget

def spy(*args, **options):
    seen.append((args[0][0].params['layers'][0]['weight'].sharding, args[3].sharding))
    shapes = jax.tree.map(
        lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=a.sharding)
        if isinstance(a, jax.Array) else a,
        args,
    )
    if len(seen) == 1:
        text = program.lower(*shapes, **options).compile().as_text()
        print(sorted(set(re.findall(r'(all-gather|all-to-all|all-reduce)\\(', text))))
    return program(*args, **options)

one = bank.train(spec, made.WIDTHS, *parts)
block.epochs = spy
for sharing in map(int, sys.argv[1:]):
    memory.budget = lambda *a, **k: budget(*a, **k)._replace(data=sharing)
    seen.clear()
    many = bank.train(spec, made.WIDTHS, *parts, devices=jax.devices())
    weight, rows = seen[0]
    print(len(weight.device_set), rows.is_fully_replicated)
    for name in ('best_epoch', 'epochs_run', 'diverged', 'source', 'seed'):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))
    for name in ('valid_logits', 'test_logits', 'mix_weights', 'best_monitor'):
        np.testing.assert_allclose(getattr(one, name), getattr(many, name), rtol=0, atol=2e-6)
"""


@pytest.mark.parametrize('sharing', [2, pytest.param(1, marks=pytest.mark.slow)])
def test_eight_devices_train_what_one_does_and_rows_are_never_gathered(sharing):
    """Cells divided over 8 / sharing devices, rows over the others: a step adds up its rows."""
    devices = {'XLA_FLAGS': '', 'JAX_NUM_CPU_DEVICES': '8', 'JAX_PLATFORMS': 'cpu'}
    done = subprocess.run(
        [sys.executable, '-c', CHILD, str(sharing)],
        env=os.environ | devices | {'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr[-2000:]
    used, where = done.stdout.splitlines()
    assert 'all-gather' not in used
    assert 'all-to-all' not in used
    assert where == f'8 {sharing == 1}'


def test_one_device_needs_no_mesh():
    placement = mesh.place(mesh.default_devices())
    assert placement == mesh.ONE
    assert (placement.probe, placement.data) == (1, 1)
    tree = {'a': np.ones((3, 2)), 'b': np.float32(1)}
    for put in (placement.cells, placement.rows, placement.everywhere):
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(put(tree)))


@pytest.mark.parametrize('data', [0, 2, 3])
def test_rows_are_shared_by_a_divisor_of_the_devices(data):
    with pytest.raises(ConfigError, match='cannot share rows'):
        mesh.place(mesh.default_devices(), data)
