"""The probe stage: embeddings from the store, a task's banks, their records on disk.

First the task's own bank, then the variants that `config.study` asks for. Each has a record with a
fingerprint of everything that decides its numbers, so a run that was killed redoes the bank it was
in and no other.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jaxprobe.encoders.base import Encoder
from jaxprobe.plan import EncoderPlan, Plan
from jaxprobe.stages import deformed_probe, results, training, variants
from jaxprobe.stages import opened as opening
from jaxprobe.stages.job import Job
from jaxprobe.tasks.base import Task


def run(
    encoder: Encoder,
    chosen: EncoderPlan,
    task: Task,
    plan: Plan,
    workdir: Path,
    progress: Callable[[str], Any],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Trains the banks of one encoder and task whose records are not there already.

    Yields:
        The name of a record and what its bank cost, as soon as it is written.

    Raises:
        ConfigError: a variant that is asked for cannot be.
        DataError: a split is left without items.
        StoreError: the store lacks audio of this task; the extract stage has to run first.
    """
    known = opening.look(encoder, chosen, task, plan)
    variants.planned(known)  # Refuses what cannot be before hours of training, not after.
    folder = workdir / 'results' / chosen.label
    with contextlib.ExitStack() as stack:
        opened = functools.cache(lambda: stack.enter_context(opening.reading(known)))
        done = []

        def banks(jobs: list[Job]) -> Iterator[tuple[str, dict[str, Any]]]:
            for job in jobs:
                changes = job.changes(known.meta['fingerprint'])
                if _is_done(folder, job.name(task.name), (known.meta | changes)['fingerprint']):
                    done.append(job)
                    continue
                began = time.monotonic()
                cost = _train(opened(), job, changes, folder, progress)
                yield job.name(task.name), {'seconds': round(time.monotonic() - began, 3)} | cost

        yield from banks([Job(known.grid)])
        if variants.asked(plan.study):
            own = results.read_bank(folder, task.name)
            yield from banks(variants.make(known, own))
            yield from banks(deformed_probe.of_heads(known, folder))
        if done:
            print(f'   {known.label}: {_words(done, task)} done before')


def _is_done(folder: Path, name: str, fingerprint: str) -> bool:
    stored = results.stored_meta(folder, name)
    return stored is not None and stored['fingerprint'] == fingerprint


def _train(
    opened: opening.Opened,
    job: Job,
    changes: dict[str, Any],
    folder: Path,
    progress: Callable[[str], Any],
) -> dict[str, Any]:
    """Trains one bank and writes its record; returns what it cost."""
    known = opened.known
    name = job.name(known.task.name)
    shown = progress(f'{known.chosen.label} / {name}')
    trained = training.train(opened, job, folder, shown)
    shown.close()
    record = training.record(known, trained, opened.meta | changes)
    results.write_bank(folder, name, record)
    return {'cells': len(record.source), 'epochs': int(record.epochs_run.max(initial=0))}


def _words(done: list[Job], task: Task) -> str:
    names = [job.name(task.name) for job in done]
    return names[0] if len(names) == 1 else f'{names[0]} and {len(names) - 1} variants of it'
