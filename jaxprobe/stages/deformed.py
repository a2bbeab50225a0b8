"""Which deformed test audio a run needs, and the stores it goes to.

Training and validation stay clean. A deformed store holds the test items of its tasks and nothing
else; the audio is made as it is decoded and never written.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jaxprobe.deform import chain as deform
from jaxprobe.deform.chain import Chain
from jaxprobe.encoders.base import Encoder
from jaxprobe.features.spec import Clip, StoreSpec
from jaxprobe.plan import EncoderPlan, Plan, items_of
from jaxprobe.stages.stores import clips_of, of_split, store_spec
from jaxprobe.tasks.base import Kind, Task

CLEAN = deform.CLEAN


class Request(NamedTuple):
    """Test audio of a task that is to be encoded under one deformation."""

    store: StoreSpec
    task: Task
    clips: list[Clip]


def chains(plan: Plan) -> tuple[Chain, ...]:
    """The deformations that a plan asks for."""
    return deform.parse(plan.study.deform)


def refusal(task: Task) -> str:
    """Why a task is not scored on deformed audio, '' where it is."""
    if task.kind is Kind.SEPARATION:
        return 'its targets are the stems of the clean mix'
    if task.kind.framewise:
        return 'its targets are times, which deformations can move; only tasks of clips are scored'
    return ''


def requests(encoder: Encoder, chosen: EncoderPlan, plan: Plan) -> Iterator[Request]:
    """Lists what is to be encoded, deformation by deformation."""
    for chain in chains(plan):
        for task in plan.tasks:
            if not refusal(task):
                clean = store_spec(encoder, chosen, task, plan)
                tested = of_split(items_of(task, plan, chosen), 'test')
                yield Request(store_of(clean, chain, plan.seed), task, clips_of(tested))


def tell_refused(plan: Plan) -> None:
    """Prints the tasks that deformations leave out, and why."""
    if plan.study.deform:
        for task in plan.tasks:
            if reason := refusal(task):
                print(f'== {task.name} is not scored on deformed audio: {reason}')


def store_of(clean: StoreSpec, chain: Chain, root: int) -> StoreSpec:
    """The store of deformed audio beside the one of clean audio.

    Args:
        clean: the store of the encoder and the task.
        chain: the deformation.
        root: the run's seed, which counts where the chain draws.
    """
    return dataclasses.replace(
        clean,
        deformation=chain.name,
        deformation_seed=root if chain.random else 0,
        deformation_version=chain.version,
    )


def record_of(store: StoreSpec) -> dict[str, str]:
    """How a result names a store."""
    return {'fingerprint': store.fingerprint, 'dir': store.path(Path()).name}
