"""`jaxprobe diff A B`: what changed between two working directories, and whether it matters.

Config: every setting. Data: splits, items, labels, what is missing, shards. Code: versions, ports,
fingerprints, weights. Cells: which there are, how they trained, every logit. Numbers: every value
of the result files and of `across/`, with both intervals; the scores of selected cells also by a
paired bootstrap where both runs were scored on the same items. Nothing is trained or written.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError
from jaxprobe.features import manifest
from jaxprobe.plan import decides, pinned, stores_of
from jaxprobe.stages import analyse, results, score
from jaxprobe.stages.difference import records, values
from jaxprobe.stages.difference.values import ABSENT, Change, change, changes

# What `bank.json` says, by the part of the difference that it belongs to; the rest is data.
_CONFIG = ('protocol', 'sources', 'root_seed', 'limit', 'logits_dtype', 'config_sha256', 'variant')
_CODE = ('env', 'encoder', 'fingerprint', 'head', 'spectra')
_HASHES = ('files', 'record_sha256')  # Of what is compared itself.

# Of a result file, what its record has said already, and the scores that are told apart.
_SAID = ('main_score', 'metrics', 'schema')
_MACHINE = ('python', 'cpus', 'device', 'host')


class Run(NamedTuple):
    """One side: a working directory, and where its stores lie (None: they are not compared)."""

    workdir: Path
    stores: Path | None


def diff(a: Path, b: Path, *, stores: bool = True) -> dict[str, Any]:
    """Compares two working directories.

    Args:
        a, b: of finished runs.
        stores: compare the bytes of shards that both have.

    Returns:
        {a, b, same, changes}: `changes` as `values.change` makes them. Changes of the part
        'aside' (where data lie, which machine) leave `same` true.

    Raises:
        StoreError: a directory holds no results, or a record cannot be read.
    """
    runs = [Run(path, stores_of(path) if stores else None) for path in (a, b)]
    found = [*_config(*runs), *_machine(*runs)]
    banks = [{_name(*record): record for record in results.records(run.workdir)} for run in runs]
    for run, has in zip(runs, banks, strict=True):
        if not has:
            raise StoreError(
                f'{run.workdir} holds no results ({run.workdir / "results"}/<encoder>/<task>.'
                f'{results.BANK}). Is it the --workdir of a run that has probed something?'
            )
    found += records.only('cells', '', 'results', banks[0], banks[1])
    for name in [name for name in banks[0] if name in banks[1]]:
        found += _task(name, banks[0][name], banks[1][name])
    found += _across(*runs)
    found += _stores(*runs) if stores else []
    same = not any(one['part'] != 'aside' for one in found)
    return {'a': str(a), 'b': str(b), 'same': same, 'changes': score.tidied(found)}


def _name(folder: Path, task: str) -> str:
    return f'{folder.name}/{task}'


def _config(a: Run, b: Run) -> Iterator[Change]:
    """Settings that differ; those that change no number are an aside."""
    for found in changes('config', '', _pinned(a.workdir), _pinned(b.workdir)):
        yield found if decides(found['what']) else found | {'part': 'aside'}


def _machine(a: Run, b: Run) -> Iterator[Change]:
    costs = [_json(run.workdir / 'cost.json') for run in (a, b)]
    for key in _MACHINE:
        sides = [cost.get(key, ABSENT) for cost in costs]
        if sides[0] != sides[1]:
            yield change('aside', '', key, *sides)


def _task(name: str, a: tuple[Path, str], b: tuple[Path, str]) -> Iterator[Change]:
    """Everything of one record, and of its result file where it has one."""
    for side, bank in (('A', a), ('B', b)):
        for sentence in results.damage(*bank):
            sides = (sentence, ABSENT) if side == 'A' else (ABSENT, sentence)
            yield change('data', name, f'changed after the run in {side}', *sides)
    one, two = results.load_bank(*a), results.load_bank(*b)
    yield from _meta(name, one.meta, two.meta)
    yield from records.items(name, one, two)
    yield from records.cells(name, one, two)
    files = [results.paths(*bank)['result'] for bank in (a, b)]
    if results.VARIANT not in a[1]:  # The numbers of a variant are in its task's file.
        yield from _numbers(name, _json(files[0]), _json(files[1]), one, two)


def _meta(name: str, a: dict[str, Any], b: dict[str, Any]) -> Iterator[Change]:
    for key in sorted((a.keys() | b.keys()) - set(_HASHES)):
        part = 'config' if key in _CONFIG else 'code' if key in _CODE else 'data'
        for found in changes(part, name, a.get(key, ABSENT), b.get(key, ABSENT), key):
            code = found['what'].startswith('task.metric_sources')
            setting = found['what'].startswith('task.options')
            yield found | {'part': 'code' if code else 'config' if setting else part}


def _numbers(
    name: str,
    a: dict[str, Any],
    b: dict[str, Any],
    one: results.BankRecord,
    two: results.BankRecord,
) -> Iterator[Change]:
    """Every reported value; scores of the selected cells with a paired bootstrap."""
    if not a or not b:
        if a or b:
            yield change(
                'numbers', name, 'result file', *('there' if x else ABSENT for x in (a, b))
            )
        return
    carried = (*analyse.CARRIED, *_SAID)
    draws = [found.get('bootstrap', {}).get('resamples', 0) for found in (a, b)]
    for found in changes('numbers', name, a.get('metrics', {}), b.get('metrics', {}), ''):
        metric, _, field = found['what'].rpartition('.')
        if field == 'value' and values.number(found['a']) and values.number(found['b']):
            found |= records.paired(metric, one, two, max(draws)) or {}
        yield found
    one_rest, two_rest = ({k: v for k, v in x.items() if k not in carried} for x in (a, b))
    yield from changes('numbers', name, one_rest, two_rest)


def _across(a: Run, b: Run) -> Iterator[Change]:
    """Values over several encoders, or of whole stores."""
    folders = [run.workdir / 'across' for run in (a, b)]
    for file in sorted({path.name for folder in folders for path in folder.glob('*.json')}):
        sides = [_json(folder / file) for folder in folders]
        yield from changes('numbers', f'across/{file}', sides[0], sides[1])


def _stores(a: Run, b: Run) -> Iterator[Change]:
    """Shards of the stores that both runs read, where they are not the same folder."""
    read = [_read(run.workdir) for run in (a, b)]
    for encoder in sorted(read[0].keys() & read[1].keys()):
        for name, other in zip(read[0][encoder], read[1][encoder], strict=False):
            folders = [Path(r.stores or '') / n for r, n in ((a, name), (b, other))]
            if folders[0].resolve() == folders[1].resolve():
                continue
            gone = [not (folder / manifest.MANIFEST).is_file() for folder in folders]
            if any(gone):
                sides = [ABSENT if lost else 'there' for lost in gone]
                what = 'store, so that shards are not compared'
                yield change('aside', encoder, what, sides[0], sides[1])
                continue
            yield from _store(encoder, folders[0], folders[1])


def _store(encoder: str, a: Path, b: Path) -> Iterator[Change]:
    specs = [manifest.read_spec(folder) for folder in (a, b)]
    yield from changes('code', encoder, specs[0].record(), specs[1].record(), 'store')
    if specs[0].fingerprint != specs[1].fingerprint:
        return  # Other bytes are what one expects.
    plans = [manifest.read_manifest(folder) for folder in (a, b)]
    keys = [[tuple(clip.key for clip in shard) for shard in plan] for plan in plans]
    place = {shard: index for index, shard in enumerate(keys[1])}
    apart = [index for index, shard in enumerate(keys[0]) if shard not in place]
    if apart:
        words = f'{len(apart)} shards hold other clips than those of B', 'not compared'
        yield change('aside', encoder, 'layout of the store', *words)
    for index, shard in enumerate(keys[0]):
        if shard in place:
            files = manifest.shard_path(a, index), manifest.shard_path(b, place[shard])
            sides = [fs.sha256(file)[:12] if file.is_file() else ABSENT for file in files]
            if sides[0] != sides[1]:
                yield change('data', encoder, f'shard {files[0].name} of {a.name}', *sides)


def _read(workdir: Path) -> dict[str, list[str]]:
    """Encoder -> names of the stores that its banks read, in the order of tasks."""
    found: dict[str, list[str]] = {}
    for folder, task in results.records(workdir):
        meta = results.stored_meta(folder, task) or {}
        store = meta.get('store', {}).get('dir')
        if store and store not in found.setdefault(folder.name, []):
            found[folder.name].append(store)
    return found


def _pinned(workdir: Path) -> dict[str, Any]:
    """The settings of a run, {} where it has none."""
    try:
        return pinned(workdir)
    except FileNotFoundError:
        return {}


def _json(path: Path) -> dict[str, Any]:
    """A JSON file, {} where it is not there.

    Raises:
        StoreError: it is no JSON.
    """
    try:
        return fs.read_json(path)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StoreError(f'{path} cannot be read: {error}') from error
