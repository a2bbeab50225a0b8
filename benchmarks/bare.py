"""Lets the accelerator benchmarks run on a machine that has jax, flax, optax, numpy and torch only.

`jaxprobe.probes` imports jaxtyping for its annotations, which compute nothing. Where it is not
installed, a stand-in whose names accept any subscript takes its place.
"""

import importlib.util
import sys
import types


class _AnySubscript:
    def __class_getitem__(cls, _: object) -> type:
        return cls


class _Annotations(types.ModuleType):
    def __getattr__(self, name: str) -> type:
        if name.startswith('__'):
            raise AttributeError(name)
        return _AnySubscript


def without_jaxtyping() -> None:
    """Puts the stand-in in place if jaxtyping cannot be imported."""
    if importlib.util.find_spec('jaxtyping') is None:
        sys.modules['jaxtyping'] = _Annotations('jaxtyping')
