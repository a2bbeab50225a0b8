import numpy as np
import pytest

from jaxprobe.analysis import moments, principal


def axes_of(rows, **options):
    return principal.axes(moments.of([rows], rows.shape[1]), **options)


@pytest.fixture
def rows():
    random = np.random.RandomState(0)
    return random.standard_normal((300, 4)) * np.array([10.0, 3.0, 1.0, 0.1]) + 5.0


def test_whitened_rows_are_orthonormal_and_can_be_undone(rows):
    found = axes_of(rows)
    q = principal.whitened(found, rows)
    np.testing.assert_allclose(q.T @ q, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(q @ found.loadings + found.mean, rows, atol=1e-10)
    short = principal.whitened(found, rows.astype(np.float32), np.float32)
    assert short.dtype == np.float32
    np.testing.assert_allclose(short, q, atol=1e-6)


def test_axes_are_in_order_and_hold_all_variance(rows):
    found = axes_of(rows)
    assert (np.diff(found.scatters) < 0).all()
    assert found.total == pytest.approx(found.scatters.sum())
    np.testing.assert_allclose(found.scatters / 299, np.linalg.eigvalsh(np.cov(rows.T))[::-1])


def test_directions_below_the_threshold_are_left_out(rows):
    doubled = np.concatenate([rows, rows[:, :2] - rows[:, 2:], np.ones((300, 1))], axis=1)
    assert axes_of(doubled).rank == 4
    assert axes_of(doubled.astype(np.float32)).rank == 4  # Rounding is not a direction.
    assert axes_of(rows, tolerance=0.05).rank == 2
    assert axes_of(rows[:3]).rank == 2
    assert axes_of(np.ones((5, 3))).rank == 0


def test_the_leading_axes_hold_the_share(rows):
    found = axes_of(rows)
    share = np.cumsum(found.scatters) / found.total
    for k in (1, 2, 3):
        assert principal.leading(found, float(share[k - 1])) == k
        assert principal.leading(found, float(share[k - 1]) + 1e-6) == k + 1
    assert principal.leading(found, 1.0) == 4
    assert principal.leading(axes_of(np.ones((5, 3)))) == 0


def test_c_is_that_of_the_rows(rows):
    x, y = rows[:, :2], rows[:, 2:] + rows[:, :1]
    first, second, scatter = moments.split(moments.of([np.concatenate([x, y], axis=1)], 4), 2)
    a, b = principal.axes(first), principal.axes(second)
    expected = principal.whitened(a, x).T @ principal.whitened(b, y)
    np.testing.assert_allclose(principal.whitened_cross(a, b, scatter), expected, atol=1e-12)
