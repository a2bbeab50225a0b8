"""The probe stage: embeddings from the store, a task's banks, their records on disk.

First the task's own bank, then the variants that `config.study` asks for. Each has a record with a
fingerprint of everything that decides its numbers, so a run that was killed goes on in the bank it
was in and redoes no other.

Where processes train banks together, all of them come here at the same time. The first says what
is done and writes the records; the others wait for each.
"""

import contextlib
import functools
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jaxprobe.encoders.base import Encoder
from jaxprobe.plan import EncoderPlan, Plan
from jaxprobe.probes.checkpoint import Checkpoint
from jaxprobe.stages import cluster, deformed_probe, results, training, variants
from jaxprobe.stages import opened as opening
from jaxprobe.stages.job import Job
from jaxprobe.tasks.base import Task

TRAINING = 'training'  # In the working directory: banks that are not finished.


def run(
    encoder: Encoder,
    chosen: EncoderPlan,
    task: Task,
    plan: Plan,
    workdir: Path,
    progress: Callable[[str], Any],
    *,
    part: str = 'all',
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Trains the banks of one encoder and task whose records are not there already.

    Args:
        encoder, chosen, task, plan: what to train on, and how.
        workdir: where records are written.
        progress: label -> what is called after every epoch, and closed.
        part: of the jobs, by how many processes do them: 'together' those that are trained as a
            bank, which all processes of the run do at the same time; 'rest' those that this leaves
            to one process; 'all'.

    Yields:
        The name of a record and what its bank cost, as soon as it is written by this process.

    Raises:
        ConfigError: a variant that is asked for cannot be.
        DataError: a split is left without items.
        StoreError: the store lacks audio of this task; the extract stage has to run first.
    """
    together = part == 'together'
    known = opening.look(encoder, chosen, task, plan)
    variants.planned(known)  # Refuses what cannot be before hours of training, not after.
    folder = workdir / 'results' / chosen.label
    minutes = plan.probe.checkpoint_minutes
    with contextlib.ExitStack() as stack:
        opened = functools.cache(lambda: stack.enter_context(opening.reading(known)))
        done = []

        def banks(jobs: list[Job]) -> Iterator[tuple[str, dict[str, Any]]]:
            for job in jobs:
                if part == ('rest' if job.solve is None else 'together'):
                    continue
                changes = job.changes(known.meta['fingerprint'])
                name, wanted = job.name(task.name), (known.meta | changes)['fingerprint']
                look = functools.partial(_is_done, folder, name, wanted)
                kept = workdir / TRAINING / chosen.label / name
                what = f'{chosen.label}/{name}'
                if cluster.the_first_finds(what, look) if together else look():
                    done.append(job)
                    _forget(kept)
                    continue
                began = time.monotonic()
                checkpoint = Checkpoint(kept, wanted, 60 * minutes) if minutes else None
                how = training.together() if together else training.How(checkpoint=checkpoint)
                cost = _train(opened(), job, changes, folder, progress, how)
                _forget(kept)
                if cost:
                    seconds = round(time.monotonic() - began, 3)
                    yield name, {'seconds': seconds} | cost

        yield from banks([Job(known.grid)])
        if variants.asked(plan.study):
            own = results.read_bank(folder, task.name)
            yield from banks(variants.make(known, own))
            yield from banks(deformed_probe.of_heads(known, folder))
        if done and not (together and cluster.index()):
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
    how: training.How,
) -> dict[str, Any]:
    """Trains one bank and writes its record.

    Returns:
        What it cost; nothing where another process writes it.
    """
    known = opened.known
    name = job.name(known.task.name)
    shown = progress(f'{known.chosen.label} / {name}') if how.keeps else None
    with cluster.working_together(f'{known.chosen.label} / {name}'):
        trained = training.train(opened, job, folder, shown, how)
    cost = {}
    if shown is not None:
        shown.close()
    if trained is not None:
        record = training.record(known, trained, opened.meta | changes)
        results.write_bank(folder, name, record)
        cost = {'cells': len(record.source), 'epochs': int(record.epochs_run.max(initial=0))}
    if how.devices is not None:
        cluster.meet(f'{known.chosen.label}/{name}')
    return cost


def _forget(kept: Path) -> None:
    """Removes what was kept of a bank in training, and the folders above it that are empty."""
    if kept.exists():
        shutil.rmtree(kept, ignore_errors=True)
        with contextlib.suppress(OSError):  # Other banks are in training.
            kept.parent.rmdir()
            kept.parents[1].rmdir()


def _words(done: list[Job], task: Task) -> str:
    names = [job.name(task.name) for job in done]
    return names[0] if len(names) == 1 else f'{names[0]} and {len(names) - 1} variants of it'
