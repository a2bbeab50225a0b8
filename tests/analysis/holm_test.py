import numpy as np
import pytest
from scipy.special import ndtr

from jaxprobe.analysis.holm import holm

# What statsmodels 0.15.0 answers to `multipletests(P, method='holm')`.
P = [0.0042, 0.31, 0.00011, 0.049, 0.012, 0.012, 0.74, 0.0009]
STATSMODELS = [0.0252, 0.62, 0.00088, 0.147, 0.06, 0.06, 0.74, 0.0063]


def test_holms_own_rule_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_equals_statsmodels():
    assert holm(P) == pytest.approx(STATSMODELS, abs=1e-15)


def test_order_is_kept_and_nothing_is_made_smaller():
    p = np.random.RandomState(0).uniform(size=40) ** 3
    found = np.array(holm(list(p)))
    assert (found >= p).all()
    assert (np.diff(found[np.argsort(p)]) >= 0).all()


def test_any_false_rejection_is_rare_when_all_is_null():
    """At most one family in twenty; correlated, as differences from one best layer are."""
    random = np.random.RandomState(1)
    shared = random.normal(size=(4000, 1))
    z = np.sqrt(0.5) * shared + np.sqrt(0.5) * random.normal(size=(4000, 10))
    p = 2 * ndtr(-np.abs(z))
    rejected = [min(holm(list(row))) < 0.05 for row in p]
    assert 0.02 < np.mean(rejected) < 0.06
    assert (p.min(axis=1) < 0.05).mean() > 0.2  # Without a correction.
