"""Bank equals solo: training many probes at once is training each of them alone."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.probes import bank
from jaxprobe.probes.spec import Source
from tests.probes import made

SAME = ('best_epoch', 'epochs_run', 'best_monitor', 'valid_logits', 'test_logits', 'mix_weights')


def cell(result, source, rate, seed):
    names = np.array(result.source)
    found = (names == source) & (result.learning_rate == rate) & (result.seed == seed)
    return int(np.flatnonzero(found)[0])


def check_same(a, b, cells_a=slice(None), cells_b=slice(None), atol=2e-5):
    for name in SAME:
        left, right = getattr(a, name)[cells_a], getattr(b, name)[cells_b]
        np.testing.assert_allclose(left, right, atol=atol, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize('kind', ['multiclass', 'multilabel', 'regression', 'key'])
def test_bank_equals_solo(kind):
    """Whole runs against the torch loop: same best epochs, same scores."""
    pytest.importorskip('torch')
    from tests.probes import reference_trainer as reference

    spec = made.spec(kind, learning_rates=(1e-3,), seeds=2, epochs=7)
    parts = made.splits(kind)
    result = bank.train(spec, made.WIDTHS, *parts)
    same_epoch = []
    for source in spec.sources:
        for seed in range(spec.seeds):
            p = cell(result, source.name, 1e-3, seed)
            solo = reference.fit(spec, made.WIDTHS, *parts, source, 1e-3, seed)
            same_epoch.append(result.best_epoch[p] == solo.best_epoch)
            assert abs(result.best_monitor[p] - solo.best_monitor) < 1e-3 + 1 / 40
            if not same_epoch[-1]:
                continue
            assert result.epochs_run[p] == solo.epochs_run
            assert result.ensemble[p] == solo.ensemble
            np.testing.assert_allclose(result.valid_logits[p], solo.valid_logits, atol=2e-3)
            np.testing.assert_allclose(result.test_logits[p], solo.test_logits, atol=2e-3)
            if source.learned:
                np.testing.assert_allclose(
                    result.mix_weights[p, list(source.layers)], solo.mix_weights, atol=1e-4
                )
    assert np.mean(same_epoch) >= 0.95


@pytest.mark.parametrize(('steps', 'atol'), [(1, 1e-6), (25, 1e-5)])
def test_steps_equal_solo(steps, atol):
    """The losses' sum after 1 and 25 steps, and the scores after one epoch of as many."""
    pytest.importorskip('torch')
    from tests.probes import reference_trainer as reference

    # An epoch of exactly `steps` steps whose monitor is the loss; the epoch is then the best.
    spec = made.spec(learning_rates=(1e-4, 1e-3), seeds=1, epochs=1, batch_items=4, monitor='loss')
    parts = made.splits('multiclass', sizes=(4 * steps, 20, 20))
    result = bank.train(spec, made.WIDTHS, *parts)
    for p in range(len(result.source)):
        source, rate = spec.sources[p // 2], spec.learning_rates[p % 2]
        solo = reference.fit(spec, made.WIDTHS, *parts, source, rate, 0)
        assert abs(result.best_monitor[p] - solo.best_monitor) < atol, (source, rate)
        scale = max(1.0, np.abs(solo.valid_logits).max())
        assert np.abs(result.valid_logits[p] - solo.valid_logits).max() < 3 * atol * scale


@pytest.mark.parametrize('monitor', ['loss', 'ap'])
@pytest.mark.parametrize('aggregation', ['probs', 'embeddings'])
def test_aggregations_and_monitors_equal_solo(monitor, aggregation):
    pytest.importorskip('torch')
    from tests.probes import reference_trainer as reference

    changes = {'sources': (Source('3', (3,)),), 'learning_rates': (1e-3,), 'seeds': 1}
    spec = made.spec('multilabel', monitor=monitor, aggregation=aggregation, epochs=5, **changes)
    parts = made.splits('multilabel')
    result = bank.train(spec, made.WIDTHS, *parts)
    solo = reference.fit(spec, made.WIDTHS, *parts, spec.sources[0], 1e-3, 0)
    assert result.best_epoch[0] == solo.best_epoch
    np.testing.assert_allclose(result.best_monitor[0], solo.best_monitor, atol=1e-5)
    np.testing.assert_allclose(result.test_logits[0], solo.test_logits, atol=1e-4)


def test_streamed_and_chunked_equal_resident():
    spec = made.spec(seeds=2)
    parts = made.splits('multiclass')
    held = bank.train(spec, made.WIDTHS, *parts, data='resident')
    again = bank.train(spec, made.WIDTHS, *parts, data='resident')
    streams = made.streamed(parts)
    streamed = bank.train(spec, made.WIDTHS, *streams, data='streamed')
    few = bank.train(spec, made.WIDTHS, *parts, max_cells=7)
    for name in (*SAME, 'diverged', 'source', 'ensemble'):
        np.testing.assert_array_equal(getattr(held, name), getattr(again, name), err_msg=name)
        np.testing.assert_array_equal(getattr(held, name), getattr(streamed, name), err_msg=name)
    check_same(held, few)
    assert streams[0].groups.reads > 1


def test_compaction_changes_nothing(monkeypatch):
    """Blocks of two cells, repacked as cells stop, against one block that keeps them all."""
    spec = made.spec(stop_patience=1, epochs=12, learning_rates=(1e-4, 1e-3, 1e-2))
    parts = made.splits('multiclass')
    whole = bank.train(spec, made.WIDTHS, *parts)
    seen = []
    repack = bank.packing.repack

    def spy(packed, finished):
        seen.append(len(packed))
        return repack(packed, finished)

    monkeypatch.setattr(bank.packing, 'repack', spy)
    monkeypatch.setattr(bank.packing, '_CPU_BLOCK_BYTES', 12_000.0)
    small = bank.train(spec, made.WIDTHS, *parts)
    assert max(seen) > min(n for n in seen if n) + 2, 'nothing was compacted'
    check_same(whole, small)


def test_a_cell_that_diverges_disturbs_no_other():
    spec = made.spec(learning_rates=(1e-3,))
    wild = made.spec(learning_rates=(1e-3, 1e30))
    parts = made.splits('multiclass')
    calm, mixed = (bank.train(s, made.WIDTHS, *parts) for s in (spec, wild))
    tame = mixed.learning_rate == 1e-3
    assert mixed.diverged.tolist() == (~tame).tolist()
    check_same(calm, mixed, cells_b=tame)
    assert not calm.diverged.any()
    assert np.isfinite(mixed.valid_logits).all()
    assert (mixed.best_epoch[~tame] == -1).all()
    assert np.isnan(mixed.best_monitor[~tame]).all()
    assert (mixed.epochs_run[~tame] == 1).all()


def test_seeds_layers_and_rates_are_independent():
    """A larger grid contains the smaller grid's cells unchanged."""
    small = made.spec(sources=(Source('3', (3,)), Source('mix', (1, 2), True)), seeds=1)
    large = made.spec(learning_rates=(1e-4, 1e-3, 1e-2), seeds=3)
    large = dataclasses.replace(large, sources=(*large.sources[:4], small.sources[1]))
    parts = made.splits('multiclass')
    a, b = (bank.train(s, made.WIDTHS, *parts) for s in (small, large))
    places = [cell(b, *key) for key in zip(a.source, a.learning_rate, a.seed)]
    check_same(a, b, cells_b=places)


def test_cells_come_in_grid_order():
    spec = made.spec(epochs=1)
    result = bank.train(spec, made.WIDTHS, *made.splits('multiclass'))
    expected = [
        (s.name, rate, seed)
        for s in spec.sources
        for rate in spec.learning_rates
        for seed in range(spec.seeds)
    ]
    assert list(zip(result.source, result.learning_rate, result.seed)) == expected
    mixes = np.array(result.source) == 'mix'
    assert np.isnan(result.mix_weights[~mixes]).all()
    np.testing.assert_allclose(result.mix_weights[mixes][:, 1:].sum(-1), 1, atol=1e-6)
    assert np.isnan(result.mix_weights[mixes][:, 0]).all()


def test_progress_counts_down():
    events = []
    spec = made.spec(stop_patience=2, epochs=6)
    bank.train(spec, made.WIDTHS, *made.splits('multiclass'), progress=events.append)
    assert [e.epoch for e in events] == list(range(len(events)))
    assert events[-1].alive == 0
    assert events[-1].cells_done == events[-1].cells == 20
    assert all(e.seconds_left >= 0 and e.epochs_per_second > 0 for e in events)


def test_a_linear_head_without_dropout():
    spec = made.spec(hidden=(), dropout=0.0, epochs=3, learning_rates=(1e-2,))
    result = bank.train(spec, made.WIDTHS, *made.splits('multiclass'))
    deep = result.best_monitor[np.array(result.source) == '3'].mean()
    assert deep > 0.3
    assert not result.diverged.any()


def test_unusable_input_is_refused():
    parts = made.splits('multiclass')
    train, valid, test = parts
    with pytest.raises(DataError, match='no window'):
        bank.train(made.spec(), made.WIDTHS, train, valid._replace(count=valid.count * 0), test)
    with pytest.raises(DataError, match=r'classes 0\.\.9, expected 0\.\.3'):
        wrong = np.where(np.arange(len(valid.targets)) == 0, 9, valid.targets)
        bank.train(made.spec(), made.WIDTHS, train, valid._replace(targets=wrong), test)
    with pytest.raises(ConfigError, match="Did you mean 'accuracy'"):
        bank.train(made.spec(monitor='acuracy'), made.WIDTHS, *parts)
    with pytest.raises(ConfigError, match='different widths'):
        bank.train(made.spec(sources=(Source('x', (0, 1)),)), made.WIDTHS, *parts)
    with pytest.raises(ConfigError, match='resident'):
        bank.train(made.spec(), made.WIDTHS, *parts, data='disk')
    tags = made.splits('multilabel')
    silent = tags[1]._replace(targets=tags[1].targets * 0)
    with pytest.raises(DataError, match='not defined'):
        bank.train(made.spec('multilabel'), made.WIDTHS, tags[0], silent, tags[2])


def test_draws_do_not_depend_on_the_device_generator():
    """A process-wide choice of generator must not reach the bank."""
    spec = made.spec(epochs=2, sources=(Source('3', (3,)),))
    parts = made.splits('multiclass')
    before = bank.train(spec, made.WIDTHS, *parts)
    with jax.default_prng_impl('rbg'):
        after = bank.train(spec, made.WIDTHS, *parts)
    check_same(before, after, atol=0)
