"""What a run says of several encoders together: `<workdir>/across/*.json`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxprobe.core import compared, schema
from jaxprobe.reports.read import Result

FOLDER, COMPARISONS, SIMILARITY = 'across', 'comparisons.json', 'similarity.json'
_READS = {COMPARISONS: (schema.COMPARISONS,), SIMILARITY: compared.READS}
_REMEDY = 'run the similarity and analyse stages again, which write it.'


def comparisons(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Encoder against encoder, per workdir: {of, tasks, mean}, names as reports show them.

    Raises:
        StoreError: a file is damaged.
    """
    entries = []
    for workdir, found in _files(results, COMPARISONS):
        encoders, tasks = _names(results, workdir)
        known = {t: _named(c, encoders) for t, c in (found.get('tasks') or {}).items()}
        entries.append(
            {
                'of': workdir.name,
                'tasks': {tasks.get(t, t): compared for t, compared in known.items()},
                'mean': [
                    row | {'encoder': encoders.get(row['encoder'], row['encoder'])}
                    for row in found.get('mean') or []
                ],
            }
        )
    return entries


def similarity(results: Sequence[Result]) -> dict[str, Any]:
    """Maps of PWCCA, SVCCA and CKA of all workdirs: {maps}, names as reports show them.

    Raises:
        StoreError: a file is damaged.
    """
    maps = []
    for workdir, found in _files(results, SIMILARITY):
        encoders, _ = _names(results, workdir)
        maps += [
            one | {side: encoders.get(one[side], one[side]) for side in ('a', 'b')}
            for one in found.get('maps') or []
        ]
    return {'maps': maps}


def _files(results: Sequence[Result], name: str) -> list[tuple[Path, dict[str, Any]]]:
    found = []
    for workdir in dict.fromkeys(r.workdir for r in results):
        path = workdir / FOLDER / name
        if not path.is_file():
            continue
        value = schema.read(path, f'{FOLDER}/{name}', _READS[name], _REMEDY)
        found.append((workdir, value))
    return found


def _names(results: Sequence[Result], workdir: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Of one workdir: label -> shown name of the encoders, and of the tasks."""
    here = [r for r in results if r.workdir == workdir]
    encoders = {r.data['encoder']['label']: r.encoder for r in here}
    return encoders, {r.data['task']['name']: r.task for r in here}


def _named(compared: Mapping[str, Any], encoders: Mapping[str, str]) -> dict[str, Any]:
    ranking = [encoders.get(name, name) for name in compared.get('ranking') or []]
    left_out = {encoders.get(k, k): why for k, why in (compared.get('left_out') or {}).items()}
    kept = {key: value for key, value in compared.items() if key != 'rows'}
    pairs = _pairs(compared['pairs'], encoders)
    return kept | {'pairs': pairs, 'ranking': ranking, 'left_out': left_out}


def _pairs(pairs: Sequence[Mapping], encoders: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        dict(pair) | {side: encoders.get(pair[side], pair[side]) for side in ('a', 'b')}
        for pair in pairs
        if {'a', 'b'} <= set(pair)
    ]
