"""The bank lowers for TPUs ahead of time; see `tests/stages/tpu_test.py`.

A small bank is trained here and every compiled function of `block` that it calls is lowered again
for a TPU with arguments of the same shapes, so that none can be added without being looked at.
"""

import re
from typing import Any

import jax
import jax.export
import numpy as np
import pytest

from jaxprobe.probes import bank, block
from jaxprobe.probes.spec import Source, Split
from tests.probes import made

COMPILED = type(jax.jit(lambda: 0))


class Seen:
    """A compiled function, and what it was first called with: shapes for arrays."""

    def __init__(self, function):
        self.function = function
        self.arguments: tuple[Any, ...] = ()

    def __call__(self, *args, **kwargs):
        if not self.arguments:
            self.arguments = jax.tree.map(self._shape, (args, kwargs))
        return self.function(*args, **kwargs)

    def module(self) -> str:
        """Its program for a TPU, read back from the portable form that another jax would load."""
        args, kwargs = self.arguments
        export = jax.export.export(self.function, platforms=['tpu'])
        return export(*args, **kwargs).mlir_module()

    @staticmethod
    def _shape(leaf):
        if isinstance(leaf, jax.Array | np.ndarray):
            return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
        return leaf


def marble(n, seed):
    """Items of one window over 13 layers of width 1024, in ten classes."""
    random = np.random.RandomState(seed)
    rows = random.standard_normal((n, 13, 1024)).astype(np.float32)
    return Split({1024: rows}, np.arange(n), np.ones(n, int), random.randint(0, 10, n))


def shapes(kind):
    """A grid and its splits: MARBLE's shape for classes, a small one for the other kinds."""
    if kind != 'multiclass':
        splits = [made.split(kind, n, i) for i, n in enumerate((30, 12, 12))]
        return made.spec(kind, epochs=1, seeds=1), made.WIDTHS, splits
    sources = tuple(Source(str(layer), (layer,)) for layer in (0, 12))
    mix = Source('mix', tuple(range(1, 13)), learned=True)
    spec = made.spec(
        outputs=10, sources=(*sources, mix), hidden=(512,), batch_items=64, epochs=1, seeds=1
    )
    return spec, (1024,) * 13, [marble(n, i) for i, n in enumerate((70, 20, 20))]


@pytest.mark.parametrize('kind', ['multiclass', 'multilabel'])
def test_every_program_of_a_bank_lowers_for_tpus(kind, monkeypatch):
    compiled = {
        name: Seen(value) for name, value in vars(block).items() if isinstance(value, COMPILED)
    }
    for name, seen in compiled.items():
        monkeypatch.setattr(block, name, seen)
    spec, widths, splits = shapes(kind)
    bank.train(spec, widths, *splits)
    called = {name: seen.module() for name, seen in compiled.items() if seen.arguments}
    assert len(called) >= 3
    for name, module in called.items():
        assert not re.findall(r'custom_call @(\w+)', module), name
