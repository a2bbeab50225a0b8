"""Runs compile many small programs each; most of what these compute takes no time at all."""

import jax
import pytest


@pytest.fixture(scope='module', autouse=True)
def _compile_fast(request):
    """Everywhere but in the modules that say by `COMPUTES` that their programs run for seconds."""
    before = jax.config.read('jax_disable_most_optimizations')
    quick = not getattr(request.module, 'COMPUTES', False)
    jax.config.update('jax_disable_most_optimizations', quick)
    yield
    jax.config.update('jax_disable_most_optimizations', before)
