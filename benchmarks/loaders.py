"""Spoilt and hostile checkpoints through every loader, each with one of two ends.

    python -m benchmarks.loaders
    python -m benchmarks.loaders --seed=7 --count=2000
    python -m benchmarks.loaders --seed=7 --case='torch_zip/made/bomb: sets'
    python -m benchmarks.loaders --formats=h5,keras

A valid small checkpoint of every format is written, spoilt, and loaded in a watched child: by hand
(`benchmarks.loader_hostile`: all of it) or by changing bytes (`benchmarks.loader_cases`: `--count`
of them). It must load as what was written, or be refused by one WeightsError that names the file.
Anything else is a violation, printed with the command that repeats it, and makes the exit status 1:

    ran        an audit hook saw a call, a write, a socket, a file outside, an unknown import; or
               the canary lay there
    memory     the child grew by more than 32 MiB and 64 times the file, returned more than that,
               or ran into its limit of address space
    hang       more than `--seconds` of a processor, or six times that by the clock
    died       the child ended
    error      an exception that is no WeightsError
    unclear    a WeightsError that does not name the file, or cannot be printed
    wrong      other numbers than were written, where a check sum would have told
    accepted   what had to be refused was loaded; or what is whole was refused

Where a format carries no check sum of its tensors, other numbers count as `undetectable`. The last
line is JSON.
"""

import argparse
import collections
import json
import os
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import loader_cases
from benchmarks.loader_cases import ANY, CHANGES, EITHER, FORMATS, REFUSED, SAME

CONSTANT, MULTIPLE = 32 << 20, 64  # Memory a load may take: bytes, and bytes per byte of the file.
ADDRESSES = 768 << 20  # Address space a child may take beyond what it has when it starts.
MESSAGE = 20_000  # Characters of the longest message that still is one.


class Case(NamedTuple):
    """One spoilt checkpoint: `kind/made/name` or `kind/change/number`."""

    kind: str
    how: str
    name: str

    @property
    def id(self) -> str:
        """What `--case` takes."""
        return f'{self.kind}/{self.how}/{self.name}'


class Outcome(NamedTuple):
    """What came of a case: a word, and more about it."""

    word: str
    detail: str
    ok: bool


def planned(seed: int, count: int, kinds: list[str]) -> list[Case]:
    """Every case made by hand, and `count` of changed bytes, in turn over formats and changes."""
    from benchmarks import loader_hostile

    cases = [
        Case(kind, 'made', name) for kind in kinds for name in ('valid', *loader_hostile.of(kind))
    ]
    draw = np.random.RandomState(seed % (1 << 32))
    for number in range(count):
        change = list(CHANGES)[draw.randint(len(CHANGES))]
        cases.append(Case(kinds[number % len(kinds)], change, str(number)))
    return cases


def prepare(case: Case, seed: int, folder: Path) -> str:
    """Writes a case into `folder`; returns what is expected of it."""
    from benchmarks import loader_hostile

    form = FORMATS[case.kind]
    form.write(folder)
    if case.how != 'made':
        number = zlib.crc32(f'{seed} {case.id}'.encode())
        loader_cases.changed(case.kind, case.how, folder, np.random.RandomState(number))
        return EITHER if form.sums else ANY
    if case.name == 'valid':
        return SAME
    made = loader_hostile.of(case.kind)[case.name]
    made.spoil(folder)
    return made.expected


# The child.

# Audit events that no loader may cause.
CALLS = (
    'os.system',
    'os.exec',
    'os.fork',
    'os.forkpty',
    'os.posix_spawn',
    'os.spawn',
    'os.putenv',
    'os.kill',
    'os.remove',
    'os.rename',
    'os.symlink',
    'os.link',
    'os.chmod',
    'os.mkdir',
    'os.rmdir',
    'shutil.rmtree',
    'subprocess.Popen',
    'pty.spawn',
    'socket.',
    'urllib.Request',
    'ctypes.',
    'exec',
    'compile',
    'code.__new__',
    'function.__new__',
    'marshal.',
    'pickle.find_class',
    'builtins.input',
    'webbrowser.open',
)
# What the one reader that unpacks does in a temporary folder of its own.
UNPACKING = ('os.mkdir', 'os.rmdir', 'os.remove', 'shutil.rmtree', 'open', 'os.chmod')


