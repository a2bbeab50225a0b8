import numpy as np
import pytest

from jaxprobe.analysis import cka
from tests.analysis.cca_test import prepared
from tests.analysis.sides import PAIRS, mixed


def linear(x, y):
    a, b, cross = prepared(x, y)
    return cka.linear(cross, a, b)


def debiased(x, y):
    a, b, cross = prepared(x, y)
    norms = [((side - side.mean(axis=0)) ** 2).sum(axis=1) for side in (x, y)]
    return cka.debiased(cross, a, b, *norms)


def hsic(k, other):
    """Song et al. (2012), equation 5, written out: the unbiased estimate from R x R kernels."""
    rows = len(k)
    k, other = (kernel - np.diag(np.diag(kernel)) for kernel in (k, other))
    sums = k.sum() * other.sum() / ((rows - 1) * (rows - 2))
    return np.trace(k @ other) + sums - 2 / (rows - 2) * (k @ other).sum()


@pytest.mark.parametrize('name', PAIRS)
def test_linear_is_the_papers_formula(name):
    x, y = (side - side.mean(axis=0) for side in PAIRS[name]())
    norm = np.linalg.norm
    expected = norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y))
    assert linear(x, y) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize('name', ['narrow_first', 'few_rows', 'constant', 'far'])
def test_debiased_is_the_unbiased_estimate_of_kernels(name):
    x, y = PAIRS[name]()
    centred = [side - side.mean(axis=0) for side in (x, y)]
    k, other = (side @ side.T for side in centred)
    expected = hsic(k, other) / np.sqrt(hsic(k, k) * hsic(other, other))
    assert debiased(x, y) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize('measure', [linear, debiased])
def test_identity_symmetry_rotation_and_scale(measure):
    x, y = PAIRS['narrow_first']()
    assert measure(x, x) == pytest.approx(1.0, abs=1e-9)
    assert measure(x, y) == pytest.approx(measure(y, x), abs=1e-12)
    turn = np.linalg.qr(np.random.RandomState(0).standard_normal((12, 12)))[0]
    assert measure(x, 3.0 * y @ turn + 2.0) == pytest.approx(measure(x, y), abs=1e-9)
    stretched = y * np.linspace(0.1, 3, 12)[None]
    assert abs(measure(x, stretched) - measure(x, y)) > 1e-3


def test_unrelated_sides_are_at_zero_only_without_the_bias():
    random = np.random.RandomState(0)
    pairs = [random.standard_normal((2, 60, 40)) for _ in range(10)]
    assert np.mean([linear(x, y) for x, y in pairs]) > 0.3
    assert abs(np.mean([debiased(x, y) for x, y in pairs])) < 0.02


def test_what_does_not_vary_or_is_too_short_has_none():
    x, _ = mixed(0, 50, 3, 3, 2)
    assert np.isnan(linear(np.ones((50, 2)), x))
    assert np.isnan(debiased(np.ones((50, 2)), x))
    assert np.isnan(debiased(x[:3], x[:3]))
