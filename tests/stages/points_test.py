import numpy as np

from jaxprobe.stages import grid, points
from tests.stages import planted, variant_records

RECORD = variant_records.scored(planted.bank(seeds=3, groups=20))


def test_replicates_of_a_source_at_a_rate():
    cells = points.cells_of(RECORD, 'block3', 5e-4)
    assert [RECORD.source[c] for c in cells] == ['block3'] * 3
    assert RECORD.seed[list(cells)].tolist() == [0, 1, 2]
    assert points.cells_of(RECORD, 'block3', 0.5) == ()


def test_rows_are_the_ledgers_choices():
    context = variant_records.context(RECORD)
    best, rows = points.table(RECORD, context.drawn)
    book = grid.of(RECORD).book
    assert book is not None
    assert best['source'] == book.selected.source
    assert [row['source'] for row in rows] == list(book.sources)
    for row in rows:
        choice = book.by_source[row['source']]
        assert choice is not None
        assert (row['learning_rate'], row['test']) == (choice.learning_rate, choice.test)
        assert row['ci95'][0] < row['test'] < row['ci95'][1]
        np.testing.assert_allclose(row['seed_std'], choice.test_seed_std)


def test_a_bank_that_diverged_has_no_point():
    everything = tuple(range(5 * 3 * 2 + 6))
    record = variant_records.scored(planted.bank(diverged=everything))
    best, rows = points.table(record, variant_records.context(record).drawn)
    assert best['source'] is None
    assert all(row['test'] is None for row in rows)
    assert points.best(rows, higher_is_better=True) is None


def test_the_first_of_equal_rows_is_best():
    rows = [{'valid': 0.5, 'n': 0}, {'valid': None, 'n': 1}, {'valid': 0.5, 'n': 2}]
    assert points.best(rows, higher_is_better=True) == rows[0]
    assert points.best([{'valid': 0.5}, {'valid': 0.2}], higher_is_better=False) == {'valid': 0.2}


def test_records_on_other_items_are_not_compared():
    other = variant_records.scored(planted.bank(seeds=3, n={'train': 9, 'valid': 60, 'test': 70}))
    assert points.compared(RECORD, RECORD)
    assert not points.compared(RECORD, other)
