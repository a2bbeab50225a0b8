import math
import tracemalloc

import numpy as np
import pytest

from jaxprobe.probes import cells, data, draws
from tests.probes import made

SPEC = made.spec(seeds=2)
SPLIT = made.split('multiclass', 37, 0)
PLAN = cells.plan(SPEC, made.WIDTHS, n_rows=80)


def test_an_epoch_shows_every_row_once_in_item_batches():
    sizes = data.layout(SPEC, SPLIT, 1e9)
    assert (sizes.steps, sizes.items, sizes.segment) == (3, 16, 3)
    order = draws.order(draws.Origin(0, 'made', 0), 0, 37)
    rows, items, filled = data.batch_rows(order, SPLIT, range(3), sizes)
    seen = []
    for step in range(3):
        batch = order[step * 16 : (step + 1) * 16]
        expected = [
            r for i in batch for r in range(SPLIT.first[i], SPLIT.first[i] + SPLIT.count[i])
        ]
        assert rows[step, : filled[step]].tolist() == expected
        assert items[step, : filled[step]].tolist() == np.repeat(batch, SPLIT.count[batch]).tolist()
        seen += expected
    assert sorted(seen) == list(range(SPLIT.count.sum()))


def test_layout_holds_every_batch_of_every_epoch():
    sizes = data.layout(SPEC, SPLIT, 1e9)
    worst = np.sort(SPLIT.count)[-16:].sum()
    assert sizes.rows <= -(-worst // 16) * 16
    for origin in draws.origins(0, 'made', range(2)):
        for epoch in range(SPEC.epochs):
            order = draws.order(origin, epoch, 37)
            filled = data.batch_rows(order, SPLIT, range(3), sizes)[2]
            assert filled.max() <= sizes.rows
    even = SPLIT._replace(first=np.arange(0, 74, 2), count=np.full(37, 2))
    assert data.layout(SPEC, even, 1e9).rows == 32


def test_layout_cuts_an_epoch_to_memory():
    sizes = data.layout(SPEC, SPLIT, memory=2 * 48 * 16 * 1.0)
    assert sizes.segment < sizes.steps
    whole = data.layout(SPEC, SPLIT, 1e9)
    feeds = [data.resident(SPEC, PLAN, (SPLIT, SPLIT, SPLIT), s, 32) for s in (whole, sizes)]
    (one,) = list(feeds[0].segments(4, made.SEEDS))
    many = list(feeds[1].segments(4, made.SEEDS))
    assert len(many) == math.ceil(whole.steps / sizes.segment)
    assert sum(s.n_steps for s in many) == whole.steps
    for name in ('rows', 'items', 'n_rows'):
        joined = np.concatenate([getattr(s.batches, name) for s in many], axis=1)
        np.testing.assert_array_equal(joined[:, : whole.steps], getattr(one.batches, name))
    keeps = np.concatenate([s.batches.keeps[0] for s in many], axis=1)
    np.testing.assert_array_equal(keeps[:, : whole.steps], one.batches.keeps[0])


def test_streamed_rows_are_the_resident_rows():
    parts = (SPLIT, SPLIT, SPLIT)
    sizes = data.layout(SPEC, SPLIT, memory=2 * 48 * 16 * 1.0)
    held = data.resident(SPEC, PLAN, parts, sizes, 32)
    streamed = data.streamed(SPEC, PLAN, made.streamed(parts), sizes, 32)
    for a, b in zip(held.segments(1, made.SEEDS), streamed.segments(1, made.SEEDS), strict=True):
        for seed in range(2):
            for step in range(a.n_steps):
                n = int(a.batches.n_rows[seed, step])
                left = a.data[20][:, a.batches.rows[seed, step, :n]]
                right = b.data[20][:, b.batches.rows[seed, step, :n]]
                np.testing.assert_array_equal(left, right)
        np.testing.assert_array_equal(a.batches.items, b.batches.items)
    for a, b in zip(held.valid(), streamed.valid(), strict=True):
        np.testing.assert_array_equal(a[20], b[20])


def test_chunks_end_in_zeros():
    chunks = [v[0][20] for v in data.chunk_views(SPLIT, PLAN, 32)]
    n = data.n_rows(SPLIT)
    assert len(chunks) == math.ceil(n / 32)
    assert all(c.shape == (5, 32, 20) for c in chunks)
    assert (chunks[-1][:, n % 32 :] == 0).all()


def test_averaged_gives_one_row_per_item():
    for split in (SPLIT, made.streamed((SPLIT,))[0]):
        flat = data.averaged(split)
        assert (flat.count == 1).all()
        rows = data.reader_of(flat).read(np.array([5, 0]))[20]
        window = slice(SPLIT.first[5], SPLIT.first[5] + SPLIT.count[5])
        np.testing.assert_allclose(rows[0], SPLIT.groups[20][window].mean(0), atol=1e-6)


def at_once(split):
    """The means of all items, from all windows at once."""
    start = np.cumsum(split.count) - split.count
    whole = data._windows(split.first, split.count)
    count = split.count[:, None, None].astype(np.float32)
    return {
        width: np.add.reduceat(array[whole].astype(np.float32), start, axis=0) / count
        for width, array in split.groups.items()
    }


def longer(dtype):
    """Items of 1 to 300 windows, one longer than what is read at once."""
    random = np.random.RandomState(0)
    count = random.randint(1, 50, 200)
    count[[3, 90, 199]] = (300, 256, 257)
    first = np.cumsum(count) - count
    rows = random.randn(count.sum(), 2, 24).astype(dtype)
    return data.Split({24: rows}, first, count, np.zeros(200, int))


@pytest.mark.parametrize('dtype', [np.float32, np.float16])
def test_means_read_in_parts_are_those_read_at_once(dtype):
    split = longer(dtype)
    expected = at_once(split)[24]
    streams = made.streamed([split])[0]
    for given in (split, streams):
        flat = data.averaged(given)
        found = data.reader_of(flat).read(np.arange(200))[24]
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    order = np.random.RandomState(1).permutation(200)[:77]
    np.testing.assert_array_equal(flat.groups.read(order)[24], expected[order])
    chunks = [order[:50], order[50:50], order[50:]]
    for chunk, found in zip(chunks, flat.groups.prefetched(chunks), strict=True):
        np.testing.assert_array_equal(found[24], expected[chunk])
    assert streams.groups.reads > 10
    runs = [
        (f + k, min(7, c - k)) for f, c in zip(split.first, split.count) for k in range(0, c, 7)
    ]
    first, count = np.array(runs).T
    merged = at_once(split._replace(first=first, count=count))[24]
    np.testing.assert_array_equal(data.merged(split, 7).groups[24], merged)


def test_averaging_never_holds_all_windows():
    count = np.full(64, 128)
    windows = np.ones((count.sum(), 2, 32), np.float32)
    split = data.Split({32: windows}, np.cumsum(count) - count, count, np.zeros(64, int))

    def peak(given):
        tracemalloc.start()
        flat = data.averaged(given)
        data.reader_of(flat).read(np.arange(64))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    for given in (split, made.streamed([split])[0]):
        assert peak(given) < windows.nbytes / 4


def test_views_that_are_full_are_not_copied():
    views = {20: np.ones((5, 8, 20), np.float32)}
    assert data._filled(views, 0) is views
    assert data._filled(views, 3)[20].shape == (5, 11, 20)


def test_ragged_knows_the_largest_count():
    assert data.ragged(SPLIT).most == SPLIT.count.max()


def test_draw_keeps_are_the_single_draws():
    sizes = data.layout(SPEC, SPLIT, 1e9)
    import jax.numpy as jnp

    origin = draws.Origin(0, 'made', 1)
    key = draws.dropout_key(origin)
    steps = jnp.arange(1, 1 + sizes.segment)
    cut = {'rows': sizes.rows, 'hidden': (16,), 'dropout': 0.2}
    (mask,) = data.draw_keeps(jnp.stack([key]), jnp.full_like(steps, 2), steps, **cut)
    np.testing.assert_array_equal(mask[0, 1], draws.keep(key, 2, 2, 0, (sizes.rows, 16), 0.2))


def test_some_items_are_drawn_in_an_order_of_their_own_at_the_size_of_all():
    chosen = np.array([1, 4, 5, 9, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33])
    some = SPLIT._replace(chosen=chosen)
    sizes, whole = data.layout(SPEC, some, 1e9), data.layout(SPEC, SPLIT, 1e9)
    assert sizes == whole._replace(steps=2)
    (segment,) = data.resident(SPEC, PLAN, (some, SPLIT, SPLIT), sizes, 32).segments(3, made.SEEDS)
    assert segment.n_steps == 2
    order = chosen[draws.order(draws.Origin(0, 'made', 1), 3, len(chosen))]
    shown = np.asarray(segment.batches.items[1])
    filled = np.asarray(segment.batches.n_rows[1])
    for step, batch in enumerate((order[:16], order[16:])):
        expected = np.repeat(batch, SPLIT.count[batch]).tolist()
        assert shown[step, : filled[step]].tolist() == expected


def test_targets_are_borrowed_per_seed():
    borrowed = np.stack([np.arange(37)[::-1], np.roll(np.arange(37), 1)])
    lent, own = SPLIT._replace(borrowed=borrowed), SPLIT
    sizes = data.layout(SPEC, own, 1e9)
    (a,), (b,) = (
        data.resident(SPEC, PLAN, (s, own, own), sizes, 32).segments(0, made.SEEDS)
        for s in (lent, own)
    )
    np.testing.assert_array_equal(a.batches.rows, b.batches.rows)
    items, filled = np.asarray(b.batches.items), np.asarray(b.batches.n_rows)
    for seed in range(2):
        for step in range(3):
            n = filled[seed, step]
            expected = borrowed[seed][items[seed, step, :n]]
            np.testing.assert_array_equal(a.batches.items[seed, step, :n], expected)


def test_windows_of_frames_borrow_frame_by_frame():
    split = made.frames('multiclass')[0]
    owner = np.arange(len(split.first))[::-1]
    sizes = data.Layout(1, 24, 24 * 7, 1)
    order = np.arange(24)
    rows, items, _ = data.batch_rows(order, split, range(1), sizes, frames=True, owner=owner)
    assert rows[0, :7].tolist() == list(range(7))
    assert items[0, :7].tolist() == list(range(23 * 7, 24 * 7))


def test_merged_rows_are_the_means_of_consecutive_windows():
    split = made.split('multiclass', 20, 3, most=5)
    for given in (split, made.streamed([split])[0]):
        found = data.merged(given, 2)
        assert found.count.tolist() == [-(-c // 2) for c in split.count]
        rows = data.reader_of(found).read(np.arange(data.n_rows(found)))
        for width, group in split.groups.items():
            expected = [
                group[f + k : f + min(k + 2, c)].mean(0)
                for f, c in zip(split.first, split.count)
                for k in range(0, c, 2)
            ]
            np.testing.assert_allclose(rows[width], np.stack(expected), rtol=1e-5, atol=1e-6)
    assert data.merged(split, 1).count.tolist() == split.count.tolist()
    np.testing.assert_array_equal(data.merged(split, 9).count, 1)


def test_seeds_are_drawn_alike_alone_and_together():
    sizes = data.layout(SPEC, SPLIT, 1e9)
    alone = data.layout(SPEC, SPLIT, 1e9, seeds=1)
    assert alone == sizes._replace(seeds=1)
    for make in (data.resident, data.streamed):
        together = make(SPEC, PLAN, (SPLIT,) * 3, sizes, 32)
        apart = make(SPEC, PLAN, (SPLIT,) * 3, alone, 32)
        (both,) = together.segments(3, made.SEEDS)
        (second,) = apart.segments(3, range(1, 2))
        for a, b in zip(both.batches.keeps, second.batches.keeps, strict=True):
            np.testing.assert_array_equal(a[1:], b)
        np.testing.assert_array_equal(both.batches.items[1:], second.batches.items)
        places = slice(int(second.batches.n_rows[0, 0]))
        shown = (
            segment.data[20][:, segment.batches.rows[-1, 0, places]] for segment in (both, second)
        )
        np.testing.assert_array_equal(*shown)
    tight = (SPEC.hidden[0] * sizes.rows * sizes.steps) * 1.5
    assert data.layout(SPEC, SPLIT, tight).segment < sizes.steps
    assert data.layout(SPEC, SPLIT, tight, seeds=1).segment == sizes.steps
