"""The bank lowers for TPUs ahead of time; see `tests/stages/tpu_test.py`.

A small bank is trained here and every compiled function of `block` that it calls is lowered again
for a TPU with arguments of the same shapes, so that none can be added without being looked at.
"""

import re
from typing import Any

import jax
import jax.export
import numpy as np

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


def of_layers():
    """MARBLE's shape: one head per layer."""
    sources = tuple(Source(str(layer), (layer,)) for layer in (0, 12))
    spec = made.spec(outputs=10, sources=sources, hidden=(512,), batch_items=64, epochs=1, seeds=1)
    return spec, (1024,) * 13, [marble(n, i) for i, n in enumerate((70, 20, 20))]


def of_mix():
    """A small one, of the learned sum, for many labels."""
    mix = (Source('mix', (1, 2, 3), learned=True),)
    splits = [made.split('multilabel', n, i) for i, n in enumerate((30, 12, 12))]
    return made.spec('multilabel', sources=mix, epochs=1, seeds=1), made.WIDTHS, splits


def test_every_program_of_a_bank_lowers_for_tpus(monkeypatch):
    """Of a bank with its rows on the device, and of one whose rows are streamed."""
    compiled = {
        name: Seen(value) for name, value in vars(block).items() if isinstance(value, COMPILED)
    }
    for name, seen in compiled.items():
        monkeypatch.setattr(block, name, seen)
    for (spec, widths, splits), where in ((of_layers(), 'resident'), (of_mix(), 'streamed')):
        bank.train(spec, widths, *splits, data=where)
    assert {name for name, seen in compiled.items() if not seen.arguments} == set()
    for name, seen in compiled.items():
        assert not re.findall(r'custom_call @(\w+)', seen.module()), name
