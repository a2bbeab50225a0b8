import csv

import pytest

from jaxprobe.literature import table
from jaxprobe.literature.table import Published

DOUBTS = ('doubtful', 'restored', 'missing')


def test_every_printed_number_is_here_with_its_source(shared):
    """The numbers are those of the specification, to the digit."""
    with open(shared / 'spec/published_results.csv', newline='') as file:
        spec = [tuple(row.values()) for row in csv.DictReader(file)]
    here = [(*row[:5], row.value) for row in table.rows()]
    assert len(spec) == 1294
    assert {(*row[:5], float(row[5])) for row in spec} <= set(here)
    assert len({row[:5] for row in here}) == len(here)


def test_every_number_names_a_paper_with_a_citation():
    papers = table.papers()
    assert {row.paper for row in table.rows()} == set(papers)
    assert all(p.citation and p.read_from and p.short for p in papers.values())


def test_every_known_defect_of_the_specification_is_a_footnote(shared):
    with open(shared / 'spec/published_results_notes.csv', newline='') as file:
        for note in csv.DictReader(file):
            metric = 'r2_valence_as_printed' if '*' in note['metric'] else note['metric']
            row = Published(
                note['source'], note['encoder'].replace('*', 'HuBERT base'),
                note['variant'].replace('*', 'x'), note['task'], metric, 0.0,
            )  # fmt: skip
            kinds = {f.kind for f in table.footnotes() if f.matches(row)}
            wanted = {'missing': 'unreadable'}.get(note['status'], 'doubtful')
            assert (wanted if note['status'] in DOUBTS else 'defect') in kinds, note


def test_every_footnote_belongs_to_a_number():
    names = ('source', 'encoder', 'variant', 'task', 'metric')
    known = {name: {getattr(row, name) for row in table.rows()} for name in names}
    for note in table.footnotes():
        assert note.kind in table.KINDS
        found = any(note.matches(row) for row in table.rows())
        assert found != (note.kind == 'unreadable'), note
        for name in names:
            for part in getattr(note, name).split('|'):
                assert part == '' or '*' in part or part in known[name], (name, part)


def test_footnotes_come_defects_first_and_by_our_own_options():
    row = next(r for r in table.rows() if (r.encoder, r.task) == ('MERT-v1-95M', 'vocalset_singer'))
    chunks = 'MARBLE v1 scores 3 s chunks'
    assert any(text.startswith(chunks) for text in table.notes(row, {'split': 'paper'}))
    assert not any(text.startswith(chunks) for text in table.notes(row, {'split': 'v1'}))
    swapped = next(r for r in table.rows() if r.metric == 'r2_valence_as_printed')
    assert 'swapped' in table.notes(swapped, {})[0]


@pytest.mark.parametrize(
    ('condition', 'facts', 'held'),
    [
        ('', {}, True),
        ('split=clean|mir_ref', {'split': 'clean'}, True),
        ('split=clean|mir_ref', {}, False),
        ('protocol!=mir_ref', {}, True),
        ('protocol!=mir_ref', {'protocol': 'mir_ref'}, False),
        ('jsonl!=', {'jsonl': 'MTT'}, True),
        ('jsonl!=', {}, False),
        ('a=1;b=2', {'a': '1', 'b': '3'}, False),
    ],
)
def test_conditions(condition, facts, held):
    assert table.holds(condition, facts) is held


def test_the_files_are_installed_with_the_package():
    import ast
    from pathlib import Path

    setup = ast.parse((Path(__file__).parents[2] / 'setup.py').read_text())
    assert any('**/*.csv' in ast.unparse(node) for node in ast.walk(setup))
