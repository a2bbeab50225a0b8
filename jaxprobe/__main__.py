"""The `jaxprobe` command: run ls plan check prepare report verify diff.

Every verb imports what it needs and nothing else, so `jaxprobe ls` answers at once.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from jaxprobe.core import objects
from jaxprobe.core.errors import ConfigError, JaxprobeError, suggest


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; returns the exit status (0 well, 1 an error of ours or a failed check)."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ['run']:
        from jaxprobe import launch

        return launch.command(['jaxprobe run', *argv[1:]])
    if argv[:1] == ['plan']:
        from jaxprobe.stages import estimate

        return _guard(lambda: _plan(estimate, argv[1:]))
    parser = _parser()
    if argv and not argv[0].startswith('-') and argv[0] not in VERBS:
        print(f'jaxprobe: no verb {argv[0]!r}. {suggest(argv[0], VERBS)}', file=sys.stderr)
        return 1
    options = parser.parse_args(argv)
    if 'do' not in options:
        parser.print_help()
        return 0
    return _guard(lambda: options.do(options))


def _guard(work) -> int:
    try:
        return work()
    except JaxprobeError as error:
        print(f'{type(error).__name__}: {error}', file=sys.stderr)
        return 1
    except BrokenPipeError:  # `jaxprobe ls | head`
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f'{type(error).__name__}: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130


def _list(options: argparse.Namespace) -> int:
    from jaxprobe.reports.listing import listing

    found = listing(options.what, options.name, as_json=options.json, data_dir=options.data_dir)
    print(found)
    return 0


def _plan(estimate, argv: list[str]) -> int:
    if not argv or '-h' in argv or '--help' in argv:
        print(PLAN_HELP)
        return 0 if argv else 1
    from jaxprobe import launch

    text, fits = estimate.estimate(*launch.resolve(launch.parse(['jaxprobe plan', *argv])))
    print(text)
    return 0 if fits else 1


def _check(options: argparse.Namespace) -> int:
    from jaxprobe.encoders import check

    try:
        text, ok = check.run(
            options.name,
            weights=options.weights,
            arch=options.arch,
            options=options.options,
            dtype=options.dtype,
            reference=options.reference,
            atol=options.atol,
            scale=options.scale,
        )
    except JaxprobeError as error:  # Its words are those of a run; here the flags are shorter.
        flags = r'--config\.encoder\.(weights|arch|options|dtype)='
        raise type(error)(re.sub(flags, r'--\1=', str(error))) from error
    print(text)
    return 0 if ok else 1


def _prepare(options: argparse.Namespace) -> int:
    from jaxprobe.stages.prepare import prepare
    from jaxprobe.tasks import registry

    bare = [pair for pair in options.option if '=' not in pair]
    if bare:
        raise ConfigError(f'--option={bare[0]} has no value: write --option=NAME=VALUE.')
    extra = dict(pair.partition('=')[::2] for pair in options.option)
    data_dir = registry.default_data_dir(options.data_dir)
    task = registry.build(options.task, extra, data_dir)
    text, found = prepare(task, data_dir, decode=options.decode)
    print(text)
    return 0 if found.usable else 1


def _report(options: argparse.Namespace) -> int:
    from jaxprobe.reports import build

    workdirs = [objects.here(w) if objects.is_url(w) else Path(w) for w in options.workdir]
    # One run's own report is verified with it; several side by side get a folder of their own.
    default = workdirs[0] / 'report' if len(workdirs) == 1 else Path('report')
    out = Path(options.out) if options.out else default
    for path in build.build(workdirs, out, audio=options.audio):
        print(path)
    if options.tensorboard:
        from jaxprobe.reports import read, tensorboard

        for path in tensorboard.write(read.load(workdirs), Path(options.tensorboard)):
            print(path)
    if len(workdirs) == 1 and objects.is_url(options.workdir[0]):
        objects.Twin(workdirs[0]).push()
    return 0


def _diff(options: argparse.Namespace) -> int:
    import json

    from jaxprobe.stages.difference import run, words

    folders = [Path(w).expanduser().resolve() for w in (options.a, options.b)]
    try:
        found = run.diff(*folders, stores=not options.no_stores)
    except (JaxprobeError, OSError) as error:  # 1 says that they differ.
        print(f'{type(error).__name__}: {error}', file=sys.stderr)
        return 2
    print(json.dumps(found, indent=1) if options.json else words.text(found))
    return 0 if found['same'] else 1


def _verify(options: argparse.Namespace) -> int:
    from jaxprobe.plan import stores_of
    from jaxprobe.reports import check
    from jaxprobe.stages import verify

    workdir = objects.here(options.workdir)
    if not workdir.is_dir():
        raise ConfigError(
            f'{workdir} is not a folder; `jaxprobe verify` takes the --workdir of a run.'
        )
    stores = Path(options.store_dir) if options.store_dir else stores_of(workdir)
    stores = objects.here(objects.address(stores) or options.store_dir or str(stores))
    asked = options.store_dir != 'none'
    text, ok = verify.verify(workdir, stores if asked and stores.is_dir() else None, check.parts)
    print(text)
    if asked and not stores.is_dir():
        print(
            f'FAIL stores: {stores} is not there; --store_dir=DIR names it, or none leaves it out'
        )
        return 1
    return 0 if ok else 1


PLAN_HELP = """usage: jaxprobe plan --config=FILE[:mode] [--workdir=DIR] [--config.a.b=value ...]