class Watch:
    """An audit hook that keeps what happened while a loader ran."""

    def __init__(self) -> None:
        """Installs the hook; there is no way to take one out again."""
        self.on = False
        self.seen: list[str] = []
        self.inside: tuple[str, ...] = ()
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == 'import':
            module = str(arguments[0])
            if module.split('.')[0] not in KNOWN:
                self.seen.append(f'import {module}')
        elif event == 'open':
            self._opened(*arguments)
        elif event.startswith(CALLS) and not self._unpacks(event, arguments):
            self.seen.append(f'{event} {str(arguments)[:200]}')

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike) or self._unpacks('open', (path,)):
            return  # A number: a file that is open already.
        where = os.path.abspath(os.fsdecode(path))
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        within = any(where.startswith(folder) for folder in self.inside)
        python = where.startswith((sys.prefix, sys.base_prefix)) and where.endswith(('.py', '.pyc'))
        if writes or not (within or python):
            self.seen.append(f'open {where} {mode} {flags}')

    def _unpacks(self, event: str, arguments: tuple[Any, ...]) -> bool:
        path = arguments[0] if arguments else ''
        if event not in UNPACKING or not isinstance(path, str | bytes | os.PathLike):
            return False
        where = os.path.abspath(os.path.join(tempfile.gettempdir(), os.fsdecode(path)))
        return where.startswith(os.path.join(tempfile.gettempdir(), ''))


KNOWN: set[str] = set()


