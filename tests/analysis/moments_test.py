import numpy as np
import pytest

from jaxprobe.analysis import moments


@pytest.fixture
def rows():
    return np.random.RandomState(0).standard_normal((10_000, 5)) @ np.diag([1, 2, 0.1, 5, 1.0])


def expected(rows):
    centred = rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)
    return centred.T @ centred


@pytest.mark.parametrize('size', [1, 7, 4096, 20_000])
def test_streamed_is_in_memory(rows, size):
    rows = rows[:500] if size == 1 else rows
    chunks = (rows[i : i + size] for i in range(0, len(rows), size))
    found = moments.of(chunks, 5)
    assert found.count == len(rows)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0), atol=1e-14)
    np.testing.assert_allclose(found.scatter, expected(rows), rtol=1e-12, atol=1e-9)


def test_the_order_of_chunks_does_not_matter(rows):
    parts = np.split(rows, [100, 5000, 5001])
    forth, back = moments.of(parts, 5), moments.of(parts[::-1], 5)
    np.testing.assert_allclose(back.scatter, forth.scatter, rtol=1e-12, atol=1e-9)


def test_a_huge_offset_costs_no_digit_that_the_rows_still_have(rows):
    far = (rows + 1e4).astype(np.float32)
    found = moments.of([far], 5)
    # numpy's float32 two-pass loses most of it; against float64 of the same float32 rows we agree.
    np.testing.assert_allclose(found.scatter, expected(far), rtol=1e-10, atol=1e-7)
    naive = far.T @ far - len(far) * np.outer(far.mean(axis=0), far.mean(axis=0))
    assert np.abs(naive - expected(far)).max() > 1e3


def test_no_rows_and_joining_them(rows):
    nothing = moments.none(5)
    some = moments.of([rows], 5)
    for found in (moments.joined(nothing, some), moments.joined(some, nothing)):
        assert found.count == some.count
        np.testing.assert_array_equal(found.scatter, some.scatter)
    assert moments.of([], 5).count == 0


def test_joint_moments_come_apart(rows):
    first, second, cross = moments.split(moments.of([rows], 5), 2)
    np.testing.assert_allclose(first.scatter, expected(rows[:, :2]), rtol=1e-12)
    np.testing.assert_allclose(second.mean, rows[:, 2:].mean(axis=0))
    np.testing.assert_allclose(cross, expected(rows)[:2, 2:], rtol=1e-12, atol=1e-9)
