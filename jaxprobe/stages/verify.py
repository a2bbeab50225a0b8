"""`jaxprobe verify`: does every reported number follow from the stored logits?

Per (encoder, task): the hashes of the record, the score columns recomputed from the logits, and
the whole result file recomputed from the record. Then the tables and files of the report, and
the shards the run read. Anything that differs is named with its file, field, stored and
recomputed value.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxprobe.core import compared, fs, schema
from jaxprobe.core.errors import JaxprobeError
from jaxprobe.metrics import extra
from jaxprobe.stages import across, analyse, results

_AGAIN = 'run the analyse stage again.'
SHOWN = 20  # Differences printed per part; all are counted.

# What was compared, how much of it, and every difference.
Part = tuple[str, int, list[str]]
# workdir -> parts; the report's own check, handed in because reports lie on this floor too.
ReportCheck = Callable[[Path], list[Part]]


def verify(
    workdir: Path, store_dir: Path | None = None, check_report: ReportCheck | None = None
) -> tuple[str, bool]:
    """Recomputes every number of a working directory.

    Args:
        workdir: of one or more finished runs.
        store_dir: holds the stores; None skips their shards, and says so.
        check_report: `jaxprobe.reports.check.parts`; None skips the report, and says so.

    Returns:
        The text to print, and whether everything agrees.
    """
    banks = [results.paths(*record)['bank'] for record in results.records(workdir)]
    parts = [_task(*record) for record in results.records(workdir)]
    parts += _orphans(workdir, banks)
    if not banks:
        parts.append(('results', 0, [f'{workdir / "results"} holds no bank: nothing to verify']))
    parts += _across(workdir)
    parts += check_report(workdir) if check_report else []
    parts += _stores(banks, store_dir) if store_dir else []
    parts += _projections(workdir, store_dir) if store_dir else []
    parts += _similarity(workdir, store_dir) if store_dir else []
    lines = [line for part in parts for line in _say(part)]
    if not check_report:
        lines.append('-  report: not checked')
    if not store_dir:
        lines.append('-  stores: not checked; name their folder with --store_dir')
        if (workdir / compared.FILE).exists():
            lines.append(f'-  {compared.FILE}: not checked; it is computed again from the stores')
    wrong = sum(len(differences) for _, _, differences in parts)
    count = sum(number for _, number, _ in parts)
    verdict = f'{wrong} differences' if wrong else f'all {count} values agree'
    return '\n'.join([*lines, f'{workdir}: {verdict}.']), not wrong


def _say(part: Part) -> Iterator[str]:
    name, count, differences = part
    yield f'{"x " if differences else "ok"} {name}: {count} values'
    yield from (f'     {difference}' for difference in differences[:SHOWN])
    if len(differences) > SHOWN:
        yield f'     and {len(differences) - SHOWN} more'


def _task(folder: Path, task: str) -> Part:
    """Checks the four files of one (encoder, task)."""
    name, where = f'{folder.name}/{task}', results.paths(folder, task)
    try:
        found = results.damage(folder, task)
        record = results.load_bank(folder, task)
        columns = results.score_record(record)
    except Exception as error:  # Whatever a changed file leads to is a finding, not a crash.
        return name, 0, [f'{type(error).__name__}: {error}']
    count, differences = _columns(where['cells'].name, record, columns)
    found += [*_edited(where['bank'].name, record), *differences]
    if results.VARIANT in task:
        return name, count, found  # Its numbers are in the result file of its task.
    try:
        _, variants = analyse.read(folder, task)
        stored = fs.read_json(where['result'])
        schema.check(where['result'], stored, 'result', (analyse.SCHEMA,), _AGAIN)
        resamples = stored['bootstrap']['resamples']
        rescored = dataclasses.replace(record, scores=columns)
        again = analyse.analyse(rescored, variants, resamples=resamples)
        found += compare(where['result'].name, stored, again)
        count += sum(1 for _ in _leaves(again))
    except FileNotFoundError:
        found.append(f'{where["result"].name} is absent: run the analyse stage')
    except Exception as error:
        found.append(f'{where["result"].name}: {type(error).__name__}: {error}')
    return name, count, found


def _across(workdir: Path) -> list[Part]:
    """Compares the encoders again."""
    name, path = across.FILE, workdir / across.FILE
    try:
        stored = fs.read_json(path) if path.exists() else None
        if stored:  # A file from before layouts were numbered is the first one.
            schema.check(path, stored, 'comparison of encoders', (across.SCHEMA,), _AGAIN)
            stored = {'schema': across.SCHEMA} | stored
        drawn = [task['resamples'] for task in stored['tasks'].values()] if stored else [1]
        again = across.compare(across.folders(workdir), resamples=drawn[0])
    except Exception as error:  # Whatever a changed file leads to is a finding, not a crash.
        return [(name, 0, [f'{type(error).__name__}: {error}'])]
    if stored is None:
        absent = f'{path.name} is absent: run the analyse stage'
        return [(name, 0, [absent])] if again else []
    return [(name, sum(1 for _ in _leaves(again)), compare(path.name, stored, again))]


def _edited(file: str, record: results.BankRecord) -> Iterator[str]:
    """Names the user's metrics whose source is not what it was when the scores were made."""
    for metric, stored in record.meta['task'].get('metric_sources', {}).items():
        now = extra.source_sha256(metric)
        if now != stored:
            yield f'{file}: metric {metric}: source sha256 stored {stored[:12]}, is {now[:12]}'


