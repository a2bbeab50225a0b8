import numpy as np
import pytest

from jaxprobe.literature import table
from jaxprobe.stages import analyse, results
from tests.stages import planted


def record(tmp_path, *, encoder='musicfm_msd', task='gtzan_genre', **options):
    """A bank of 13 layers whose names are those of a paper's encoder and task."""
    meta = options.pop('meta', {})
    bank = planted.bank(encoder=encoder, task=task, layers=13, **options)
    bank.meta.update(meta)
    results.write_bank(tmp_path, task, bank)
    return results.read_bank(tmp_path, task)


def printed(monkeypatch, row, value):
    """Replaces one printed number by another."""
    rows = tuple(r._replace(value=value) if r == row else r for r in table.rows())
    monkeypatch.setattr(table, 'rows', lambda: rows)
    from jaxprobe.literature import match

    match._by_names.cache_clear()


@pytest.fixture(autouse=True)
def _forget():
    yield
    from jaxprobe.literature import match

    match._by_names.cache_clear()


def layer(k):
    return next(
        r for r in table.rows()
        if (r.encoder, r.variant, r.task) == ('MusicFM', f'layer{k}', 'gtzan_genre')
    )  # fmt: skip


def test_a_near_number_is_inside_our_interval_and_a_far_one_outside(tmp_path, monkeypatch):
    bank = record(tmp_path)
    ours = next(r for r in analyse.analyse(bank, resamples=50)['layers'] if r['layers'] == [7])
    near, far = 100 * ours['test'] + 0.5, 100 * ours['ci95'][1] + 3
    for value, inside in ((near, True), (far, False)):
        with monkeypatch.context() as patch:
            printed(patch, layer(7), value)
            found = analyse.analyse(bank, resamples=50)['published']
        (row,) = [r for r in found if r['variant'] == 'layer7']
        assert row['inside'] is inside
        assert row['ours'] == ours['test']
        assert row['ci95'] == ours['ci95']
        assert row['published'] == pytest.approx(value / 100)
        assert row['difference'] == pytest.approx(ours['test'] - value / 100)


def test_each_number_stands_beside_the_source_it_names(tmp_path):
    result = analyse.analyse(record(tmp_path), resamples=50)
    rows = {(r['table'], r['variant']): r for r in result['published']}
    assert len(rows) == 14  # Twelve layers, the best of them, the weighted sum.
    ours = {row['source']: row['test'] for row in result['layers']}
    assert rows['fig2a', 'layer3']['ours'] == ours['block3']
    assert rows['table1', 'best(layer 5)']['source'] == 'block5'
    assert rows['table1', 'weighted(argmax 9)']['source'] == 'mix'
    assert rows['table1', 'weighted(argmax 9)']['ours'] == ours['mix']
    assert {r['paper'] for r in rows.values()} == {'Zhou et al. 2025'}
    assert all(r['footnotes'] for r in rows.values())


def test_the_best_of_a_table_is_beside_the_selected_cell(tmp_path):
    result = analyse.analyse(record(tmp_path, encoder='mert_v1_95m'), resamples=50)
    (row,) = result['published']
    assert (row['table'], row['published']) == ('table6.2', 0.748)
    assert row['ours'] == result['main_score']['value']
    assert row['source'] == result['selected']['source']


def test_what_is_measured_here_alone_takes_fewer_draws(tmp_path, monkeypatch):
    """The selected cell, and the primary metric, have the intervals of the result itself."""
    from jaxprobe.stages import published

    monkeypatch.setattr(published, 'FEWER', 20)
    result = analyse.analyse(record(tmp_path, task='emomusic', kind='regression'), resamples=50)
    chosen = result['selected']['source']
    for row in result['published']:
        same = row['ci95'] == result['metrics'][row['metric']]['ci95']
        assert same == (row['source'] == chosen)
    monkeypatch.setattr(published, 'FEWER', 50)
    more = analyse.analyse(record(tmp_path, task='emomusic', kind='regression'), resamples=50)
    other = [r['ci95'] for r in more['published'] if r['source'] != chosen]
    assert other != [r['ci95'] for r in result['published'] if r['source'] != chosen]


def test_swapped_rows_are_compared_with_what_they_are(tmp_path):
    bank = record(tmp_path, task='emomusic', kind='regression')
    result = analyse.analyse(bank, resamples=50)
    (row,) = [r for r in result['published'] if r['published'] == 0.757 and r['table'] == 'table1']
    assert row['metric'] == 'r2_arousal'  # Printed under valence.
    assert 'swapped' in row['footnotes'][0]


def test_controls_trials_and_unknown_encoders_are_never_compared(tmp_path):
    for name, meta in (('a', {'random_weights': True}), ('b', {'limit': 8})):
        assert 'published' not in analyse.analyse(record(tmp_path / name, meta=meta), resamples=20)
    other = record(tmp_path / 'c', encoder='my_model')
    assert 'published' not in analyse.analyse(other, resamples=20)


def test_other_heads_are_read_from_their_own_banks(tmp_path):
    options = {'kind': 'multiclass', 'metrics': ('accuracy', 'macro_f1')}
    bank = record(tmp_path, encoder='mert_v1_95m', task='tinysol_instrument', **options)
    bank.meta['task'] |= {'options': {'protocol': 'mir_ref', 'fold': '0'}}
    bank.meta['protocol'] |= {'hidden': [], 'dropout': 0.0}
    wider = record(tmp_path / 'm2', encoder='mert_v1_95m', task='tinysol_instrument', **options)
    wider.scores['test/macro_f1'] = np.linspace(0.2, 0.3, len(wider.source))
    wider.meta['protocol'] |= {'hidden': [128], 'dropout': 0.0}
    wider.meta['variant'] = {'kind': 'head', 'value': 'm2', 'of': ''}
    result = analyse.analyse(bank, {'tinysol_instrument@head-m2': wider}, resamples=20)
    rows = {r['variant']: r for r in result['published']}
    assert set(rows) == {'M1', 'M2'}
    assert rows['M1']['source'] == rows['M2']['source'] == 'block6'
    assert 0.2 <= rows['M2']['ours'] <= 0.3 != rows['M1']['ours']


def test_a_source_that_diverged_is_left_out(tmp_path):
    cells = tuple(range(6 * 3, 6 * 4))  # Three rates and two seeds of layer 3.
    result = analyse.analyse(record(tmp_path, diverged=cells), resamples=20)
    assert 'layer3' not in {r['variant'] for r in result['published']}
