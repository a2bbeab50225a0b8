"""CCA and its means: what they are invariant to, what they recover, and Google's own figures."""

import json
from pathlib import Path

import numpy as np
import pytest

from jaxprobe.analysis import cca, moments, principal
from tests.analysis.sides import PAIRS, mixed

GOLDEN = json.loads((Path(__file__).parents[1] / 'golden' / 'svcca.json').read_text())['pairs']
FULL_RANK = ['narrow_first', 'same_width', 'wide_first', 'few_rows', 'whitened', 'far']


def prepared(x, y):
    """Axes of both sides and C, from joint moments in float64."""
    joint = moments.of([np.concatenate([x, y], axis=1)], x.shape[1] + y.shape[1])
    first, second, scatter = moments.split(joint, x.shape[1])
    a, b = principal.axes(first), principal.axes(second)
    return a, b, principal.whitened_cross(a, b, scatter)


def pwcca(x, y):
    a, _, cross = prepared(x, y)
    return cca.pwcca(cross, a)


def svcca(x, y):
    a, b, cross = prepared(x, y)
    return cca.svcca(cross, a, b)


@pytest.mark.parametrize('name', FULL_RANK)
def test_correlations_are_those_of_googles_code(name):
    _a, _b, cross = prepared(*PAIRS[name]())
    expected = np.array(GOLDEN[name]['correlations'])
    np.testing.assert_allclose(cca.correlations(cross), expected, atol=1e-6)
    np.testing.assert_allclose(cca.canonical(cross).correlations, expected, atol=1e-6)


@pytest.mark.parametrize('name', PAIRS)
def test_svcca_is_that_of_googles_code(name):
    assert svcca(*PAIRS[name]()) == pytest.approx(GOLDEN[name]['svcca'], abs=1e-6)


def test_without_full_rank_googles_code_fails_and_its_epsilon_comes_near_ours():
    for name in ('repeating', 'constant'):
        assert 'did not converge' in GOLDEN[name]['correlations']
        _, _, cross = prepared(*PAIRS[name]())
        expected = np.array(GOLDEN[name]['correlations_epsilon'])
        np.testing.assert_allclose(cca.correlations(cross), expected[:6], atol=1e-5)
        np.testing.assert_allclose(expected[6:], 0.0, atol=1e-5)


@pytest.mark.parametrize('name', ['narrow_first', 'same_width', 'whitened'])
def test_googles_projection_weights_are_understood(name):
    x, y = PAIRS[name]()
    a, _, cross = prepared(x, y)
    found = cca.canonical(cross)
    theirs = cca.published_weights(a, found)
    np.testing.assert_allclose(theirs, GOLDEN[name]['pwcca_weights'], atol=1e-6)
    assert theirs @ found.correlations == pytest.approx(GOLDEN[name]['pwcca'], abs=1e-6)


def test_googles_weights_are_of_the_narrower_side():
    x, y = PAIRS['wide_first']()
    assert GOLDEN['wide_first']['pwcca'].startswith('IndexError')
    b, _, cross = prepared(y, x)
    found = cca.canonical(cross)
    theirs = cca.published_weights(b, found) @ found.correlations
    assert theirs == pytest.approx(GOLDEN['wide_first']['pwcca_swapped'], abs=1e-6)


def test_pwcca_is_googles_where_that_is_the_papers():
    assert pwcca(*PAIRS['whitened']()) == pytest.approx(GOLDEN['whitened']['pwcca'], abs=1e-6)
    # And is not elsewhere: its directions are not whitened.
    assert abs(pwcca(*PAIRS['narrow_first']()) - GOLDEN['narrow_first']['pwcca']) > 1e-3


@pytest.mark.parametrize('name', ['narrow_first', 'wide_first', 'same_width'])
def test_pwcca_is_the_papers_definition(name):
    """Morcos et al., from the rows themselves and a plain singular value decomposition."""
    x, y = PAIRS[name]()
    qx, qy = (np.linalg.qr(side - side.mean(axis=0))[0] for side in (x, y))
    u, found, _ = np.linalg.svd(qx.T @ qy, full_matrices=False)
    variates = qx @ u  # [R n], of unit length.
    raw = np.abs(variates.T @ (x - x.mean(axis=0))).sum(axis=1)
    assert pwcca(x, y) == pytest.approx(raw @ found / raw.sum(), abs=1e-10)


