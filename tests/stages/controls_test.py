import numpy as np

from jaxprobe.stages import constants, controls, grid
from tests.stages import planted, variant_records

REAL = variant_records.scored(planted.bank(seeds=2, strength=3.0, groups=40))
# Shuffled labels leave no signal; only rates that were selected are trained.
SHUFFLED = variant_records.varied('shuffled', '', seeds=2, strength=0.0, groups=40)


def test_a_shuffled_bank_sits_at_chance_and_selectivity_is_the_distance():
    found = controls.section(variant_records.context(REAL, SHUFFLED))
    assert [row['name'] for row in found['rows']] == ['majority', 'best_constant', 'shuffled']
    rows = {row['source']: row for row in found['shuffled']['rows']}
    book = grid.of(REAL).book
    assert book is not None
    best = rows[book.selected.source]
    assert best['at_chance']
    assert best['selectivity'] > 0.3
    assert best['selectivity_ci95'][0] > 0
    np.testing.assert_allclose(best['selectivity'], best['real'] - best['shuffled'])
    assert best['shuffled'] == found['rows'][-1]['value']
    weakest = rows['block0']
    assert weakest['selectivity'] < best['selectivity']


def test_the_real_bank_is_not_at_chance():
    again = variant_records.varied('shuffled', '', seeds=2, strength=3.0, groups=40)
    found = controls.section(variant_records.context(REAL, again))
    best = next(r for r in found['shuffled']['rows'] if r['source'] == 'block2')
    assert not best['at_chance']
    assert best['selectivity'] == 0.0
    assert best['selectivity_ci95'] == [0.0, 0.0]


def test_constants_stand_there_without_any_shuffling():
    found = controls.section(variant_records.context(REAL))
    assert found['shuffled'] is None
    known = constants.of(REAL)
    assert [row['value'] for row in found['rows']] == [
        known['majority']['accuracy'],
        known['best_constant']['accuracy'],
    ]
    for row in found['rows']:
        assert row['ci95'][0] < row['value'] < row['ci95'][1]
    regression = variant_records.scored(planted.bank(kind='regression'))
    rows = controls.section(variant_records.context(regression))['rows']
    assert [row['ci95'] for row in rows] == [None, None]


def test_rates_that_were_not_trained_have_no_control():
    some = variant_records.varied('shuffled', '', seeds=2, strength=0.0, groups=40, rates=(1.0,))
    row = controls.section(variant_records.context(REAL, some))['shuffled']['rows'][0]
    assert row['real'] is not None
    assert row['shuffled'] is None
    assert row['at_chance'] is None