def _columns(
    file: str, record: results.BankRecord, again: dict[str, np.ndarray]
) -> tuple[int, list[str]]:
    """Compares the stored score columns with recomputed ones, cell by cell."""
    differences = []
    for name in sorted(record.scores.keys() | again.keys()):
        if name not in record.scores or name not in again:
            differences.append(f'{file}: column {name} is only in one of stored and recomputed')
            continue
        pairs = zip(record.scores[name], again[name], strict=True)
        for p, (stored, computed) in enumerate(pairs):
            if not (stored == computed or (np.isnan(stored) and np.isnan(computed))):
                cell = f'{record.source[p]}, {record.learning_rate[p]:g}, seed {record.seed[p]}'
                differences.append(f'{file}: {name} of ({cell}): stored {stored}, is {computed}')
    return sum(len(column) for column in again.values()), differences


def compare(file: str, stored: Any, again: Any, field: str = '') -> list[str]:
    """Compares two JSON values; one sentence per leaf that differs.

    >>> compare('t.json', {'a': [1, 2]}, {'a': [1, 3]})
    ['t.json: a.1: stored 2, recomputed 3']
    """
    if isinstance(stored, dict) and isinstance(again, dict):
        keys = sorted(stored.keys() | again.keys())
        pairs = [(str(key), stored.get(key, ABSENT), again.get(key, ABSENT)) for key in keys]
    elif isinstance(stored, list) and isinstance(again, list):
        size = max(len(stored), len(again))
        both = [values + [ABSENT] * (size - len(values)) for values in (stored, again)]
        pairs = [(str(i), *pair) for i, pair in enumerate(zip(*both, strict=True))]
    elif type(stored) is type(again) and stored == again:
        return []
    else:
        return [f'{file}: {field}: stored {stored!r}, recomputed {again!r}']
    dot = f'{field}.' if field else ''
    return [text for key, one, two in pairs for text in compare(file, one, two, f'{dot}{key}')]


class _Absent:
    def __repr__(self) -> str:
        return 'nothing'


ABSENT = _Absent()


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value


def _orphans(workdir: Path, banks: Sequence[Path]) -> list[Part]:
    """Result files that no bank stands behind."""
    known = {bank.with_name(bank.name.removesuffix(f'.{results.BANK}') + '.json') for bank in banks}
    found = [
        path
        for path in sorted((workdir / 'results').glob('*/*.json'))
        if not path.name.endswith(f'.{results.BANK}') and path not in known
    ]
    return [(f'{p.parent.name}/{p.stem}', 0, [f'{p.name}: no bank behind it']) for p in found]


def _stores(banks: Sequence[Path], store_dir: Path) -> list[Part]:
    """Checks every store that a bank read."""
    wanted = {}
    for bank in banks:
        try:
            store = fs.read_json(bank)['store']
            wanted[store['dir']] = store['fingerprint']
        except (KeyError, TypeError, ValueError):
            continue  # Reported with its task.
    return [
        (f'store {name}', *_store(store_dir / name, fingerprint))
        for name, fingerprint in sorted(wanted.items())
    ]


def _similarity(workdir: Path, store_dir: Path) -> list[Part]:
    """Computes the similarity maps again from the stores."""
    if not (workdir / compared.FILE).exists():
        return []
    from jaxprobe.stages import similarity

    try:
        return similarity.check(workdir, store_dir)
    except JaxprobeError as error:
        return [(compared.FILE, 0, [str(error)])]


def _projections(workdir: Path, store_dir: Path) -> list[Part]:
    """Finds the points of every projection again from the store."""
    return [
        (f'{folder.name}/{name} from its store', *_projection(folder, name, store_dir))
        for folder, name in results.records(workdir)
        if name.endswith(f'{results.VARIANT}projection')
    ]


def _projection(folder: Path, name: str, store_dir: Path) -> tuple[int, list[str]]:
    from jaxprobe.stages import projection_probe

    try:
        return projection_probe.check(folder, name, store_dir)
    except Exception as error:  # Whatever a changed file leads to is a finding, not a crash.
        return 0, [f'{type(error).__name__}: {error}']


def _store(store: Path, fingerprint: str) -> tuple[int, list[str]]:
    """Compares a store's fingerprint, and the bytes of its shards with their sidecars."""
    from jaxprobe.features import manifest

    try:
        found = manifest.read_spec(store).fingerprint
        planned = manifest.read_manifest(store)
    except JaxprobeError as error:
        return 0, [str(error)]
    differences = [] if planned else [f'{store} has no manifest, or an empty one']
    if found != fingerprint:
        differences.append(f'fingerprint is {found[:12]}, the results say {fingerprint[:12]}')
    for index, clips in enumerate(planned):
        differences += _shard(store, index, [clip.key for clip in clips])
    return len(planned), differences


def _shard(store: Path, index: int, keys: list[str]) -> list[str]:
    from jaxprobe.features import manifest

    name = manifest.shard_path(store, index).name
    try:
        sidecar = manifest.read_sidecar(store, index)
    except JaxprobeError as error:
        return [str(error)]
    if sidecar is None:
        return [f'{name}: not finished'] if keys else []
    found = fs.sha256(manifest.shard_path(store, index))
    differences = []
    if found != sidecar.sha256:
        differences.append(f'{name}: sha256 stored {sidecar.sha256}, is {found}')
    if [clip.key for clip in sidecar.clips] != keys:
        differences.append(f'{name}: its clips are not those of the manifest')
    if sum(clip.windows for clip in sidecar.clips) != sidecar.records:
        differences.append(f'{name}.json: records {sidecar.records} is not the sum of its clips')
    return differences
