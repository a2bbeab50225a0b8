"""Bank equals solo: training many probes at once is training each of them alone."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, DataError
from jaxprobe.probes import bank, block, data, draws, losses, memory, packing
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


@pytest.fixture(scope='module')
def grid():
    """One trained grid that several tests compare with: spec, splits, result."""
    spec = made.spec(stop_patience=2, epochs=9)
    parts = made.splits('multiclass')
    return spec, parts, bank.train(spec, made.WIDTHS, *parts, data='resident')


@functools.cache
def trained(kind):
    spec = made.spec(kind, learning_rates=(1e-3,), seeds=2, epochs=6)
    if kind != 'multiclass':  # Which sources there are is no matter of the kind.
        spec = dataclasses.replace(spec, sources=spec.sources[2:4])
    parts = made.splits(kind)
    return spec, parts, bank.train(spec, made.WIDTHS, *parts)


def solo(kind):
    """Every cell of a grid trained alone by torch: (cell, its source, outcome)."""
    from tests.probes import reference_trainer as reference

    spec, parts, result = trained(kind)
    for source in spec.sources:
        for seed in range(spec.seeds):
            outcome = reference.fit(spec, made.WIDTHS, *parts, source, 1e-3, seed)
            yield cell(result, source.name, 1e-3, seed), source, outcome


FRAMES = {'multiclass': 'accuracy', 'multilabel': 'loss'}


@pytest.mark.parametrize('kind', FRAMES)
def test_frame_bank_equals_solo(kind, compiled_as_in_production):
    """Targets per frame, windows shuffled whole, frames without a target left out."""
    pytest.importorskip('torch')
    from tests.probes import reference_trainer as reference

    spec = made.spec(
        kind, frames=True, monitor=FRAMES[kind], learning_rates=(1e-3,), epochs=5, batch_items=8
    )
    parts = made.frames(kind)
    result = bank.train(spec, made.WIDTHS, *parts)
    assert result.valid_logits.shape == (10, len(parts[1].targets), spec.outputs)
    for source in (spec.sources[2], spec.sources[4]):
        for seed in range(2):
            alone = reference.fit(spec, made.WIDTHS, *parts, source, 1e-3, seed)
            p = cell(result, source.name, 1e-3, seed)
            assert result.best_epoch[p] == alone.best_epoch
            assert abs(result.best_monitor[p] - alone.best_monitor) < 1e-4
            np.testing.assert_allclose(result.valid_logits[p], alone.valid_logits, atol=2e-3)
            np.testing.assert_allclose(result.test_logits[p], alone.test_logits, atol=2e-3)


@pytest.mark.parametrize('kind', ['multiclass', pytest.param('multilabel', marks=pytest.mark.slow)])
def test_frames_streamed_and_taken_are_the_same(kind, monkeypatch):
    spec = made.spec(kind, frames=True, monitor=FRAMES[kind], epochs=3, batch_items=8)
    parts = made.frames(kind)
    whole = bank.train(spec, made.WIDTHS, *parts, data='resident')
    monkeypatch.setattr(memory, '_SEGMENT_SHARE', 1e-7)  # Several segments per epoch.
    readers = tuple(p._replace(groups=made.Reader(p.groups)) for p in parts)
    taken = {
        name: np.full_like(getattr(whole, f'{name}_logits'), np.nan) for name in ('valid', 'test')
    }

    def take(cells, split, scores):
        assert np.isnan(taken[split][cells]).all()
        taken[split][cells] = scores

    rest = bank.train(spec, made.WIDTHS, *readers, data='streamed', max_cells=7, take=take)
    assert rest.valid_logits.shape[1] == rest.test_logits.shape[1] == 0
    np.testing.assert_array_equal(rest.best_epoch, whole.best_epoch)
    for name, scores in taken.items():
        np.testing.assert_allclose(scores, getattr(whole, f'{name}_logits'), atol=2e-5)


def test_frames_without_a_target_change_nothing():
    spec = made.spec(frames=True, monitor='accuracy', epochs=2, dropout=0.0)
    parts = made.frames('multiclass')
    train = parts[0]
    blank = train.targets < 0
    other = {w: g + 9.0 * blank[:, None, None].astype(np.float32) for w, g in train.groups.items()}
    one = bank.train(spec, made.WIDTHS, *parts)
    two = bank.train(spec, made.WIDTHS, train._replace(groups=other), *parts[1:])
    np.testing.assert_allclose(one.test_logits, two.test_logits, atol=1e-5)


@pytest.mark.parametrize(
    ('changes', 'says'),
    [({'kind': 'regression', 'monitor': 'r2'}, 'regression by r2'), ({'monitor': 'ap'}, 'by ap')],
)
def test_frames_of_other_kinds_are_refused(changes, says):
    spec = made.spec(**({'kind': 'multilabel', 'frames': True} | changes))
    with pytest.raises(ConfigError, match=says):
        bank.train(spec, made.WIDTHS, *made.frames(spec.kind))


def test_frames_need_a_target_each():
    spec = made.spec(frames=True, monitor='accuracy')
    parts = made.frames('multiclass')
    cases = {
        'expected': parts[0]._replace(targets=parts[0].targets[:-1]),
        'classes': parts[0]._replace(targets=parts[0].targets + 4),
        'no frame': parts[0]._replace(targets=np.full_like(parts[0].targets, -1)),
    }
    for says, train in cases.items():
        with pytest.raises(DataError, match=says):
            bank.train(spec, made.WIDTHS, train, *parts[1:])


def test_bank_equals_solo(compiled_as_in_production):
    """Whole runs against the torch loop, every kind of task: best epochs and scores."""
    pytest.importorskip('torch')
    same_epoch = []
    for kind in made.OUTPUTS:
        result = trained(kind)[2]
        for p, source, alone in solo(kind):
            where = f'{kind} {source.name}'
            same_epoch.append(result.best_epoch[p] == alone.best_epoch)
            assert abs(result.best_monitor[p] - alone.best_monitor) < 1e-3 + 1 / 40, where
            if not same_epoch[-1]:
                continue
            assert result.epochs_run[p] == alone.epochs_run
            assert result.ensemble[p] == alone.ensemble
            for name in ('valid_logits', 'test_logits'):
                expected = getattr(alone, name)
                np.testing.assert_allclose(
                    getattr(result, name)[p], expected, atol=2e-3, err_msg=where
                )
            if source.learned:
                weights = result.mix_weights[p, list(source.layers)]
                np.testing.assert_allclose(weights, alone.mix_weights, atol=1e-4)
    assert np.mean(same_epoch) >= 0.95


@pytest.mark.parametrize(('steps', 'atol'), [(1, 1e-6), (25, 1e-5)])
def test_steps_equal_solo(steps, atol, compiled_as_in_production):
    """The losses' sum after 1 and 25 steps, and the scores after one epoch of as many."""
    pytest.importorskip('torch')
    from tests.probes import reference_trainer as reference

    # An epoch of exactly `steps` steps whose monitor is the loss; the epoch is then the best.
    changes = {'learning_rates': (1e-4, 1e-3), 'seeds': 1, 'epochs': 1, 'batch_items': 4}
    spec = made.spec(monitor='loss', **changes)
    parts = made.splits('multiclass', sizes=(4 * steps, 20, 20))
    result = bank.train(spec, made.WIDTHS, *parts)
    for p in range(len(result.source)):
        source, rate = spec.sources[p // 2], spec.learning_rates[p % 2]
        solo = reference.fit(spec, made.WIDTHS, *parts, source, rate, 0)
        assert abs(result.best_monitor[p] - solo.best_monitor) < atol, (source, rate)
        scale = max(1.0, np.abs(solo.valid_logits).max())
        assert np.abs(result.valid_logits[p] - solo.valid_logits).max() < 3 * atol * scale


@pytest.mark.parametrize(('monitor', 'aggregation'), [('loss', 'probs'), ('ap', 'embeddings')])
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


@pytest.mark.parametrize('monitor', ['loss', 'accuracy'])
def test_l2_equals_solo(monitor):
    """mir_ref's training: L2 on kernels and biases, in the loss and in the loss that is watched."""
    pytest.importorskip('torch')
    from tests.probes import reference_trainer as reference

    spec = made.spec(
        monitor=monitor, l2=1e-2, hidden=(), dropout=0.0, learning_rates=(1e-2,), seeds=1,
        aggregation='embeddings', epochs=6,
        sources=(Source('3', (3,)), Source('mix', (1, 2, 3), learned=True)),
    )  # fmt: skip
    parts = made.splits('multiclass')
    result = bank.train(spec, made.WIDTHS, *parts)
    free = bank.train(dataclasses.replace(spec, l2=0.0), made.WIDTHS, *parts)
    for p, source in enumerate(spec.sources):
        alone = reference.fit(spec, made.WIDTHS, *parts, source, 1e-2, 0)
        assert result.best_epoch[p] == alone.best_epoch
        np.testing.assert_allclose(result.best_monitor[p], alone.best_monitor, atol=2e-5)
        np.testing.assert_allclose(result.test_logits[p], alone.test_logits, atol=2e-4)
        assert np.abs(result.test_logits[p] - free.test_logits[p]).max() > 1e-2, 'L2 does nothing'


def test_without_l2_nothing_is_added(monkeypatch):
    """The programs of l2=0 are those of before there was one: not an addition of zero."""
    monkeypatch.setattr(losses, 'squares', None)
    changes = {'sources': (Source('0', (0,)),), 'seeds': 1, 'epochs': 1, 'batch_items': 13}
    for monitor in ('loss', 'accuracy'):
        bank.train(made.spec(monitor=monitor, **changes), made.WIDTHS, *made.splits('multiclass'))


def test_tf32_is_refused_where_it_is_not():
    with pytest.raises(ConfigError, match='format of NVIDIA GPUs'):
        bank.train(made.spec(tf32=True), made.WIDTHS, *made.splits('multiclass'))


def test_streamed_equals_resident(grid):
    spec, parts, held = grid
    streams = made.streamed(parts)
    streamed = bank.train(spec, made.WIDTHS, *streams, data='streamed')
    for name in (*SAME, 'diverged', 'source', 'ensemble'):
        np.testing.assert_array_equal(getattr(held, name), getattr(streamed, name), err_msg=name)
    assert streams[0].groups.reads > 1


def test_streaming_in_many_segments_equals_resident(grid, monkeypatch):
    """Two steps at a time: moments, masks and losses carry over from segment to segment."""
    spec, parts, held = grid
    short = dataclasses.replace(spec, sources=spec.sources[2:4])
    monkeypatch.setattr(memory, '_SEGMENT_SHARE', 2e-6)
    monkeypatch.setattr(memory, 'usable_bytes', lambda: 8e9)
    streams = made.streamed(parts)
    result = bank.train(short, made.WIDTHS, *streams, data='streamed')
    assert streams[0].groups.reads >= 3 * max(result.epochs_run)
    names = np.array(held.source)
    check_same(result, held, cells_b=(names == '3') | (names == 'mean'))


def test_same_inputs_give_the_same_bits(grid):
    spec, parts, held = grid
    again = bank.train(spec, made.WIDTHS, *parts)
    for name in SAME:
        np.testing.assert_array_equal(getattr(held, name), getattr(again, name), err_msg=name)


def test_cells_at_once_change_nothing(grid):
    spec, parts, held = grid
    check_same(held, bank.train(spec, made.WIDTHS, *parts, max_cells=7))


def test_seeds_in_parts_change_nothing(grid, monkeypatch):
    """As where memory does not hold the draws of all seeds; waves of a part are cut as well."""
    spec, parts, held = grid
    streams = made.streamed(parts)
    budget, done = memory.budget, []
    monkeypatch.setattr(memory, 'budget', lambda *a, **k: budget(*a, **k)._replace(seeds=1))
    check_same(held, bank.train(spec, made.WIDTHS, *parts, progress=done.append))
    assert [p.cells_done for p in done][-1] == len(held.source) == max(p.cells_done for p in done)
    assert {(p.wave, p.waves) for p in done} == {(0, 2), (1, 2)}
    ended = max(p for p in done if p.wave == 0)
    assert ended.seconds_left == pytest.approx(
        (spec.epochs + (spec.epochs - ended.epoch - 1) * bool(ended.alive))
        / ended.epochs_per_second
    )
    assert done[-1].alive == done[-1].seconds_left == 0
    check_same(held, bank.train(spec, made.WIDTHS, *streams, data='streamed', max_cells=7))


def test_compaction_changes_nothing(grid, monkeypatch):
    """Blocks of two cells, repacked as cells stop, against one block that keeps them all."""
    spec, parts, held = grid
    seen = []
    repack = packing.repack

    def spy(packed, *more):
        seen.append(len(packed))
        return repack(packed, *more)

    monkeypatch.setattr(packing, 'repack', spy)
    monkeypatch.setattr(packing, '_CPU_BLOCK_BYTES', 13_000.0)
    small = bank.train(spec, made.WIDTHS, *parts)
    assert max(seen) >= 8, 'the grid is not in several blocks'
    assert min(n for n in seen if n) < max(seen) / 2, 'nothing was compacted'
    check_same(held, small)


def test_a_cell_that_diverges_disturbs_no_other(grid):
    spec, parts, calm = grid
    wild = dataclasses.replace(spec, learning_rates=(*spec.learning_rates, 1e30))
    mixed = bank.train(wild, made.WIDTHS, *parts)
    tame = mixed.learning_rate < 1
    assert mixed.diverged.tolist() == (~tame).tolist()
    check_same(calm, mixed, cells_b=tame)
    assert not calm.diverged.any()
    assert np.isfinite(mixed.valid_logits).all()
    assert (mixed.best_epoch[~tame] == -1).all()
    assert np.isnan(mixed.best_monitor[~tame]).all()
    assert (mixed.epochs_run[~tame] == 1).all()


def test_seeds_layers_and_rates_are_independent(grid):
    """A smaller grid's cells are the larger grid's."""
    spec, parts, large = grid
    small = dataclasses.replace(
        spec, sources=(spec.sources[4], spec.sources[2]), learning_rates=(1e-2,), seeds=1
    )
    result = bank.train(small, made.WIDTHS, *parts)
    places = [cell(large, *key) for key in zip(result.source, result.learning_rate, result.seed)]
    check_same(result, large, cells_b=places)


PROGRAMS = (
    block.epochs,
    block.train,
    block.forward,
    block.judge,
    block.item_scores,
    data.draw_keeps,
)


def compiled():
    return [program._cache_size() for program in PROGRAMS]


@pytest.mark.parametrize('feed', ['resident', 'streamed'])
def test_some_items_train_as_if_there_were_no_others_in_the_same_programs(feed):
    spec = made.spec(epochs=6, dropout=0.3, learning_rates=(1e-2,))
    spec = dataclasses.replace(spec, sources=spec.sources[2:3])
    train, valid, test = made.splits('multiclass')
    bank.train(spec, made.WIDTHS, train, valid, test, data=feed)
    before = compiled()
    chosen = np.flatnonzero(np.arange(70) % 3 != 1)[:20]  # Two steps, the second of four items.
    for some in (chosen, chosen[:5]):
        got = bank.train(spec, made.WIDTHS, train._replace(chosen=some), valid, test, data=feed)
        assert compiled() == before
        first, count = train.first[some], train.count[some]
        rows = np.concatenate([np.arange(f, f + c) for f, c in zip(first, count)])
        groups = {width: group[rows] for width, group in train.groups.items()}
        alone = made.Split(groups, np.cumsum(count) - count, count, train.targets[some])
        check_same(got, bank.train(spec, made.WIDTHS, alone, valid, test, data=feed))
        before = compiled()


def test_borrowed_targets_are_targets_in_the_same_programs(grid):
    spec, (train, valid, test), _ = grid
    before = compiled()
    order = np.random.RandomState(3).permutation(len(train.first))
    own = np.arange(len(train.first))
    lent = train._replace(borrowed=np.stack([order, own]))
    got = bank.train(spec, made.WIDTHS, lent, valid, test, data='resident')
    assert compiled() == before
    moved = train._replace(targets=train.targets[order])
    shuffled = bank.train(spec, made.WIDTHS, moved, valid, test, data='resident')
    check_same(got, shuffled, got.seed == 0, shuffled.seed == 0, atol=0)
    check_same(got, grid[2], got.seed == 1, grid[2].seed == 1, atol=0)


@pytest.mark.parametrize(
    ('changes', 'says'),
    [
        ({'chosen': np.array([3, 3])}, 'chosen'),
        ({'chosen': np.array([], int)}, 'chosen'),
        ({'chosen': np.array([70])}, 'chosen'),
        ({'borrowed': np.zeros((1, 70), int)}, 'borrowed'),
        ({'borrowed': np.full((2, 70), 70)}, 'borrowed'),
    ],
)
def test_items_that_are_not_there_cannot_be_chosen_or_borrowed_from(changes, says):
    train, valid, test = made.splits('multiclass')
    with pytest.raises(DataError, match=says):
        bank.train(made.spec(), made.WIDTHS, train._replace(**changes), valid, test)


def test_cells_come_in_grid_order(grid):
    spec, _, result = grid
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


def test_progress_counts_down(grid):
    events = []
    spec, parts, _ = grid
    bank.train(spec, made.WIDTHS, *parts, progress=events.append)
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


def test_heads_of_two_layers_without_dropout_equal_solo():
    """mir_ref's shape of head, with its penalty."""
    pytest.importorskip('torch')
    from tests.probes import reference_trainer as reference

    spec = made.spec(hidden=(12, 6), dropout=0.0, l2=1e-5, epochs=4, learning_rates=(1e-2,))
    spec = dataclasses.replace(spec, sources=spec.sources[2:3], seeds=1)
    parts = made.splits('multiclass')
    result = bank.train(spec, made.WIDTHS, *parts)
    outcome = reference.fit(spec, made.WIDTHS, *parts, spec.sources[0], 1e-2, 0)
    assert result.best_epoch[0] == outcome.best_epoch
    np.testing.assert_allclose(result.test_logits[0], outcome.test_logits, atol=1e-4)


def test_shuffled_targets_leave_nothing_to_find():
    spec = made.spec(epochs=6, learning_rates=(1e-2,))
    spec = dataclasses.replace(spec, sources=spec.sources[2:3])
    train, valid, test = made.splits('multiclass', (120, 60, 300))
    origins = draws.origins(spec.root_seed, spec.task, range(spec.seeds))
    lent = train._replace(borrowed=draws.borrowed(origins, len(train.first)))
    assert (lent.borrowed[0] != lent.borrowed[1]).any()
    real, shuffled = (
        bank.train(spec, made.WIDTHS, part, valid, test, data='resident') for part in (train, lent)
    )

    def accuracy(result):
        return (result.test_logits.argmax(-1) == test.targets).mean(1)

    most = np.bincount(test.targets).max() / len(test.targets)
    assert accuracy(real).min() > most + 0.25
    assert accuracy(shuffled).max() < most + 0.1


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


def test_a_process_wide_generator_does_not_reach_the_bank(grid):
    spec, parts, before = grid
    with jax.default_prng_impl('rbg'):
        check_same(before, bank.train(spec, made.WIDTHS, *parts), atol=0)
