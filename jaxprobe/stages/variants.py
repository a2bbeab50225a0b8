"""The further banks that `config.study` asks for on the embeddings of a task.

`VARIANTS` maps a kind to the function that lists its jobs. Each is trained like the task's own bank
and kept as a record of its own; what they say of the task is in `sections`.
"""

from collections.abc import Callable
from typing import Any

from jaxprobe.stages import (
    closed_form_probe,
    contexts_probe,
    deformed_probe,
    heads_probe,
    label_efficiency_probe,
    projection_probe,
    shuffled_probe,
)
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import Known
from jaxprobe.stages.results import BankRecord
from jaxprobe.tasks.base import Kind

Make = Callable[[Known, BankRecord, Any], list[Job]]  # Of what is known, its bank, `plan.study`.

VARIANTS: dict[str, Make] = {
    'shuffled': shuffled_probe.jobs,
    'train': label_efficiency_probe.jobs,
    'head': heads_probe.jobs,
    'context': contexts_probe.jobs,
    'closed_form': closed_form_probe.jobs,
    'deform': deformed_probe.jobs,
    'projection': projection_probe.jobs,
}
# Fields of `config.study`.
ASKED = ('shuffled', 'fractions', 'heads', 'contexts', 'closed_form', 'deform', 'projection')


def asked(study: Any) -> bool:
    """Whether `config.study` asks for any variant."""
    return any(study[name] for name in ASKED)


def planned(known: Known) -> list[Job]:
    """The banks that will be trained beside a task's own, at most, before anything is trained.

    Raises:
        ConfigError: one of them cannot be.
    """
    study, kind = known.plan.study, known.task.kind
    if kind is Kind.SEPARATION:
        return []
    jobs = [shuffled_probe.planned(known, known.grid.learning_rates)] if study.shuffled else []
    jobs += label_efficiency_probe.planned(known, study.fractions)
    jobs += heads_probe.planned(known, study.heads)
    if not contexts_probe.refusal(known):
        jobs += contexts_probe.planned(known, study.contexts)
    jobs += deformed_probe.planned(known, study)
    return jobs


def make(known: Known, own: BankRecord) -> list[Job]:
    """Lists the variants of a task's bank that its plan asks for.

    Args:
        known: the encoder and the task.
        own: the record of the task's own bank, which is whole by then.
    """
    jobs = []
    for one in VARIANTS.values():
        jobs += one(known, own, known.plan.study)
    return jobs
