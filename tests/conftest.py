"""The test process is stricter than production: shapes are checked, warnings are errors."""

import os
from pathlib import Path

# Before jax is imported anywhere: two devices, so that one-device habits show.
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ.setdefault('JAX_NUM_CPU_DEVICES', '2')

import pytest
from jaxtyping import install_import_hook

install_import_hook('jaxprobe', 'beartype.beartype')

SHARED = Path(__file__).resolve().parents[2] / 'shared'


@pytest.fixture(scope='session', autouse=True)
def _strict_jax():
    import jax

    jax.config.update('jax_numpy_rank_promotion', 'raise')
    jax.config.update('jax_default_matmul_precision', 'highest')


@pytest.fixture(scope='session')
def shared() -> Path:
    """The reference material beside the checkout; a test that needs it skips without it."""
    if not SHARED.is_dir():
        pytest.skip(f'{SHARED} is not there: no reference fixtures and recordings to test against')
    return SHARED
