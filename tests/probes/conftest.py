"""The bank's tests compile some hundred small programs; what they compute takes no time at all."""

import jax
import pytest


@pytest.fixture(scope='package', autouse=True)
def _compile_fast():
    before = jax.config.read('jax_disable_most_optimizations')
    jax.config.update('jax_disable_most_optimizations', True)
    yield
    jax.config.update('jax_disable_most_optimizations', before)


@pytest.fixture
def compiled_as_in_production():
    """For the tests whose point is the numbers of the real program."""
    jax.config.update('jax_disable_most_optimizations', False)
    yield
    jax.config.update('jax_disable_most_optimizations', True)
