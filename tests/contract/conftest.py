"""The contract compiles every encoder at four shapes; what it computes takes no time at all."""

import jax
import pytest


@pytest.fixture(scope='package', autouse=True)
def _compile_fast(tmp_path_factory):
    """Quick compilation, and none at all where checkpoints share an architecture."""
    changes = {
        'jax_disable_most_optimizations': True,
        'jax_compilation_cache_dir': str(tmp_path_factory.mktemp('compiled')),
        'jax_persistent_cache_min_compile_time_secs': 0.0,
        'jax_persistent_cache_min_entry_size_bytes': -1,
    }
    before = {name: jax.config.values[name] for name in changes}
    for name, value in changes.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)
