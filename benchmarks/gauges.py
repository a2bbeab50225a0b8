"""What the benches of the bank read off jax and the machine: compilation, memory, matrix rate."""

import os
import resource
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class Compiling:
    """Counts the seconds that jax spends in making programs."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self.programs = 0
        jax.monitoring.register_event_duration_secs_listener(self._heard)

    def _heard(self, event: str, duration_secs: float, **_: Any) -> None:
        if event.startswith('/jax/core/compile/'):
            self.seconds[event] = self.seconds.get(event, 0.0) + duration_secs
            self.programs += event.endswith('backend_compile_duration')

    def total(self) -> float:
        """Seconds so far."""
        return sum(self.seconds.values())


def matrix_rate() -> float:
    """TFLOP a second of a float32 product at highest precision."""
    side = 1536 if jax.default_backend() == 'cpu' else 8192
    product = jax.jit(lambda a: jnp.matmul(a, a, precision=jax.lax.Precision.HIGHEST))
    square = jnp.asarray(np.random.default_rng(0).standard_normal((side, side), np.float32))
    product(square).block_until_ready()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        product(square).block_until_ready()
        times.append(time.perf_counter() - began)
    return 2e-12 * side**3 / statistics.median(times)


def byte_rate() -> float:
    """TB a second of a += b, read twice and written once, far beyond any cache."""
    size = 2**24 if jax.default_backend() == 'cpu' else 2**28
    add = jax.jit(lambda a, b: a + b, donate_argnums=0)
    held, other = jnp.ones(size), jnp.ones(size)
    held = add(held, other).block_until_ready()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        held = add(held, other).block_until_ready()
        times.append(time.perf_counter() - began)
    return 12e-12 * size / statistics.median(times)


def peak_bytes() -> int:
    """Most that was held so far: by the device, or on a CPU by this process."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and 'peak_bytes_in_use' in stats:
        return stats['peak_bytes_in_use']
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def device() -> str:
    """The device and the cores of its host."""
    return f'{jax.local_devices()[0].device_kind}, {os.cpu_count()} cores'
