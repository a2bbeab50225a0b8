"""Prepare: what data there is for a task, told to a person before anything is computed."""

import dataclasses
import textwrap
from pathlib import Path

from jaxprobe.stages import progress
from jaxprobe.tasks.base import SPLITS, Preparation, Task

_MISSING_SHOWN = 20


def prepare(task: Task, data_dir: Path, *, decode: bool = False) -> tuple[str, Preparation]:
    """Verifies a task's data; synthetic data are made, nothing is downloaded.

    Args:
        task: as `jaxprobe.tasks.registry.build` returns it.
        data_dir: where data sets live, in their owners' layouts.
        decode: also decodes all audio, which finds files that cannot be decoded and copies in
            another format. Without, files are compared by their bytes where sizes agree.

    Returns:
        A text that says what was found, what is missing, where to get it and under what
        licence; and the same for programs.

    Raises:
        DataError: the task's own list of items cannot be read.
    """
    found = task.prepare(data_dir)
    if any(found.found.values()):
        found = _compared(task, data_dir, found, decode)
    return describe(task, data_dir, found), found


def describe(task: Task, data_dir: Path, found: Preparation) -> str:
    """Words what `task.prepare` found, most important first."""
    lines = [f'{task.name}: {task.card.title}', *_counts(found)]
    lines += _missing(found)
    lines += [f'  excluded: {name} ({reason})' for name, reason in found.excluded.items()]
    lines += [_wrapped('  note: ', note) for note in (*found.notes, *found.here)]
    if found.missing or not found.usable:
        lines.append(_wrapped('  how to get it: ', task.card.how_to_get))
    lines.append(_wrapped('  licence: ', task.card.licence))
    sha256 = f'; sha256 {found.split_sha256}' if found.split_sha256 else ''
    lines.append(_wrapped('  split: ', task.card.split_source + sha256))
    lines.append(_wrapped('  ', _verdict(found)))
    return '\n'.join(lines)


def _compared(task: Task, data_dir: Path, found: Preparation, decode: bool) -> Preparation:
    """What was found, with what comparing all audio adds to it."""
    from jaxprobe.tasks import audit, twins

    items, faults, unreadable = task.items(data_dir), [], found.unreadable
    if decode:
        shown = progress.Decoding(task.name, sum(len(item.paths) for item in items))
        names, failed = twins.by_samples(items, advance=shown)
        shown.close()
        bad = {str(path): why for path, why in failed.items() if str(path) not in found.missing}
        if bad:
            named = audit.some([f'{path} ({why})' for path, why in bad.items()])
            faults.append(f'{len(bad)} files cannot be decoded: {named}')
        unreadable = tuple(dict.fromkeys((*unreadable, *bad)))
    else:
        names, many = twins.by_bytes(items)
        if many:
            faults.append(
                f'{many} files have the size of one in another split; `jaxprobe prepare '
                f'{task.name} --decode` compares them, and extraction does'
            )
    known = list(audit.crossing(items, ()))
    pairs = audit.crossing(items, names)
    if len(pairs) > len(known):
        faults.append(audit.crossing_note(pairs))
    if decode:
        count = sum(len(item.paths) for item in items)
        faults.append(
            f'{count - len(failed)} of {count} files were decoded, their samples compared'
        )
    notes = [n for n in found.notes if len(pairs) == len(known) or n != audit.crossing_note(known)]
    return dataclasses.replace(found, notes=(*notes, *faults), unreadable=unreadable)


def _counts(found: Preparation) -> list[str]:
    parts = [f'{s} {found.found.get(s, 0)} of {found.expected.get(s, 0)}' for s in SPLITS]
    return [f'  found: {", ".join(parts)}']


def _missing(found: Preparation) -> list[str]:
    if not found.missing:
        return []
    shown = [f'    {name}' for name in found.missing[:_MISSING_SHOWN]]
    rest = len(found.missing) - len(shown)
    head = f'  missing: {len(found.missing)} files'
    return [f'{head}, the first {len(shown)}:' if rest else f'{head}:', *shown]


def _verdict(found: Preparation) -> str:
    if not found.usable:
        return 'NOT USABLE as it stands.'
    if found.missing or found.unreadable:
        return (
            'usable, but incomplete: a run stops here, unless it is given '
            '--config.extract.on_error=quarantine and counts what is missing in every result.'
        )
    return 'ready.'


def _wrapped(head: str, text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=head, subsequent_indent='    ')
