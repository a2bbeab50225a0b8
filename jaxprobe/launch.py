"""The one entry point: python -m jaxprobe.launch --config=FILE[:mode] --workdir=DIR

Start reading here. A config becomes a plan (`plan.py`), the plan is pinned to the working
directory, and the stages run in order. Each stage reads only what earlier ones left on disk, so
any of them can be run again alone, and a run that was killed continues with the same command.
Loops live in stages/, arithmetic in probes/ and analysis/.
"""

import contextlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from ml_collections import config_flags

from jaxprobe import plan as planning
from jaxprobe.core import command_line, objects
from jaxprobe.core.errors import ConfigError, JaxprobeError, StoreError, suggest
from jaxprobe.stages import cluster, pipeline, working


def report(plan: planning.Plan, workdir: Path, cost: pipeline.Cost) -> None:
    """The last stage: tables, figures and the page, and the result table on the terminal."""
    from jaxprobe.reports import build

    paths = build.build([workdir], workdir / 'report')
    print(build.console([workdir]))
    print(f'report: {workdir / "report" / "index.html"} ({len(paths)} files)')


STAGES: dict[str, pipeline.Stage] = {**pipeline.STAGES, 'report': report}
SHARED = {'extract', 'probe'}  # Stages that several processes do together; others are one's.
NEED_DATA = {'prepare', 'extract', 'probe', 'similarity'}

_CONFIG = config_flags.DEFINE_config_file('config', None, 'What to run: FILE or FILE:mode.')
_WORKDIR = flags.DEFINE_string('workdir', None, 'Where everything is written.')
_COORDINATOR = flags.DEFINE_string('coordinator', '', 'Of several processes: HOST:PORT.')
_PROCESSES = flags.DEFINE_string('processes', '', "How many there are, or 'auto'.")
_PROCESS = flags.DEFINE_integer('process', -1, 'Which of them this is, from 0.')
_STAGES = flags.DEFINE_list('stages', list(STAGES), 'Which to run, in order.')

HELP = """Probes every layer of a frozen music model.

  python -m jaxprobe.launch --config=configs/demo.py --workdir=runs/demo
  python -m jaxprobe.launch --config=configs/muq.py:smoke --workdir=/tmp/muq
  python -m jaxprobe.launch --config=configs/muq.py --workdir=runs/muq --config.probe.seeds=5
  python -m jaxprobe.launch --config=configs/own_data.py --workdir=runs/mine \\
      --config.manifest=labels.csv --config.kind=multiclass --config.encoder.name=musicnn_msd
  python -m jaxprobe.launch --config=configs/demo.py --workdir=runs/demo --stages=analyse,report

A run that was interrupted continues with the same command. `jaxprobe plan --config=FILE` says
what a run will cost before any work.
"""


def run(
    plan: planning.Plan,
    workdir: Path,
    stages: Sequence[str],
    members: cluster.Members = cluster.ALONE,
    twins: Sequence[objects.Twin] = (),
) -> None:
    """Runs the named stages of a plan, in the pipeline's order.

    Args:
        plan: what to do.
        workdir: where to write.
        stages: names of `STAGES`.
        members: the processes of this run, which meet after every stage.
        twins: folders that are handed over to an object store after every stage.

    Raises:
        ConfigError: an unknown stage, or a working directory of another plan.
        DataError: none of the tasks can be run.
    """
    for name in stages:
        if name not in STAGES:
            raise ConfigError(f'--stages: {name!r} is unknown. {suggest(name, STAGES)}')
    for folder in (workdir, plan.store_dir):
        cluster.check_shared(folder, members)
    if members.first:
        planning.pin(plan, workdir)
    members.meet('pinned')
    if not members.first:
        planning.pin(plan, workdir)
    cluster.check_same('its stages', ', '.join(stages), members)
    # What a plan is pinned by leaves out some of these.
    asked = json.dumps({part: plan.record[part] for part in ('probe', 'study')}, sort_keys=True)
    cluster.check_same('its settings', asked, members)
    if NEED_DATA & set(stages):
        plan = planning.usable(plan)
        pipeline.tell_skipped(plan, workdir)
        labels = [one.label for one in plan.encoders] + [task.name for task in plan.tasks]
        cluster.check_same('what it can run', ', '.join(labels), members)
    for name, stage in STAGES.items():
        if name not in stages or pipeline.idle(name, plan):
            continue
        began, cost = time.monotonic(), pipeline.Cost(workdir, members.index)
        if members.first or name in SHARED:
            print(f'== {name}', flush=True)
            stage(plan, workdir, cost)
        members.meet(name)
        if members.first:
            cost.gather(workdir)
            cost.add_stage(name, time.monotonic() - began)
        members.meet(f'{name}-recorded')
        _hand_over(twins)


