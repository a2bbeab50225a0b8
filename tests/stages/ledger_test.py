import dataclasses

import numpy as np
import pytest

from jaxprobe.stages import analyse, grid, ledger, resample, results, sections
from tests.stages import planted


def _context(**options):
    monitor = options.pop('monitor', None)
    record = planted.bank(**options)
    if monitor:
        record.meta['protocol'] = record.meta['protocol'] | {'monitor': monitor}
    record = dataclasses.replace(record, scores=results.score_record(record))
    return sections.Context(record, grid.of(record), resample.draw(record, 20), {})


def test_every_source_at_the_rate_that_validation_selects():
    context = _context(layers=4, seeds=3)
    found = ledger.section(context)
    assert (found['metric'], found['by'], found['n_seeds']) == ('accuracy', 'valid/accuracy', 3)
    assert found['higher_is_better'] is True
    valid, test = context.grid.valid, context.grid.test
    for s, row in enumerate(found['rows']):
        assert row['source'] == context.grid.sources[s]['name']
        r = int(valid[s].argmax())
        assert row['learning_rate'] == context.grid.rates[r]
        assert (row['valid'], row['test']) == (valid[s, r], test[s, r])
        assert row['oracle_test'] == test[s].max()
        assert row['oracle_rate'] == context.grid.rates[int(test[s].argmax())]
        assert row['regret'] == test[s].max() - test[s, r] >= 0
        assert row['edge'] == (None, 'lowest', 'highest')[(r == 0) + 2 * (r == 2)]
        assert row['test_seed_std'] > 0


def test_every_rate_at_the_source_that_validation_selects():
    context = _context(layers=4)
    for r, row in enumerate(ledger.section(context)['rates']):
        valid, test = context.grid.valid[:, r], context.grid.test[:, r]
        s = int(valid.argmax())
        assert row['learning_rate'] == context.grid.rates[r]
        assert row['source'] == context.grid.sources[s]['name']
        assert (row['valid'], row['test']) == (valid[s], test[s])
        assert row['oracle_source'] == context.grid.sources[int(test.argmax())]['name']
        assert row['oracle_test'] == test.max()
        assert row['regret'] == test.max() - test[s]


def test_the_winners_are_those_of_the_result_file():
    context = _context(layers=5, strength=0.8)
    found = ledger.section(context)
    whole = analyse.analyse(context.record, resamples=20)
    for key in ('source', 'learning_rate', 'test'):
        assert whole['ledger']['selected'][key] == whole['selected'][key]
        assert whole['ledger']['oracle'][key] == whole['oracle_test'][key]
    assert found['regret'] == pytest.approx(found['oracle']['test'] - found['selected']['test'])
    assert (
        found['regret']
        == max(0.0, *(row['test'] for row in [found['oracle']])) - (found['selected']['test'])
    )


def test_a_loss_is_selected_downwards_and_judged_upwards():
    context = _context(layers=3, monitor='loss')
    found = ledger.section(context)
    assert (found['by'], found['higher_is_better']) == ('valid/loss', False)
    for s, row in enumerate(found['rows']):
        assert row['valid'] == context.grid.valid[s].min()
        assert row['oracle_test'] == context.grid.test[s].max()
    for r, row in enumerate(found['rates']):
        assert row['valid'] == context.grid.valid[:, r].min()
        assert row['oracle_test'] == context.grid.test[:, r].max()
    assert found['selected']['test'] == found['oracle']['test'] - found['regret']


def test_edges_are_told_for_the_winner_and_for_every_source():
    context = _context(layers=3, mix=False, rates=(1e-5, 1e-4, 1e-3))
    valid = np.array([[0.9, 0.5, 0.1], [0.1, 0.5, 0.6], [0.1, 0.3, 0.2]])
    told = []
    for seed in range(2):
        for s in range(3):
            for r in range(3):
                p = [
                    p
                    for p in range(len(context.record.source))
                    if context.record.source[p] == f'block{s}'
                    and context.record.learning_rate[p] == (1e-5, 1e-4, 1e-3)[r]
                    and context.record.seed[p] == seed
                ]
                context.record.scores['valid/accuracy'][p] = valid[s, r]
    changed = context._replace(grid=grid.of(context.record))
    found = ledger.section(changed)
    assert [row['edge'] for row in found['rows']] == ['lowest', 'highest', None]
    told = found['warnings']
    assert 'the selected learning rate 1e-05 is the lowest' in told[0]
    assert told[1].startswith('1 of 3 sources are selected at the lowest rate')
    assert told[1].endswith('block0')
    assert told[2].endswith('block1')
    alone = ledger.section(_context(layers=2, mix=False, rates=(1e-3,)))
    assert [row['edge'] for row in alone['rows']] == [None, None]
    assert len(alone['warnings']) == 1


def test_what_diverged_has_nulls():
    context = _context(layers=3, mix=False, seeds=1, diverged=(0, 1, 2, 4))
    found = ledger.section(context)
    assert found['rows'][0] == {'source': 'block0'} | dict.fromkeys(
        set(found['rows'][1]) - {'source'}
    )
    assert found['rows'][1]['learning_rate'] in (1e-4, 1e-3)
    assert found['rows'][1]['test_seed_std'] is None
    everything = _context(layers=1, mix=False, seeds=1, diverged=(0, 1, 2))
    assert ledger.section(everything) is None


def test_a_rate_without_any_score_has_nulls():
    found = ledger.section(_context(layers=2, mix=False, seeds=1, diverged=(0, 3)))
    assert found['rates'][0] == {'learning_rate': 1e-4} | dict.fromkeys(
        set(found['rates'][1]) - {'learning_rate'}
    )
