import dataclasses

import numpy as np
import pytest

from jaxprobe.analysis.holm import holm
from jaxprobe.stages import comparisons, grid, resample, results, sections
from tests.stages import planted


def _context(draws=300, **options):
    record = planted.bank(**options)
    return _of(record, draws)


def _of(record, draws=300):
    record = dataclasses.replace(record, scores=results.score_record(record))
    return sections.Context(record, grid.of(record), resample.draw(record, draws), {})


def test_every_source_meets_the_best_layer_of_validation():
    context = _context(layers=5, groups=25)
    found = comparisons.section(context)
    singles = grid.singles(context.grid.sources)
    best = max(singles, key=lambda name: context.grid.by_source(name).valid)
    assert {pair['b'] for pair in found['pairs']} == {best}
    assert [pair['a'] for pair in found['pairs']] == [
        s['name'] for s in context.grid.sources if s['name'] != best
    ]
    assert [pair['kind'] for pair in found['pairs']] == ['layer'] * 4 + ['mix']
    for pair in found['pairs']:
        a, b = (context.grid.by_source(pair[side]) for side in 'ab')
        assert pair['difference'] == a.test - b.test
        low, high = pair['ci95']
        assert low < pair['difference'] < high
        assert (low <= 0 <= high) == (pair['p'] >= 0.05)
        assert pair['significant'] == (pair['p_holm'] < 0.05)
    assert [pair['p_holm'] for pair in found['pairs']] == holm([p['p'] for p in found['pairs']])
    assert found['clusters'] == 25
    assert found['covers'] == 'other groups and seeds'


def test_a_planted_layer_beats_those_far_from_it():
    found = comparisons.section(
        _context(layers=6, best=0.6, mix=False, strength=1.2, n={**N, 'test': 400}, seeds=3)
    )
    pairs = {pair['a']: pair for pair in found['pairs']}
    assert pairs['block0']['significant']
    assert pairs['block0']['difference'] < 0
    assert 'block0' not in found['as_good_as_best']
    assert 'block3' in found['as_good_as_best']


N = {'train': 60, 'valid': 60}


def test_noise_is_as_good_as_noise():
    found = comparisons.section(_context(layers=6, strength=0.0, n={**N, 'test': 200}))
    assert len(found['as_good_as_best']) == 7
    assert not any(pair['significant'] for pair in found['pairs'])


def test_equal_layers_do_not_differ():
    record = planted.bank(layers=3, mix=False, rates=(1e-3,), seeds=2, groups=20)
    for split in ('valid_logits', 'test_logits'):
        getattr(record, split)[2:4] = getattr(record, split)[4:6]  # block1 is block2.
    found = {p['a']: p for p in comparisons.section(_of(record))['pairs']}
    twin = found.get('block2') or found['block1']
    assert twin['difference'] == 0
    assert (twin['p'], twin['p_holm'], twin['significant']) == (1.0, 1.0, False)
    assert twin['ci95'] == [0.0, 0.0]


def test_one_seed_covers_groups_alone():
    found = comparisons.section(_context(layers=3, seeds=1))
    assert found['covers'] == 'other groups'
    assert all(pair['ci95'] == pair['ci95_groups'] for pair in found['pairs'])


def test_a_mix_alone_or_one_source_is_compared_with_nothing():
    assert comparisons.section(_context(layers=1, mix=False)) is None
    everything = tuple(range(2 * 3 * 2))
    assert comparisons.section(_context(layers=2, mix=False, diverged=everything)) is None


def test_named_means_stand_in_where_no_source_is_single():
    record = planted.bank(layers=3, mix=False)
    for source in record.meta['sources']:
        source['layers'] = [0, 1]
    found = comparisons.section(_of(record))
    assert {pair['kind'] for pair in found['pairs']} == {'layer'}
    assert len(found['pairs']) == 2


def test_one_group_has_differences_but_no_p():
    found = comparisons.section(_context(layers=3, mix=False, groups=1))
    for pair in found['pairs']:
        assert np.isfinite(pair['difference'])
        assert pair['ci95'] is pair['p'] is pair['p_holm'] is pair['significant'] is None


def test_what_has_no_p_is_not_of_the_family():
    pairs = [{'p': 0.03}, {'p': None}, {'p': 0.01}]
    found = comparisons.correct(pairs)
    assert [pair['p_holm'] for pair in found] == [pytest.approx(0.03), None, pytest.approx(0.02)]
    assert [pair['significant'] for pair in found] == [True, None, True]
