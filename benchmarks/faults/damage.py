"""Files of a finished run that are cut short or differ by a byte."""

import random
from pathlib import Path
from typing import NamedTuple

from benchmarks.faults import child, state
from benchmarks.faults.case import Case, Outcome, Place, tail

HOW = ('cut', 'flip')


class Kind(NamedTuple):
    """A kind of file.

    Attributes:
        name: for people.
        pattern: below a folder of the campaign.
        mode: of the config that has it.
        found: whether `jaxprobe verify` is meant to find it.
        again: whether banks are trained again before the run goes on, so that it is read.
    """

    name: str
    pattern: str
    mode: str
    found: bool = True
    again: bool = False


KINDS = (
    Kind('shard', 'stores/*/*-0????', 'clips', again=True),
    Kind('shard of frames', 'stores/*/*-0????', 'frames', again=True),
    Kind('sidecar', 'stores/*/*-0????.json', 'clips', again=True),
    Kind('manifest', 'stores/*/manifest.json', 'clips', again=True),
    Kind('fingerprint', 'stores/*/fingerprint.json', 'clips', again=True),
    Kind('hashes', 'stores/file_hashes.json', 'clips', found=False, again=True),
    Kind('waves', 'stores/stems-*/*.npy', 'frames', found=False, again=True),
    Kind('bank', 'run/results/*/*.bank.json', 'clips'),
    Kind('cells', 'run/results/*/*.cells.parquet', 'clips'),
    Kind('logits', 'run/results/*/*.logits.npz', 'frames'),
    Kind('result', 'run/results/*/synth_instrument.json', 'clips'),
    Kind('comparisons', 'run/across/comparisons.json', 'clips'),
    Kind('similarity', 'run/across/similarity.json', 'clips'),
    Kind('clips of similarity', 'run/across/similarity.clips.json', 'clips', found=False),
    Kind('table', 'run/report/*.csv', 'clips'),
    Kind('figure', 'run/report/figures/*', 'clips'),
    Kind('plan', 'run/plan.json', 'clips', found=False),
    Kind('cost', 'run/cost.json', 'clips', found=False),
)


def cases(modes: list[str]) -> list[Case]:
    """Every kind that these modes have, cut and with a flipped bit."""
    return [_damaged(kind, how) for kind in KINDS for how in HOW if kind.mode in modes]


def _damaged(kind: Kind, how: str) -> Case:
    def work(place: Place, outcome: Outcome) -> None:
        place.fill(kind.mode)
        path = place.rng.choice(sorted(place.slot.glob(kind.pattern)))
        where = spoil(path, how, place.rng)
        name = path.relative_to(place.slot)
        what = f'{kind.mode}, {name} {where}'
        outcome.faults += 1
        if kind.found:
            _verified(place, outcome, what, path)
        if kind.again:
            for bank in (place.slot / 'run').rglob('*.bank.json'):
                bank.unlink()
        ended = child.start(place.slot, kind.mode).wait()
        if ended.status == 0:
            told = state.differences(place.expected[kind.mode], place.slot)
            if kind.found and told == [f'{name} differs']:
                outcome.notes.append(f'{what}: no reader needs it, verify tells')
                return
            outcome.violations += [f'{what}: unnoticed, and {line}' for line in told[:5]]
            outcome.notes.append(f'{what}: made good')
            return
        place.refused(ended, outcome, what, (path.name, str(path.parent)))
        outcome.notes.append(f'{what}: refused')
        _follow(place, ended.text, path)
        place.finish(kind.mode, outcome, f'{what}, then done as the error says')

    return Case('damage', f'{kind.name} {how}', work)


def _verified(place: Place, outcome: Outcome, what: str, path: Path) -> None:
    ended = child.verify(place.slot)
    if not ended.status:
        outcome.violations.append(f'{what}: jaxprobe verify does not find it')
    elif path.name not in ended.text and path.name.split('.')[0] not in ended.text:
        outcome.violations.append(f'{what}: jaxprobe verify does not name it: {tail(ended)}')
    elif 'Traceback' in ended.text:
        outcome.violations.append(f'{what}: jaxprobe verify ends in a traceback: {tail(ended)}')


def _follow(place: Place, text: str, path: Path) -> None:
    """Deletes what an error asks to delete: the store, or the file that was damaged."""
    import shutil

    if 'elete the store' in text:
        shutil.rmtree(path.parent)
    elif path.name.endswith(('.cells.parquet', '.logits.npz')):
        path.with_name(path.name.split('.')[0] + '.bank.json').unlink()
    else:
        path.unlink()


def spoil(path: Path, how: str, rng: random.Random) -> str:
    """Cuts a file, or flips a bit of it; says where."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    if how == 'cut':
        path.write_bytes(bytes(data[:at]))
        return f'cut to {at} of {len(data)} bytes'
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(data))
    return f'with a flipped bit in byte {at} of {len(data)}'
