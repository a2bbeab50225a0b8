"""A process that extracts on demand in forks of itself, so that killing one costs no start-up.

Reads lines `audio_folder <tab> store_dir <tab> devices <tab> kill_after`; kills the fork with
SIGKILL after so many seconds (0: never) and answers with its wait status. jax is imported before
forking, its backend is used after.
"""

import os
import signal
import sys
import time
from pathlib import Path

import array_record.python.array_record_module  # noqa: F401  Imported once, not in every fork.
import jax

from jaxprobe.core import records
from jaxprobe.features.spec import Clip
from jaxprobe.stages import extract
from tests.features import store_case

SHARD_MINUTES = 1.5 / 60


def run(folder: str, store_dir: str, devices: str) -> None:
    jax.config.update('jax_num_cpu_devices', int(devices))
    clips = [Clip(path) for path in sorted(Path(folder).glob('*.wav'))]
    extract.extract(
        store_case.encoder(),
        store_case.spec(),
        clips,
        Path(store_dir),
        threads=2,
        shard_minutes=SHARD_MINUTES,
    )


def serve(folder: str, store_dir: str, devices: str, kill_after: str) -> int:
    pid = os.fork()
    if not pid:
        status = 1
        try:
            run(folder, store_dir, devices)
            status = 0
        finally:
            os._exit(status)
    deadline = time.monotonic() + (float(kill_after) or 60.0)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)  # Not reaped yet, so the id is still the fork's.
            return os.waitpid(pid, 0)[1]
        time.sleep(0.002)


def main() -> None:
    cache = sys.argv[1]
    jax.config.update('jax_compilation_cache_dir', cache)
    jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.0)
    records.encode({'x': 1})
    for line in sys.stdin:
        print(serve(*line.rstrip('\n').split('\t')), flush=True)


if __name__ == '__main__':
    main()
