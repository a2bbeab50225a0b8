"""Several processes as one run: who they are, what each does, and where they wait.

Processes share the working directory and the stores. Each encodes its share of the shards and
trains its share of the banks (`shares.py`); what only one may do (writing plans, tables, synthetic
audio) is done by the first while the others wait.

How a process learns of the others, in this order (what `jax.distributed.initialize` finds by
itself, and what it does not, was tried out: spec/ecosystem.md, section 6):

- flags: `--coordinator=HOST:PORT --processes=N --process=K`, or `--processes=auto` for what jax
  finds by itself (Cloud TPU, Open MPI);
- the variables JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID, of which jax reads
  the first alone;
- SLURM, in a step that `srun` started with more than one task;
- GKE TPU: TPU_WORKER_HOSTNAMES naming more than one host.

A process that finds none of these is alone, and initialises nothing.
"""

import contextlib
import functools
import os
import platform
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core import cores, fs
from jaxprobe.core.errors import ConfigError, PeerError, StoreError

AUTO = 'auto'
_VARIABLES = ('JAX_COORDINATOR_ADDRESS', 'JAX_NUM_PROCESSES', 'JAX_PROCESS_ID')
_HEARTBEAT = 60  # Seconds after which a process that died ends the others.
_PATIENCE = 7 * 24 * 3600  # Seconds that a process waits for one that lives.


class Flags(NamedTuple):
    """What the command line says; '' and -1 where it says nothing."""

    coordinator: str = ''
    processes: str = ''
    process: int = -1


class Members(NamedTuple):
    """The processes of a run as one of them sees them."""

    index: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process does what only one may do."""
        return self.index == 0

    def meet(self, name: str) -> None:
        """Waits until every process of the run has come this far."""
        if self.count > 1:
            meet(name)


ALONE = Members()


def join(flags: Flags) -> Members:
    """Meets the other processes of this run; at once, and without jax, where there are none.

    Raises:
        ConfigError: the flags or variables name a part of what is needed, or contradict.
    """
    settings = find(flags, os.environ)
    if settings is None:
        return ALONE
    import jax

    # Its notifier would take SIGTERM for itself and do nothing with it until all processes ask.
    # Ours ends the process, which is safe at any moment.
    jax.config.update('jax_enable_preemption_service', False)
    try:
        jax.distributed.initialize(**settings, heartbeat_timeout_seconds=_HEARTBEAT)
    except (ValueError, RuntimeError) as error:
        raise ConfigError(
            f'the processes of this run cannot meet ({error}). Tried with {settings or "auto"}. '
            f'Every process needs the same --coordinator=HOST:PORT (a free port on the first '
            f'host) and --processes=N, and its own --process=0..N-1.'
        ) from error
    members = Members(jax.process_index(), jax.process_count())
    os.environ[cores.NEIGHBOURS] = str(_neighbours())
    print(f'process {members.index} of {members.count}', flush=True)
    return members


def _neighbours() -> int:
    """How many processes of the run are on this machine."""
    import numpy as np
    from jax.experimental import multihost_utils

    mine = np.int32(int(fs.digest(platform.node(), 7), 16))
    return int(np.sum(multihost_utils.process_allgather(mine) == mine))


def leave(status: int) -> int:
    """The exit status; where other processes wait for this one, it ends here and now.

    An orderly end would wait for them, as they wait for it. Without it they end too, after
    a minute at most, or at once if `launch/` started them.
    """
    if 'jax' in sys.modules and sys.modules['jax'].distributed.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


def find(flags: Flags, environ: Mapping[str, str]) -> dict[str, Any] | None:
    """What to hand to `jax.distributed.initialize`; None for a process that is alone.

    Raises:
        ConfigError: the flags or variables name a part of what is needed, or contradict.
    """
    if flags.processes == AUTO:
        return {}
    named = {name: environ[name] for name in _VARIABLES if environ.get(name)}
    if flags != Flags():
        process = '' if flags.process < 0 else str(flags.process)
        return _explicit(
            ('--coordinator', '--processes', '--process'),
            (flags.coordinator, flags.processes, process),
        )
    if 'JAX_NUM_PROCESSES' in named or 'JAX_PROCESS_ID' in named:
        return _explicit(_VARIABLES, tuple(named.get(name, '') for name in _VARIABLES))
    if _number(environ.get('SLURM_NTASKS', '')) > 1:
        return _slurm(environ)
    if len(environ.get('TPU_WORKER_HOSTNAMES', '').split(',')) > 1:
        return {}
    return None


def _explicit(names: Sequence[str], values: Sequence[str]) -> dict[str, Any] | None:
    absent = [name for name, value in zip(names, values, strict=True) if not value]
    if absent:
        raise ConfigError(
            f'{", ".join(absent)} missing: processes meet by {", ".join(names)} together. Leave '
            f'all of them out to run alone.'
        )
    address, processes, process = values[0], _number(values[1]), _number(values[2])
    if ':' not in address or processes < 1 or not 0 <= process < processes:
        raise ConfigError(
            f'{dict(zip(names, values, strict=True))} cannot be used: expected HOST:PORT, a number '
            f'N of processes, and a process from 0 to N-1.'
        )
    if processes == 1:
        return None
    return {
        'coordinator_address': address,
        'num_processes': processes,
        'process_id': process,
        # Within a SLURM step jax would else take the one device of the step's local number.
        'cluster_detection_method': 'deactivate',
    }


def _slurm(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Of a step that srun started; jax finds the rest of it by itself.

    jax gives every task the one device numbered by its local id, which leaves the other devices of
    a node idle where a node has one task. Such a task takes all that it sees.
    """
    if 'SLURM_STEP_NODELIST' not in environ:
        print(
            f'This SLURM job has {environ["SLURM_NTASKS"]} tasks, but srun did not start this '
            f'process: it runs alone. See launch/slurm.sbatch.'
        )
        return None
    visible = [d for d in environ.get('CUDA_VISIBLE_DEVICES', '').split(',') if d]
    node = environ.get('SLURM_STEP_TASKS_PER_NODE') or environ.get('SLURM_TASKS_PER_NODE', '')
    alone = re.fullmatch(r'1(\(x\d+\))?(,1(\(x\d+\))?)*', node) is not None
    if visible and (alone or len(visible) == 1):
        return {'local_device_ids': list(range(len(visible)))}
    return {}