def child() -> None:
    """Loads what the lines of standard input name; answers with a line each."""
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    import ml_dtypes  # noqa: F401 (as every loader does)

    from jaxprobe.encoders.loading.identity import tensors_sha256

    for kind, form in FORMATS.items():  # What is imported late is imported now.
        with tempfile.TemporaryDirectory(prefix=f'{kind}-') as folder:
            form.write(Path(folder))
            form.read(Path(folder) / form.file)
    KNOWN.update(name.split('.')[0] for name in sys.modules)
    status = Path('/proc/self/status')
    addresses = _kib(status, 'VmSize') * 1024 + ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    watch = Watch()
    print('ready', file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        form, path = FORMATS[asked['kind']], Path(asked['path'])
        watch.seen, watch.inside = [], (asked['folder'],)
        Path('/proc/self/clear_refs').write_text('5')  # The peak starts again from here.
        before, started = _kib(status, 'VmRSS'), time.perf_counter()
        found, raised = None, None
        watch.on = True
        try:
            found = form.read(path)
        except BaseException as error:
            raised = error
        watch.on = False
        took = time.perf_counter() - started
        answer: dict[str, Any] = {
            'seconds': took,
            'grown': max(0, _kib(status, 'VmHWM') - before) * 1024,
            'seen': watch.seen[:5],
        }
        if found is not None:
            answer['bytes'] = sum(array.nbytes for array in found.values())
            if answer['bytes'] < ADDRESSES // 4:
                answer['sha256'] = tensors_sha256(found)
        else:
            answer |= _told(raised)
        del found, raised
        print(json.dumps(answer), file=answers, flush=True)


def _kib(status: Path, name: str) -> int:
    line = next(s for s in status.read_text().splitlines() if s.startswith(name))
    return int(line.split()[1])


def _told(error: BaseException | None) -> dict[str, Any]:
    """What an exception is and says; and whether memory was asked for in vain below it."""
    kinds, seen = [], error
    while seen is not None:
        kinds.append(type(seen).__name__)
        seen = seen.__cause__ or seen.__context__
    try:
        message = str(error)
        message.encode()
        printable = message.isprintable() or '\x1b' not in message
    except (UnicodeError, MemoryError, RecursionError):
        message, printable = repr(error), False
    return {
        'error': kinds[0],
        'below': kinds[1:],
        'printable': printable,
        'length': len(message),
        'message': ascii(message[:1500]),
    }


# The parent.


class Child:
    """A watched process that loads; started again when it ends."""

    def __init__(self, scratch: Path) -> None:
        """Starts it."""
        self.scratch, self.process, self.starts = scratch, None, 0

    def ask(self, case: Case, folder: Path, seconds: float) -> dict[str, Any]:
        """Has a case loaded; returns the child's answer, or how it ended."""
        process = self._running()
        path = folder / FORMATS[case.kind].file
        line = json.dumps({'kind': case.kind, 'path': str(path), 'folder': str(folder)})
        assert process.stdin
        process.stdin.write(f'{line}\n'.encode())
        process.stdin.flush()
        used = _cpu_seconds(process.pid)
        for _ in range(6):  # Where others run on this machine, the clock says little.
            answer = self._line(seconds)
            if answer or process.poll() is not None or _cpu_seconds(process.pid) - used > seconds:
                break
        if answer is None:
            over = process.poll() is None
            self.end()
            return {'ended': 'hang' if over else f'died with {process.returncode}'}
        return json.loads(answer)

    def end(self) -> None:
        """Ends the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is not None and self.process.poll() is None:
            return self.process
        temporary = self.scratch / 'tmp'
        temporary.mkdir(exist_ok=True)
        environment = os.environ | {
            'TMPDIR': str(temporary),
            'JAXPROBE_CANARY': str(self.scratch),
            'JAX_PLATFORMS': 'cpu',
            'HDF5_USE_FILE_LOCKING': 'FALSE',
            'OPENBLAS_NUM_THREADS': '1',
        }
        self.starts += 1
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'benchmarks.loaders', '--child'],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        if self._line(120.0) != b'ready\n':
            raise SystemExit('the child that loads did not start')
        return self.process

    def _line(self, seconds: float) -> bytes | None:
        """The child's next line; None where it does not come in time or the child has ended."""
        assert self.process
        assert self.process.stdout
        end, data = time.monotonic() + seconds, b''
        while not data.endswith(b'\n'):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            part = self.process.stdout.read(1 << 16)
            if not part:
                self.process.wait()
                return None
            data += part
        return data


def _cpu_seconds(pid: int) -> float:
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def judge(case: Case, expected: str, answer: dict[str, Any], size: int) -> Outcome:
    """Says what came of a case.

    Args:
        case: which.
        expected: of `loader_cases`.
        answer: the child's.
        size: of the spoilt files in bytes.
    """
    if 'ended' in answer:
        word = 'hang' if answer['ended'] == 'hang' else 'died'
        return Outcome(word, answer['ended'], False)
    if answer['seen']:
        return Outcome('ran', '; '.join(answer['seen']), False)
    allowed = CONSTANT + MULTIPLE * size
    below = [*answer.get('below', []), answer.get('error', '')]
    if answer['grown'] > allowed or 'MemoryError' in below:
        grown = f'{answer["grown"] / 2**20:.0f} MiB for a file of {size} bytes'
        return Outcome('memory', f'grew by {grown}; {answer.get("message", "loaded")}', False)
    if 'error' in answer:
        return _refusal(case, expected, answer)
    if answer['bytes'] > allowed:
        returned = f'{answer["bytes"]} bytes of tensors for a file of {size}'
        return Outcome('memory', f'returned {returned}', False)
    if answer['sha256'] == truth(case.kind):
        return (
            Outcome('accepted', 'loaded as if it were whole', False)
            if (expected == REFUSED)
            else Outcome('loads as written', '', True)
        )
    if expected == ANY:
        return Outcome('undetectable', 'other numbers, no check sum', True)
    word = 'accepted' if expected == REFUSED else 'wrong'
    return Outcome(word, 'loads with other numbers than were written', False)


def _refusal(case: Case, expected: str, answer: dict[str, Any]) -> Outcome:
    message = answer['message']
    if answer['error'] != 'WeightsError':
        return Outcome('error', f'{answer["error"]}: {message}', False)
    name = Path(FORMATS[case.kind].file).name or 'variables'
    if name not in message or not answer['printable'] or answer['length'] > MESSAGE:
        return Outcome('unclear', f'{answer["length"]} characters: {message}', False)
    if expected == SAME:
        return Outcome('accepted', f'whole, but refused: {message}', False)
    return Outcome('refused', message, True)


def truth(kind: str) -> str:
    """The identity of a format's true tensors."""
    from jaxprobe.encoders.loading.identity import tensors_sha256

    return tensors_sha256(FORMATS[kind].truth)


def run(case: Case, seed: int, scratch: Path, worker: Child, seconds: float) -> Outcome:
    """Prepares, loads and judges a case."""
    folder = scratch / 'case'
    folder.mkdir()
    try:
        expected = prepare(case, seed, folder)
        size = _size(folder)
        answer = worker.ask(case, folder, seconds)
        outcome = judge(case, expected, answer, size)
    finally:
        shutil.rmtree(folder)
    strays = [p.name for p in scratch.iterdir() if p.name != 'tmp']
    litter = [p.name for p in (scratch / 'tmp').iterdir()] if 'ended' not in answer else []
    for stray in strays:
        (scratch / stray).unlink()
    if strays or litter:
        return Outcome('ran', f'left {strays or litter} behind', False)
    return outcome


def _size(folder: Path) -> int:
    files = [p for p in folder.rglob('*') if p.is_file() and not p.is_symlink()]
    return sum(p.stat().st_size for p in files)


def campaign(cases: list[Case], seed: int, seconds: float) -> Iterator[tuple[Case, Outcome]]:
    """Runs cases one after another in one child, which is replaced where it ends."""
    with tempfile.TemporaryDirectory(prefix='loaders-') as scratch:
        worker = Child(Path(scratch))
        try:
            for case in cases:
                yield case, run(case, seed, Path(scratch), worker, seconds)
        finally:
            worker.end()


def table(counts: dict[str, collections.Counter[str]]) -> str:
    """Formats by outcomes."""
    words = sorted({word for row in counts.values() for word in row})
    lines = [' | '.join(['format'.ljust(12), *words, 'a changed number is told by'])]
    for kind, row in counts.items():
        told = FORMATS[kind].sums or 'nothing: undetectable by the format'
        cells = [str(row[word]).rjust(len(word)) for word in words]
        lines.append(' | '.join([kind.ljust(12), *cells, told]))
    return '\n'.join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Runs the campaign; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n')[0])
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--count', type=int, default=300, help='cases of changed bytes')
    parser.add_argument('--formats', default='', help='some of them, by commas')
    parser.add_argument('--case', default='', help='one case by its ID, and all it says')
    parser.add_argument('--seconds', type=float, default=10.0, help='processor time of a load')
    parser.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        child()
        return 0
    kinds = asked.formats.split(',') if asked.formats else list(FORMATS)
    if set(kinds) - set(FORMATS):
        parser.error(f'--formats={asked.formats}: the formats are {", ".join(FORMATS)}')
    cases = planned(asked.seed, asked.count, kinds)
    if asked.case:
        cases = [Case(*asked.case.split('/', 2))]
    started, faults = time.perf_counter(), []
    counts: dict[str, collections.Counter[str]] = {}
    for case, outcome in campaign(cases, asked.seed, asked.seconds):
        counts.setdefault(case.kind, collections.Counter())[outcome.word] += 1
        if asked.case:
            print(f'{case.id}: {outcome.word}. {outcome.detail}')
        if not outcome.ok:
            faults.append(case.id)
            print(f'{outcome.word}: {case.id}: {outcome.detail[:400]}')
            repeat = f'python -m benchmarks.loaders --seed={asked.seed} --case={case.id!r}'
            print(f'    {repeat}', flush=True)
    print(table(counts))
    total = sum((row for row in counts.values()), collections.Counter())
    summary = {
        'cases': len(cases),
        'seed': asked.seed,
        'outcomes': dict(sorted(total.items())),
        'violations': len(faults),
        'seconds': round(time.perf_counter() - started, 1),
    }
    print(json.dumps(summary))
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
