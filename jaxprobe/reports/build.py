"""Builds a report: tables, figures and the page, from result files alone."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from jaxprobe.core import fs, schema
from jaxprobe.reports import drawings, exports, marble, style, tables
from jaxprobe.reports.page import Figures, page
from jaxprobe.reports.read import load

PAGE, MANIFEST, COST = 'index.html', 'manifest.json', 'cost.csv'
FIGURES = 'figures'


def build(workdirs: Sequence[Path], out: Path, *, audio: bool = False) -> list[Path]:
    """Writes a report of one or several working directories side by side.

    Args:
        workdirs: of finished runs.
        out: the folder to write to; figures of an earlier report in it are replaced.
        audio: the page may play confused items from where their audio lies; it then holds those
            paths, so leave it off for a page that leaves this machine.

    Returns:
        The files written: tables, exports, the page, the figures, and `manifest.json`, which lets
        `jaxprobe verify` tell a changed file.

    Raises:
        StoreError: a working directory holds no results.
    """
    results = load(workdirs)
    files: dict[str, bytes] = {name: t.encode() for name, t in exports.files(results).items()}
    # Apart from the tables: times change with every run, and `verify` compares results.
    files[COST] = tables.to_csv(marble.cost_rows(results)).encode()
    figures: Figures = {}
    for drawing in drawings.draw(results):
        svg = style.svg(drawing.figure)
        figures[drawing.name] = (drawing, svg)
        files[f'{FIGURES}/{drawing.name}.svg'] = svg
        files[f'{FIGURES}/{drawing.name}.png'] = style.png(drawing.figure)
    listen = out if audio else None
    files[PAGE] = page(results, figures, commands=_commands(workdirs), listen=listen).encode()
    _sweep(out, files)
    for name, data in files.items():
        fs.write_bytes(out / name, data)
    fs.write_json(
        out / MANIFEST,
        {
            'schema': schema.REPORT,
            'workdirs': [os.path.relpath(w.resolve(), out.resolve()) for w in workdirs],
            'files': {name: fs.sha256(out / name) for name in sorted(files)},
        },
    )
    return [out / name for name in (*files, MANIFEST)]


def console(workdirs: Sequence[Path]) -> str:
    """The table printed at the end of a run."""
    return tables.console(load(workdirs))


def _commands(workdirs: Sequence[Path]) -> list[str]:
    return [f'jaxprobe verify {shlex.quote(_short(workdir))}' for workdir in workdirs]


def _short(path: Path) -> str:
    """A path as a reader would type it from here."""
    relative = os.path.relpath(path.resolve())
    return str(path) if relative.startswith('..') else relative


def _sweep(out: Path, files: dict[str, bytes]) -> None:
    """Removes what an earlier report wrote and this one does not."""
    try:
        before = fs.read_json(out / MANIFEST)['files']
    except (FileNotFoundError, ValueError, KeyError):
        return
    for name in before:
        if name not in files and '..' not in Path(name).parts:
            (out / name).unlink(missing_ok=True)
