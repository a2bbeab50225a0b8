"""The test process is stricter than production: shapes are checked, warnings are errors."""

import importlib.metadata
import os
import shutil
import tempfile
from pathlib import Path

# Before jax is imported anywhere: two devices, so that one-device habits show.
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ.setdefault('JAX_NUM_CPU_DEVICES', '2')
# Since openxla/xla#46347 (jaxlib 0.11) an FFT on a CPU waits for threads that FFTs of other devices
# may hold, and they for its own. With more threads than devices they are never all held.
if int(importlib.metadata.version('jaxlib').split('.')[1]) > 10:
    os.environ.setdefault('NPROC', '16')
# And what one file, worker or child process has compiled, no other compiles again: the first of
# them names the cache, and throws it away at its end.
os.environ.setdefault(
    'JAX_COMPILATION_CACHE_DIR', f'{tempfile.gettempdir()}/jaxprobe-compiled-{os.getpid()}'
)
os.environ.setdefault('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS', '0')
os.environ.setdefault('JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES', '-1')

import pytest
from jaxtyping import install_import_hook

install_import_hook('jaxprobe', 'beartype.beartype')

SHARED = Path(__file__).resolve().parents[2] / 'shared'

# Minutes each: begun first, so that none of them is what one worker does alone at the end.
LONGEST = ('restart_test', 'launch_test', 'bank_test', 'frame_probe_test', 'encoders_test')


def pytest_configure(config):
    config.option.loadscopereorder = False  # pytest-xdist begins where the list begins.


def pytest_unconfigure():
    cache = os.environ['JAX_COMPILATION_CACHE_DIR']
    if cache.endswith(f'/jaxprobe-compiled-{os.getpid()}'):
        shutil.rmtree(cache, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    rank = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


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
