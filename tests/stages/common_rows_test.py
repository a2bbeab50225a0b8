"""Which rows two stores have in common, and that they are read as they lie."""

import contextlib

import numpy as np
import pytest

from jaxprobe.core.errors import StoreError
from jaxprobe.features.reader import RowReader
from jaxprobe.stages import common_rows
from tests.stages import small_stores

COUNTS = (3, 1, 4, 2, 3)
OWNER = np.array([0, 0, 1, 2, 3])
LAYERS = (('x', 4), ('y', 3), ('z', 4))


def array(shape):
    return np.full(shape, np.nan, np.float32)


@pytest.fixture
def opened(tmp_path):
    """Opens a store of planted embeddings by its settings."""
    with contextlib.ExitStack() as stack:

        def one(name, counts=COUNTS, **options):
            store = tmp_path / small_stores.write(tmp_path, name, counts, **options)
            keys = [small_stores.key(i) for i in range(len(counts))]
            return stack.enter_context(RowReader(store, keys))

        yield one


def read(reader, rows, unit):
    return dict(common_rows.layers(reader, rows, unit, array))


def test_windows_are_read_in_order_by_layer(opened, monkeypatch):
    monkeypatch.setattr(common_rows, 'CHUNK', 4)
    reader = opened('a', layers=LAYERS)
    found = common_rows.common(reader, reader, OWNER, 100, 0)
    assert (found.unit, found.clips, found.left_out, found.of) == ('windows', 5, 0, 13)
    assert found.owner.tolist() == [0] * 4 + [1] * 4 + [2] * 2 + [3] * 3
    values = read(reader, found.first, found.unit)
    assert list(values) == ['x', 'y', 'z']
    places = [(clip, w) for clip, count in enumerate(COUNTS) for w in range(count)]
    for layer, (name, width) in enumerate(LAYERS):
        expected = [small_stores.value('a', layer, width, *place) for place in places]
        np.testing.assert_array_equal(values[name], np.stack(expected))


def test_clips_that_one_store_lacks_or_cuts_otherwise_are_left_out_of_both(opened):
    a = opened('a', failed=(1,))
    b = opened('b', counts=(3, 1, 4, 3, 3))
    found = common_rows.common(a, b, OWNER, 100, 0)
    assert (found.unit, found.clips, found.left_out) == ('windows', 3, 2)
    assert found.owner.tolist() == [0] * 3 + [1] * 4 + [3] * 3
    np.testing.assert_array_equal(
        read(b, found.second, 'windows')['x'][3], small_stores.value('b', 0, 4, 2, 0)
    )
    np.testing.assert_array_equal(
        read(a, found.first, 'windows')['x'][-1], small_stores.value('a', 0, 4, 4, 2)
    )


def test_other_windows_are_averaged_over_their_clip(opened, monkeypatch):
    monkeypatch.setattr(common_rows, 'CHUNK', 4)
    a, b = opened('a'), opened('b', counts=(1, 1, 2, 1, 1), window=2500)
    found = common_rows.common(a, b, OWNER, 100, 0)
    assert (found.unit, found.clips, found.of) == ('clips', 5, 5)
    assert found.owner.tolist() == OWNER.tolist()
    for reader, counts in ((a, COUNTS), (b, (1, 1, 2, 1, 1))):
        values = read(reader, found.first, 'clips')['y']
        for clip, count in enumerate(counts):
            own = [small_stores.value(reader.spec.encoder, 1, 3, clip, w) for w in range(count)]
            np.testing.assert_allclose(values[clip], np.mean(own, axis=0), rtol=1e-5, atol=1e-6)


def test_frames_are_rows_where_frames_are_stored(opened):
    a, b = opened('a', frames=5), opened('b', frames=5)
    found = common_rows.common(a, b, OWNER, 1000, 0)
    assert (found.unit, found.of, len(found.owner)) == ('frames', 65, 65)
    values = read(b, found.second, 'frames')['x']
    np.testing.assert_array_equal(values[5 * 4 + 2], small_stores.value('b', 0, 4, 2, 0, 2))
    other = opened('c', frames=4)
    assert common_rows.common(a, other, OWNER, 1000, 0).unit == 'clips'
    means = read(a, np.arange(5), 'clips')['x'][1]
    own = [small_stores.value('a', 0, 4, 1, 0, f) for f in range(5)]
    np.testing.assert_allclose(means, np.mean(own, axis=0), rtol=1e-5, atol=1e-6)


def test_the_sample_is_seeded_even_and_the_same_for_every_store(opened):
    counts = (10,) * 20
    a, b = opened('a', counts), opened('b', counts)
    owner = np.arange(20)
    found = common_rows.common(a, b, owner, 100, 7)
    assert len(found.owner) == 100
    assert (np.diff(found.first) > 0).all()
    np.testing.assert_array_equal(found.first, found.second)
    again = common_rows.common(b, b, owner, 100, 7)
    np.testing.assert_array_equal(again.first, found.first)
    other = common_rows.common(a, b, owner, 100, 8)
    assert (other.first != found.first).any()
    assert np.bincount(found.owner).min() > 0
    whole = common_rows.common(a, b, owner, 200, 7)
    np.testing.assert_array_equal(whole.first, np.arange(200))


def test_clips_are_sampled_too(opened):
    a, b = opened('a'), opened('b', counts=(1,) * 5, window=3000)
    found = common_rows.common(a, b, OWNER, 3, 0)
    assert (len(found.first), found.of, found.clips) == (3, 5, 3)


def test_nothing_in_common_is_an_error(opened):
    a, b = opened('a', failed=(0, 1, 2)), opened('b', failed=(3, 4))
    with pytest.raises(StoreError, match='no clip in common'):
        common_rows.common(a, b, OWNER, 10, 0)