Says what a run will cost before any work: items, hours of audio, bytes per store, GFLOP, time
(from a short timing on this machine), memory of the probes, free disk. Exit status 1 where it
cannot fit; the cheaper setting is named.

examples:
  jaxprobe plan --config=configs/demo.py
  jaxprobe plan --config=configs/muq.py --config.probe.seeds=10
"""

VERBS = {
    'run': 'the whole pipeline; the same as python -m jaxprobe.launch',
    'ls': 'list encoders, tasks, data sets, heads of probes or deformations',
    'plan': 'what a run will cost, before any work',
    'check': 'hold an encoder to its contract and to a reference',
    'prepare': 'what data of a task is there, what is missing, where to get it',
    'report': 'rebuild tables and figures from stored results',
    'verify': 'recompute every reported number',
    'diff': 'what changed between two runs: config, data, code, cells, numbers',
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='jaxprobe',
        description='What does every layer of a frozen music model know?',
        epilog='examples:\n  jaxprobe run --config=configs/demo.py --workdir=runs/demo\n'
        '  jaxprobe ls encoders\n  jaxprobe verify runs/demo',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title='verbs', metavar='VERB')
    for name in ('run', 'plan'):  # Parsed by their own flags; here for the help text.
        verbs.add_parser(name, help=VERBS[name])

    ls = _verb(
        verbs,
        'ls',
        _list,
        'jaxprobe ls encoders\n  jaxprobe ls encoders muq\n  jaxprobe ls tasks --json',
    )
    ls.add_argument('what', choices=['encoders', 'tasks', 'datasets', 'heads', 'deformations'])
    ls.add_argument(
        'name', nargs='?', default='', help='of an encoder or a deformation: its card in full'
    )
    ls.add_argument('--json', action='store_true', help='for programs')
    ls.add_argument('--data_dir', default='', help='where to look for audio ($JAXPROBE_DATA)')

    check = _verb(
        verbs,
        'check',
        _check,
        'jaxprobe check encoder musicnn_msd\n  jaxprobe check encoder muq --weights=DIR '
        '--arch=DIR/config.json --reference=io.npz --atol=5e-5',
    )
    check.add_argument('what', choices=['encoder'])
    check.add_argument('name')
    check.add_argument('--weights', default='', help="the authors' own file, or 'random'")
    check.add_argument('--arch', default='', help="the reference's config.json, or 'tiny'")
    check.add_argument('--options', default='', help='of the encoder: name=value,other=value')
    check.add_argument('--dtype', default='float32', help='float32 or bfloat16')
    check.add_argument('--reference', default='', help='npz of inputs and hidden states')
    check.add_argument('--atol', type=float, default=5e-5, help='times the scale of a state')
    check.add_argument(
        '--scale', choices=['rms', 'max'], default='rms', help='max(1, rms), or largest magnitude'
    )

    prepare = _verb(
        verbs,
        'prepare',
        _prepare,
        'jaxprobe prepare gtzan_genre --data_dir=data\n'
        '  jaxprobe prepare gtzan_genre --data_dir=data --decode\n'
        '  jaxprobe prepare own_data --option=manifest=labels.csv --option=kind=multiclass',
    )
    prepare.add_argument('task')
    prepare.add_argument(
        '--data_dir',
        default='',
        help="holds the owners' layouts (default: $JAXPROBE_DATA, or data)",
    )
    prepare.add_argument('--option', action='append', default=[], metavar='NAME=VALUE')
    prepare.add_argument(
        '--decode', action='store_true', help='decode all audio and compare samples across splits'
    )

    report = _verb(verbs, 'report', _report, 'jaxprobe report runs/muq runs/musicfm --out=both')
    report.add_argument('workdir', nargs='+')
    report.add_argument(
        '--out', default='', help='default: <workdir>/report, or ./report for several'
    )
    report.add_argument(
        '--audio',
        action='store_true',
        help='the page plays confused items from where their audio lies; it then holds the paths, '
        'so leave it off for a page that leaves this machine',
    )
    report.add_argument(
        '--tensorboard', default='', metavar='DIR', help='layer-wise scores as TensorBoard scalars'
    )

    verify = _verb(verbs, 'verify', _verify, 'jaxprobe verify runs/demo')
    verify.add_argument('workdir')
    verify.add_argument(
        '--store_dir', default='', help="default: that of the run; 'none' leaves the stores out"
    )

    diff = _verb(
        verbs,
        'diff',
        _diff,
        'jaxprobe diff runs/before runs/after\n  jaxprobe diff runs/before runs/after --json\n\n'
        'exit status: 0 no difference, 1 different, 2 an error',
    )
    diff.add_argument('a', metavar='A', help='working directory of a run')
    diff.add_argument('b', metavar='B', help='of another')
    diff.add_argument('--json', action='store_true', help='everything, for programs')
    diff.add_argument('--no_stores', action='store_true', help='leave the shards out')
    return parser


def _verb(verbs, name: str, do, example: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=VERBS[name],
        description=VERBS[name],
        epilog=f'examples:\n  {example}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(do=do)
    return parser


if __name__ == '__main__':
    sys.exit(main())
