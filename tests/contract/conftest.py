"""The contract compiles every encoder at four shapes; what it computes takes no time at all."""

import jax
import pytest


@pytest.fixture(scope='package', autouse=True)
def _compile_fast():
    before = jax.config.read('jax_disable_most_optimizations')
    jax.config.update('jax_disable_most_optimizations', True)
    yield
    jax.config.update('jax_disable_most_optimizations', before)