@pytest.mark.parametrize('measure', [pwcca, svcca])
@pytest.mark.parametrize('name', PAIRS)
def test_a_side_is_the_same_as_itself(measure, name):
    x, _ = PAIRS[name]()
    assert measure(x, x) == pytest.approx(1.0, abs=1e-7)


def test_correlations_do_not_change_under_invertible_maps():
    x, y = PAIRS['narrow_first']()
    random = np.random.RandomState(3)
    _, _, cross = prepared(x, y)
    turned = x @ random.standard_normal((8, 8)) + 7.0
    scaled = y * np.exp(random.uniform(-4, 4, 12))[None]
    _, _, again = prepared(turned, scaled)
    np.testing.assert_allclose(cca.correlations(again), cca.correlations(cross), atol=1e-9)
    # Nor does the weighted mean when the second side is mapped; the first side's columns weigh.
    assert pwcca(x, scaled) == pytest.approx(pwcca(x, y), abs=1e-9)
    assert abs(pwcca(turned, y) - pwcca(x, y)) > 1e-4


def test_pwcca_is_not_symmetric():
    x, y = PAIRS['same_width']()
    assert abs(pwcca(x, y) - pwcca(y, x)) > 1e-3


def test_known_canonical_correlations_are_recovered():
    """A Gaussian made so that its population correlations are 0.9, 0.6, 0.3 and 0."""
    random, rho = np.random.RandomState(0), np.array([0.9, 0.6, 0.3, 0.0])
    x = random.standard_normal((200_000, 4))
    y = x * rho[None] + random.standard_normal((200_000, 4)) * np.sqrt(1 - rho**2)[None]
    x, y = x @ random.standard_normal((4, 4)), y @ random.standard_normal((4, 4))
    _, _, cross = prepared(x, y)
    np.testing.assert_allclose(cca.correlations(cross), rho, atol=0.01)


def test_columns_without_variance_of_their_own_change_nothing():
    x, y = mixed(8, 400, 6, 8, 4)
    base_pwcca, base_svcca = pwcca(y, x), svcca(y, x)
    still = np.full((400, 1), 3.0)
    for added in (still, x @ np.ones((6, 1)), np.concatenate([still, x[:, :2]], axis=1)):
        grown = np.concatenate([x, added], axis=1)
        a, _b, cross = prepared(grown, y)
        assert a.rank == 6
        np.testing.assert_allclose(cca.correlations(cross).max(), _top(x, y), atol=1e-7)
        assert pwcca(y, grown) == pytest.approx(base_pwcca, abs=1e-7)
        # Alike on the other side.
        _, other, _ = prepared(y, grown)
        assert other.rank == 6
    assert svcca(y, np.concatenate([x, still], axis=1)) == pytest.approx(base_svcca, abs=1e-7)


def _top(x, y):
    return cca.correlations(prepared(x, y)[2]).max()


def test_too_few_rows_are_counted_and_said():
    a, b, cross = prepared(*PAIRS['few_rows']())
    assert cca.forced(a, b) == 25 + 30 - 39
    assert (cca.correlations(cross)[:16] > 1 - 1e-9).all()
    assert '40 rows for 25 and 30 varying directions: 16 of 25' in cca.few_rows(a, b)
    a, b, _ = prepared(*PAIRS['narrow_first']())
    assert cca.forced(a, b) == 0
    assert cca.few_rows(a, b) == ''


def test_fewer_rows_than_columns_leaves_one_less_than_rows():
    random = np.random.RandomState(0)
    x, y = random.standard_normal((20, 50)), random.standard_normal((20, 30))
    a, b, cross = prepared(x, y)
    assert (a.rank, b.rank, cca.forced(a, b)) == (19, 19, 19)
    assert cca.pwcca(cross, a) == pytest.approx(1.0, abs=1e-7)


def test_a_side_that_does_not_vary_has_no_similarity():
    x, y = np.ones((50, 3)), np.random.RandomState(0).standard_normal((50, 4))
    assert np.isnan(pwcca(x, y))
    assert np.isnan(pwcca(y, x))
    assert np.isnan(svcca(x, y))


def test_weights_sum_to_one():
    a, _, cross = prepared(*PAIRS['wide_first']())
    found = cca.canonical(cross)
    assert cca.weights(a, found).sum() == pytest.approx(1.0)
    assert (cca.weights(a, found) > 0).all()
