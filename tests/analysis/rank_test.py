import numpy as np
import pytest
from scipy import stats

from jaxprobe.analysis import rank


def test_tau_is_scipy_s_with_and_without_ties():
    random = np.random.RandomState(0)
    for size in (2, 5, 13, 40):
        a, b = random.normal(size=(2, size))
        assert rank.kendall_tau(a, b) == pytest.approx(stats.kendalltau(a, b).statistic)
        c, d = random.randint(0, 4, (2, size)).astype(float)
        c[:2], d[:2] = [0, 1], [2, 1]
        assert rank.kendall_tau(c, d) == pytest.approx(stats.kendalltau(c, d).statistic)


def test_what_has_no_order_has_no_tau():
    some = np.array([1.0, 2.0, 3.0])
    assert rank.kendall_tau(some, some) == 1
    assert rank.kendall_tau(some, -some) == -1
    assert rank.kendall_tau(some, np.ones(3)) is None
    assert rank.kendall_tau(some[:1], some[:1]) is None
    assert rank.kendall_tau(some, np.array([1.0, np.nan, 2.0])) is None
