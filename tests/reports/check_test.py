import re
import shutil

import pytest

from jaxprobe.reports import build, check, style, tables


@pytest.fixture(scope='module')
def reported(odd, tmp_path_factory):
    workdir = shutil.copytree(odd, tmp_path_factory.mktemp('reported') / 'run')
    fine = style.png
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, 'png', lambda figure: fine(figure, 20))
        build.build([workdir], workdir / 'report')
    return workdir


@pytest.fixture
def workdir(reported, tmp_path):
    return shutil.copytree(reported, tmp_path / 'run')


def _wrong(workdir):
    return [text for _, _, differences in check.parts(workdir) for text in differences]


def test_an_untouched_report_agrees(workdir):
    assert _wrong(workdir) == []
    assert sum(count for _, count, _ in check.parts(workdir)) > 50


@pytest.mark.parametrize('name', [*tables.NAMES, 'latex/scores.tex', 'index.html', 'manifest.json'])
def test_every_kind_of_changed_digit_is_found(workdir, name):
    path = workdir / 'report' / name
    whole = path.read_text()
    digits = [match.start() for match in re.finditer(r'[0-9]', whole)]
    for position in digits[:: max(1, len(digits) // 12)]:
        changed = str((int(whole[position]) + 1) % 10)
        path.write_text(whole[:position] + changed + whole[position + 1 :])
        assert _wrong(workdir), whole[position - 20 : position + 5]


def test_a_changed_table_shows_both_lines(workdir):
    path = workdir / 'report' / 'scores.csv'
    path.write_text(path.read_text().replace('accuracy', 'accurate'))
    wrong = _wrong(workdir)
    assert any('scores.csv: stored: ' in text and 'accurate' in text for text in wrong)
    assert any('scores.csv: recomputed: ' in text for text in wrong)


def test_a_table_and_its_hash_changed_together_are_found(workdir):
    from jaxprobe.core import fs

    path = workdir / 'report' / 'scores.csv'
    path.write_text(path.read_text().replace('0.', '1.'))
    manifest = fs.read_json(workdir / 'report' / 'manifest.json')
    manifest['files']['scores.csv'] = fs.sha256(path)
    fs.write_json(workdir / 'report' / 'manifest.json', manifest)
    assert any('scores.csv' in text for text in _wrong(workdir))


def test_the_files_of_a_folder_are_one_line(workdir):
    names = [name for name, _, _ in check.parts(workdir)]
    assert [n for n in names if 'latex' in n] == ['report/latex/']
    (workdir / 'report/latex/preview.tex').write_text('x')
    wrong = _wrong(workdir)
    assert any(text.startswith('latex/preview.tex: stored') for text in wrong)


def test_removed_files_are_found(workdir):
    figure = next((workdir / 'report' / 'figures').glob('*.png'))
    figure.unlink()
    assert any(f'{figure.name} is absent' in text for text in _wrong(workdir))
    (workdir / 'report' / 'manifest.json').unlink()
    assert _wrong(workdir) == ['manifest.json is absent']


def test_without_a_report_there_is_nothing_to_check(tmp_path):
    assert check.parts(tmp_path) == []
