import re
import shutil
import subprocess

import pytest

from jaxprobe.core import fs
from jaxprobe.reports import latex, read


def cells(text):
    """The rows of the first tabular, as cells."""
    body = text.split('\\midrule\n')[1].split('\n\\bottomrule')[0]
    return [re.split(r'(?<!\\) & ', line.removesuffix(' \\\\')) for line in body.splitlines()]


def check(text):
    """What TeX would stumble over: columns, braces, environments, bare special characters."""
    code = '\n'.join(line for line in text.splitlines() if not line.startswith('%'))
    assert re.findall(r'\\begin{(\w+)}', code) == re.findall(r'\\end{(\w+)}', code)[::-1]
    columns = re.search(r'\\begin{tabular}{(\w+)}', code)
    if columns:
        head = code.split('\\toprule\n')[1].split('\n')[0].removesuffix(' \\\\')
        for row in [re.split(r'(?<!\\) & ', head), *cells(text)]:
            assert len(row) == len(columns[1]), row
    bare = re.sub(r'\\textbackslash|\\[\\&%$#_{}]', '', code)
    assert bare.count('{') == bare.count('}')
    assert not re.search(r'[%#_]', re.sub(r'\\\w+{[^}]*}', '', bare))
    assert all(ord(character) < 128 for line in code.splitlines() for character in line) or (
        'Дворжак' in code
    )


def test_scores_have_intervals_the_best_is_bold_controls_are_marked(found):
    text = latex.scores(found)
    check(text)
    rows = {row[0]: row[1:] for row in cells(text)}
    r = next(r for r in found if (r.encoder, r.task) == ('muq', 'tags10'))
    low, high = (100 * bound for bound in r.data['main_score']['ci95'])
    value = 100 * r.data['main_score']['value']
    cell = rows['tags10 (accuracy)'][read.encoders(found).index('muq')]
    assert f'{value:.1f}' in cell
    assert f'[{low:.1f}, {high:.1f}]' in cell
    models = [r for r in found if r.task == 'tags10' and not r.control]
    best = max(models, key=lambda r: r.data['main_score']['value']).encoder
    bold = [n for n, c in zip(read.encoders(found), rows['tags10 (accuracy)']) if 'textbf' in c]
    assert bold == [best]
    assert 'toy \\emph{(random weights)}' in text
    assert latex.DAGGER not in text  # Nobody compared anything.


def test_daggers_come_from_the_comparisons_of_the_run(workdir, tmp_path):
    other = tmp_path / 'run'
    shutil.copytree(workdir, other)
    pairs = [
        {'a': 'muq', 'b': 'musicnn', 'difference': 0.1, 'p_holm': 0.3, 'significant': False},
        {'a': 'muq', 'b': 'toy', 'difference': 0.1, 'p_holm': 0.001, 'significant': True},
    ]
    compared = {'pairs': pairs, 'ranking': ['muq', 'musicnn', 'toy']}
    fs.write_json(other / 'across/comparisons.json', {'tasks': {'tags10': compared}})
    rows = cells(latex.scores(read.load([other])))
    names = read.encoders(read.load([other]))
    (row,) = [row for row in rows if row[0].startswith('tags10')]
    level = {n for n, cell in zip(names, row[1:]) if latex.DAGGER in cell or 'textbf' in cell}
    assert level == {'muq', 'musicnn'}
    assert sum(latex.DAGGER in cell for cell in row) == 1


def test_layers_mark_what_is_selected_and_what_is_as_good(found):
    own = [r for r in found if r.encoder == 'muq']
    first = own[0]
    chosen = first.data['selected']['source']
    others = [row['source'] for row in first.data['layers'] if row['source'] != chosen]
    first = first._replace(
        data=first.data | {'comparisons': {'as_good_as_best': [chosen, others[0]]}}
    )
    text = latex.layers([first, *own[1:]])
    check(text)
    column = {row[0]: row[1] for row in cells(text)}
    assert [n for n, cell in column.items() if 'textbf' in cell] == [latex.escape(chosen)]
    assert [n for n, cell in column.items() if latex.DAGGER in cell] == [others[0]]
    assert all(len(row) == 1 + len(own) for row in cells(text))


def test_papers_numbers_carry_their_footnotes(found):
    one = {
        'paper': 'A & B 2020', 'table': 't1', 'variant': 'M_1', 'metric': 'accuracy',
        'source': 'mix', 'published': 0.5, 'ours': 0.25, 'difference': -0.25,
        'ci95': [0.2, 0.3], 'inside': False, 'footnotes': ['50 % of it'],
    }  # fmt: skip
    text = latex.published([found[0]._replace(data=found[0].data | {'published': [one]})])
    check(text)
    assert '% - 50 % of it' in text
    (row,) = cells(text)
    assert row[-5:] == ['50.0', '25.0', '$-$25.0', '[20.0, 30.0]', 'no']
    assert latex.published(found) == ''


def test_nasty_names_are_escaped_and_files_do_not_collide(odd_found):
    files = latex.files([*odd_found, odd_found[0]._replace(encoder='a&b')])
    assert latex.escape('[a]') == '{[}a{]}'  # After a line break it would be read as a length.
    twins = latex.files([odd_found[0]._replace(encoder=name) for name in ('a/b', 'a&b')])
    assert {'latex/layers-a-b.tex', 'latex/layers-a-b-2.tex'} < set(twins)
    for name, text in files.items():
        if not name.endswith('preview.tex'):
            check(text)


def test_every_file_is_in_the_preview(found):
    files = latex.files(found)
    preview = files.pop('latex/preview.tex')
    check(preview)
    assert {f'latex/{name}.tex' for name in re.findall(r'\\input{(.*)}', preview)} == set(files)


@pytest.mark.skipif(not shutil.which('pdflatex'), reason='no pdflatex on this machine')
def test_tex_compiles(found, tmp_path):
    for name, text in latex.files(found).items():
        (tmp_path / name.split('/')[1]).write_text(text)
    done = subprocess.run(
        ['pdflatex', '-interaction=nonstopmode', '-halt-on-error', 'preview.tex'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