def _number(text: str) -> int:
    return int(text) if text.isdigit() else -1


def meet(name: str) -> None:
    """Waits until every process of a run has come this far; returns at once where one is alone.

    By the coordination service: jax's own barrier is a collective of the devices, which gives
    up after half an hour on CPUs, and one bank may take longer than all of another process's.
    A process that died ends the wait after `_HEARTBEAT` seconds. It waits in another thread, as
    Python acts on signals in this one alone, and not while a library waits there.
    """
    import jax

    if jax.process_count() > 1:
        from orbax.checkpoint import multihost

        everyone = set(range(jax.process_count()))
        wait = functools.partial(
            multihost.sync_global_processes,
            f'jaxprobe-{name}',
            timeout=_PATIENCE,
            processes=everyone,
        )
        with ThreadPoolExecutor(1) as beside:
            beside.submit(wait).result()


def of_the_first(numbers: Sequence[int]) -> list[int]:
    """What the first process says, to all of them, who say as many numbers of 31 bits.

    Raises:
        PeerError: one of the others is gone.
    """
    import numpy as np
    from jax.experimental import multihost_utils

    with working_together('what to do'):
        return multihost_utils.broadcast_one_to_all(np.array(numbers, np.int32)).tolist()


def the_first_finds(what: str, look: Callable[[], bool]) -> bool:
    """What the first process finds, who alone looks, to all of them; once for every `what`.

    A network disk may go on for a while telling who looked too early that a file is not there.
    """
    found = index() == 0 and look()
    meet(f'looked for {what}')  # Waiting here is no collective, and may take long.
    return bool(of_the_first([found])[0])


def index() -> int:
    """The number of this process, 0 where it is alone."""
    import jax

    return jax.process_index()


@contextlib.contextmanager
def working_together(what: str) -> Iterator[None]:
    """Work in which all processes meet, again and again, by collectives of their devices.

    Raises:
        PeerError: one of the others is gone.
    """
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        said = str(error).partition('\n')[0]
        alone = jax.process_count() == 1
        if alone or not any(library in said for library in ('Gloo', 'NCCL')):
            raise
        raise PeerError(
            f'another process of this run ended or cannot be reached while all of them worked on '
            f'{what} ({said}). Its own message says why, unless it was killed. What was finished '
            f'is kept: the same command continues.'
        ) from None


def check_same(what: str, mine: str, members: Members) -> None:
    """Makes sure that all processes are about to do the same.

    They divide work by its place in a list, so different lists would leave some of it undone and
    have some wait for ever.

    Raises:
        ConfigError: this process would do something else than the first.
    """
    if members.count == 1:
        return
    number = int(fs.digest(mine, 7), 16)
    if [number] != of_the_first([number]):
        raise ConfigError(
            f'process {members.index} differs from the first in {what}. Here: {mine}. Every '
            f'process needs the same command, the same config file, data and weights.'
        )


def check_shared(folder: Path, members: Members) -> None:
    """Makes sure that all processes see one folder.

    Raises:
        StoreError: what the first process writes there, this one cannot read.
    """
    if members.count == 1:
        return
    (number,) = of_the_first([secrets.randbits(30)])
    token = folder / f'.meeting-{number}'
    if members.first:
        fs.write_bytes(token, b'')
    members.meet(f'token-{folder.name}')
    seen = token.exists()
    members.meet(f'seen-{folder.name}')
    if members.first:
        token.unlink()
    if not seen:
        raise StoreError(
            f'{folder} is not the folder that the first process sees under this name: all '
            f'processes of a run need one --workdir and one store_dir on a disk that they share.'
        )
