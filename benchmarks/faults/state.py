"""What a run leaves behind, compared file by file, and what a clear error is."""

import re
from pathlib import Path

from jaxprobe.core import fs

# Times, hosts and the folders' names: different in every run.
APART = (
    'run/cost.json',
    'run/plan.json',
    'run/report/cost.csv',
    'run/report/index.html',
    'run/report/manifest.json',
    'stores/file_hashes.json',
)
_LOCK = '.lock'
_ERROR = re.compile(r'^(ConfigError|DataError|WeightsError|StoreError|\w*Error): ', re.MULTILINE)


def files(slot: Path) -> dict[str, str]:
    """Path -> sha256 of every file below run, stores and data that must not depend on the way."""
    found = {}
    for path in sorted(p for part in ('run', 'stores', 'data') for p in (slot / part).rglob('*')):
        name = str(path.relative_to(slot))
        if path.is_file() and name not in APART and path.name != _LOCK:
            found[name] = fs.sha256(path)
    return found


def differences(expected: dict[str, str], slot: Path) -> list[str]:
    """What is missing, added or changed; [] where all is the same."""
    found = files(slot)
    told = [f'{name} is missing' for name in expected.keys() - found.keys()]
    told += [f'{name} was added' for name in found.keys() - expected.keys()]
    both = expected.keys() & found.keys()
    return sorted(told + [f'{name} differs' for name in both if expected[name] != found[name]])


def unclear(text: str, names: tuple[str, ...] = ()) -> str:
    """Why what a failed run printed is no clear error; '' where it is one.

    Args:
        text: all that it printed.
        names: one of these must be in it.
    """
    if 'Traceback' in text:
        return 'a traceback'
    told = _ERROR.findall(text)
    if len(told) != 1:
        return f'{len(told)} errors'
    if names and not any(name in text for name in names):
        return f'none of {", ".join(names)} named'
    return ''
