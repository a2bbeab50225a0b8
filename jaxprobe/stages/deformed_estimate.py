"""What deformed stores will cost: windows and bytes as of clean audio, and the time to deform."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from jaxprobe.core import cores
from jaxprobe.deform.chain import Chain
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.plan import Plan
from jaxprobe.stages import deformed
from jaxprobe.stages.stores import clips_of, of_split
from jaxprobe.tasks.base import Item, Task

RATE = 44100  # Of the file that is timed.
_SECONDS = 2.0


class Wanted(NamedTuple):
    """A deformed store of a task: its spec, its audio, and seconds of it made per second."""

    store: StoreSpec
    clips: list[Clip]
    speed: float


def wanted(task: Task, plan: Plan, clean: StoreSpec, items: Sequence[Item]) -> Iterator[Wanted]:
    """Lists the deformed stores of one task; each deformation is timed here.

    Args:
        task: of the plan.
        plan: says which deformations, and how many threads decode.
        clean: the task's own store.
        items: of the task.
    """
    if deformed.refusal(task):
        return
    clips = clips_of(of_split(items, 'test'))
    threads = plan.extract.threads or cores.available()
    for chain in deformed.chains(plan):
        yield Wanted(deformed.store_of(clean, chain, plan.seed), clips, threads * pace(chain))


def pace(chain: Chain) -> float:
    """Seconds of mono audio deformed per second by one thread, after what is done only once."""
    noise = np.random.RandomState(0).standard_normal(round(RATE * _SECONDS)).astype(np.float32)
    chain.apply(noise[:RATE], RATE, root=0, clip='')
    began = time.perf_counter()
    chain.apply(noise, RATE, root=0, clip='')
    return _SECONDS / max(time.perf_counter() - began, 1e-9)
