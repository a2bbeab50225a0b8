import jax
import jax.numpy as jnp
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.blocks.precision import precision


def test_float32_asks_for_the_highest_precision():
    """Otherwise accelerators answer in TF32 or bfloat16."""
    assert precision('float32').of_matmul() == {
        'dtype': jnp.float32,
        'param_dtype': jnp.float32,
        'precision': jax.lax.Precision.HIGHEST,
    }


def test_bfloat16():
    assert precision('bfloat16').dtype == jnp.bfloat16


@pytest.mark.parametrize('dtype', ['float16', 'bf16', ''])
def test_others_are_refused(dtype):
    with pytest.raises(ConfigError, match='Known: bfloat16, float32'):
        precision(dtype)
