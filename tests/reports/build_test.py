import subprocess
import sys

import pytest

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError
from jaxprobe.reports import build, read, style, tables


@pytest.fixture(autouse=True)
def _coarse(monkeypatch):
    """PNGs of few pixels: what is tested here is which files there are."""
    fine = style.png
    monkeypatch.setattr(style, 'png', lambda figure: fine(figure, 20))


def test_a_report_is_whole_and_reproducible(odd, tmp_path):
    first = build.build([odd], tmp_path / 'a')
    names = {str(path.relative_to(tmp_path / 'a')) for path in first}
    whole = {'index.html', 'manifest.json', 'latex/scores.tex', 'latex/preview.tex'}
    assert set(tables.NAMES) | whole <= names
    assert {n for n in names if n.endswith('.png')} == {
        n.replace('.svg', '.png') for n in names if n.endswith('.svg')
    }
    build.build([odd], tmp_path / 'b')
    for path in first:
        assert path.is_file()
        if path.name != 'manifest.json':
            assert fs.sha256(path) == fs.sha256(tmp_path / 'b' / path.relative_to(tmp_path / 'a'))


def test_several_workdirs_stand_side_by_side(workdir, odd, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(build.drawings, 'draw', lambda results: drawn.extend(results) or [])
    build.build([workdir, odd], tmp_path)
    assert len(drawn) == len(read.load([workdir])) + len(read.load([odd]))
    page = (tmp_path / 'index.html').read_text()
    assert page.count('jaxprobe verify') == 2


def test_figures_of_an_earlier_report_go(odd, tmp_path, monkeypatch):
    build.build([odd], tmp_path)
    before = set((tmp_path / 'figures').iterdir())
    (tmp_path / 'mine.txt').write_text('kept')
    monkeypatch.setattr(build.drawings, 'draw', lambda results: [])
    build.build([odd], tmp_path)
    assert before
    assert not set((tmp_path / 'figures').iterdir())
    assert (tmp_path / 'mine.txt').exists()


def test_console_is_the_table(workdir):
    assert build.console([workdir]) == tables.console(read.load([workdir]))


def test_nothing_to_report(tmp_path):
    with pytest.raises(StoreError):
        build.build([tmp_path], tmp_path / 'report')


def test_reports_import_no_jax():
    code = (
        'import sys, jaxprobe.reports.build, jaxprobe.reports.check\n'
        'assert not {"jax", "flax", "librosa", "transformers"} & set(sys.modules)'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