def main(argv: Sequence[str]) -> None:
    """Resolves the config, pins the working directory and runs the stages."""
    if _WORKDIR.value is None:
        raise ConfigError('--workdir is needed: the folder where everything is written.\n\n' + HELP)
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, _interrupt)
    _cache_compilations()
    plan, workdir = resolve(argv)
    asked = cluster.Flags(_COORDINATOR.value, _PROCESSES.value, _PROCESS.value)
    members = cluster.join(asked)
    twins = objects.of_run(workdir, plan.store_dir)
    if twins and members.count > 1:
        raise ConfigError(
            f'{twins[0].url}: several processes need one --workdir and one store_dir on a disk '
            f'that they share; a folder in an object store is for one process.'
        )
    with working.held(workdir, first=members.first):
        for twin in twins:
            twin.pull()
        try:
            run(plan, workdir, _STAGES.value, members, twins)
        except BaseException:  # What is finished is handed over; the error is the user's news.
            with contextlib.suppress(StoreError):
                _hand_over(twins)
            raise


def _hand_over(twins: Sequence[objects.Twin]) -> None:
    for twin in twins:
        twin.push()


def resolve(argv: Sequence[str]) -> tuple[planning.Plan, Path]:
    """Turns parsed flags into a plan and a working directory (a default one for `jaxprobe plan`).

    Raises:
        ConfigError: no config, leftover arguments, or a config that cannot be used.
    """
    if len(argv) > 1:
        raise ConfigError(f'unexpected arguments: {argv[1:]}. Options are written --name=value.')
    if _CONFIG.value is None:
        raise ConfigError('--config is needed.\n\n' + HELP)
    workdir = objects.local(_WORKDIR.value or 'runs/plan')
    return planning.resolve(_CONFIG.value, workdir), workdir


def command(argv: Sequence[str]) -> int:
    """Parses flags and runs; every mistake of the user's becomes one message.

    Args:
        argv: the program's name, then its arguments.

    Returns:
        The exit status: 0, or 1 after an error of ours.
    """
    if any(a in ('-h', '--help', '-help') for a in argv[1:]):
        print(HELP + '\nFlags:\n' + flags.FLAGS.module_help('jaxprobe.launch'))
        return 0
    try:
        main(parse(argv))
    except JaxprobeError as error:
        print(f'\n{type(error).__name__}: {error}', file=sys.stderr)
        return cluster.leave(1)
    except OSError as error:  # A full disk, a folder that may not be written, a lost mount.
        print(
            f'\n{type(error).__name__}: {error}. What was finished is kept: mend the disk or the '
            f'path, and the same command continues.',
            file=sys.stderr,
        )
        return cluster.leave(1)
    except Exception:
        traceback.print_exc()
        return cluster.leave(1)
    return 0


def parse(argv: Sequence[str]) -> list[str]:
    """Parses flags, and turns what ml_collections says of a bad one into one readable message.

    Raises:
        ConfigError: an unknown flag, mode or setting, or a value of the wrong type.
    """
    command_line.check(argv)
    try:
        return flags.FLAGS(list(argv))
    except JaxprobeError:
        raise
    except Exception as error:  # A config file is the user's code: it may raise anything.
        raise ConfigError(command_line.explain(argv, error)) from error


def _interrupt(signum: int, frame: object) -> None:
    """Ends the process at once: everything on disk is whole or absent at any moment.

    An exception would be the usual way, but one raised inside a callback of XLA is swallowed.
    """
    name = signal.Signals(signum).name
    print(f'\ninterrupted by {name}: the same command continues from here.', file=sys.stderr)
    sys.stderr.flush()
    os._exit(130)


def _cache_compilations() -> None:
    """Keeps compiled programs across runs: the bank of a task shape compiles once per machine."""
    import jax

    root = os.environ.get('JAXPROBE_CACHE') or Path.home() / '.cache' / 'jaxprobe'
    jax.config.update('jax_compilation_cache_dir', str(Path(root) / 'compiled'))


if __name__ == '__main__':
    sys.exit(command(sys.argv))
