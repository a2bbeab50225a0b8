"""The report's share of `jaxprobe verify`: tables rebuilt and compared, other files by hash."""

import difflib
from pathlib import Path

from jaxprobe.core import fs, schema
from jaxprobe.core.errors import JaxprobeError
from jaxprobe.reports import build, exports
from jaxprobe.reports.read import load

Part = tuple[str, int, list[str]]
_REMEDY = 'run the report stage again.'


def parts(workdir: Path) -> list[Part]:
    """Checks the report of a working directory against its results.

    Returns:
        (what, how many values, differences), as `jaxprobe.stages.verify` prints them. A working
        directory without a report has nothing to check.
    """
    out = workdir / 'report'
    if not (out / build.MANIFEST).exists():
        return [('report', 0, ['manifest.json is absent'])] if out.exists() else []
    try:
        manifest = schema.read(out / build.MANIFEST, 'list of a report', (schema.REPORT,), _REMEDY)
        files = exports.files(load([out / w for w in manifest['workdirs']]))
        listed = dict(manifest['files'])
    except (JaxprobeError, ValueError, KeyError, TypeError) as error:
        return [('report', 0, [f'manifest.json: {type(error).__name__}: {error}'])]
    found = _by_folder([_table(out, name, text) for name, text in files.items()])
    others = {name: sha for name, sha in listed.items() if name not in files}
    unlisted = [f'{name} is not in manifest.json' for name in files if name not in listed]
    changed = [
        text for name, sha in listed.items() for text in _hash(out / name, name, sha, name in files)
    ]
    return [*found, ('report files', len(others), [*unlisted, *changed])]


def _by_folder(found: list[Part]) -> list[Part]:
    """Tables one by one; the files of a folder (LaTeX, MTEB) together."""
    merged: dict[str, Part] = {}
    for name, count, differences in found:
        head = '/'.join(name.split('/')[:2]) + ('/' if name.count('/') > 1 else '')
        _, before, earlier = merged.get(head, (head, 0, []))
        merged[head] = (head, before + count, [*earlier, *differences])
    return list(merged.values())


def _table(out: Path, name: str, text: str) -> Part:
    """Compares a table line by line and field by field."""
    count = sum(line.count(',') + 1 for line in text.splitlines()[1:])
    try:
        stored = (out / name).read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        return f'report/{name}', 0, [f'{type(error).__name__}: {error}']
    if stored == text:
        return f'report/{name}', count, []
    lines = difflib.unified_diff(stored.splitlines(), text.splitlines(), n=0, lineterm='')
    changes = [line for line in lines if line[:1] in '+-' and line[:3] not in ('---', '+++')]
    return f'report/{name}', count, _pairs(name, changes) or [f'{name}: line ends differ']


def _pairs(name: str, changes: list[str]) -> list[str]:
    words = {'-': 'stored', '+': 'recomputed'}
    return [f'{name}: {words[line[0]]}: {line[1:]}' for line in changes]


def _hash(path: Path, name: str, stored: str, table: bool) -> list[str]:
    if not path.is_file():
        return [f'{name} is absent']
    found = fs.sha256(path)
    if found == stored:
        return []
    why = ' (its table differs too, see above)' if table else ''
    return [f'{name}: sha256 stored {stored[:12]}, is {found[:12]}{why}']
