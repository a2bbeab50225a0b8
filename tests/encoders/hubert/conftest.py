"""Small graphs here cost their compilation and nothing else; parity compiles as in production."""

import jax
import pytest


@pytest.fixture(scope='package', autouse=True)
def _compile_fast():
    before = jax.config.values['jax_disable_most_optimizations']
    jax.config.update('jax_disable_most_optimizations', True)
    yield
    jax.config.update('jax_disable_most_optimizations', before)
