import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.probes import items
from jaxprobe.probes.spec import ENSEMBLES

COUNT = np.array([2, 1, 4, 3])
FIRST = np.cumsum(COUNT) - COUNT
RAGGED = items.Ragged(jnp.asarray(FIRST), jnp.asarray(COUNT), 4)
ROWS = np.random.RandomState(0).randn(10, 24).astype(np.float32)
WINDOWS = [ROWS[a : a + n] for a, n in zip(FIRST, COUNT)]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_mean_and_fold_take_each_items_own_windows():
    rows = jnp.asarray(ROWS)
    np.testing.assert_allclose(items.mean(rows, RAGGED), [w.mean(0) for w in WINDOWS], atol=1e-6)
    np.testing.assert_allclose(
        items.fold(rows, RAGGED, 'max'), [w.max(0) for w in WINDOWS], atol=1e-6
    )
    single = items.Ragged(jnp.asarray([2, 0]), jnp.asarray([1, 1]), 1)
    np.testing.assert_array_equal(items.fold(rows, single, 'sum'), ROWS[[2, 0]])


@pytest.mark.parametrize('kind', ['multiclass', 'multilabel', 'regression'])
def test_aggregate_probs_gives_back_the_mean_probability(kind):
    found = np.asarray(items.aggregate(jnp.asarray(ROWS), RAGGED, kind, 'probs'))
    if kind == 'multiclass':
        np.testing.assert_allclose(softmax(found), [softmax(w).mean(0) for w in WINDOWS], atol=1e-6)
    elif kind == 'multilabel':
        expected = [(1 / (1 + np.exp(-w))).mean(0) for w in WINDOWS]
        np.testing.assert_allclose(1 / (1 + np.exp(-found)), expected, atol=1e-6)
    else:
        np.testing.assert_allclose(found, [w.mean(0) for w in WINDOWS], atol=1e-6)


def test_aggregate_probs_stays_finite_and_ordered_at_the_ends():
    rows = jnp.asarray([[-40.0], [-30.0], [30.0], [40.0]])
    one = items.Ragged(jnp.arange(4), jnp.ones(4, int), 1)
    found = np.asarray(items.aggregate(rows, one, 'multilabel', 'probs'))[:, 0]
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


def test_ensembles_are_marbles_four():
    found = np.asarray(items.ensembles(jnp.asarray(ROWS), RAGGED)).argmax(-1)
    expected = {
        'vote': [np.bincount(w.argmax(-1), minlength=24).argmax() for w in WINDOWS],
        'max': [w.max(0).argmax() for w in WINDOWS],
        'gmean': [w.mean(0).argmax() for w in WINDOWS],
        'mean': [softmax(w).mean(0).argmax() for w in WINDOWS],
    }
    for name, keys in zip(ENSEMBLES, found):
        assert keys.tolist() == expected[name], name


def test_equal_votes_go_to_the_lower_key():
    rows = np.full((2, 24), -1.0, np.float32)
    rows[0, 9] = rows[1, 4] = 1
    two = items.Ragged(jnp.asarray([0]), jnp.asarray([2]), 2)
    assert int(items.ensembles(jnp.asarray(rows), two)[0, 0].argmax()) == 4
