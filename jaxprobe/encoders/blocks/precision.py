"""What `dtype` means inside a model, in one place.

'float32' is float32: on accelerators a float32 matmul would silently run in TF32 or bfloat16,
so the highest precision is asked for, per operation and not by a global flag. 'bfloat16' holds
kernels and runs matmuls and convolutions in bfloat16; spectrograms, norms, softmax, positional
tables and the residual stream stay in float32.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxprobe.core.errors import ConfigError, suggest

DTYPES = {'float32': jnp.float32, 'bfloat16': jnp.bfloat16}


class Precision(NamedTuple):
    """The compute dtype and the matmul precision that goes with it."""

    dtype: Any
    matmul: jax.lax.Precision

    def of_matmul(self) -> dict[str, Any]:
        """Keywords for flax modules that multiply matrices."""
        return {'dtype': self.dtype, 'param_dtype': self.dtype, 'precision': self.matmul}


def precision(dtype: str) -> Precision:
    """Reads the config's `dtype`.

    Raises:
        ConfigError: neither 'float32' nor 'bfloat16'.
    """
    if dtype not in DTYPES:
        raise ConfigError(f'encoder.dtype={dtype!r} is unknown. {suggest(dtype, DTYPES)}')
    exact = dtype == 'float32'
    return Precision(
        DTYPES[dtype], jax.lax.Precision.HIGHEST if exact else jax.lax.Precision.DEFAULT
    )
