import numpy as np
import pytest
from sklearn.decomposition import PCA

from jaxprobe.analysis import projection


def rows(n, width, seed=0):
    random = np.random.RandomState(seed)
    return 3 + random.randn(n, width) @ np.diag(np.linspace(2, 0.1, width)) @ random.randn(
        width, width
    )


@pytest.mark.parametrize(('n', 'width'), [(200, 12), (8, 30)])
def test_it_is_scikit_learns_pca_up_to_the_sign(n, width):
    x = rows(n, width)
    centred = x - x.mean(0)
    found = projection.principal(centred.T @ centred)
    reference = PCA(2, svd_solver='full').fit(x)
    np.testing.assert_allclose(found.explained, reference.explained_variance_ratio_, rtol=1e-9)
    ours, theirs = centred @ found.vectors, reference.transform(x)
    sign = np.sign((ours * theirs).sum(0))
    np.testing.assert_allclose(ours, theirs * sign, atol=1e-8 * np.abs(theirs).max())


def test_the_largest_loading_is_positive():
    x = rows(50, 6)
    centred = x - x.mean(0)
    for sign in (1, -1):
        vectors = projection.principal((sign * centred).T @ (sign * centred)).vectors
        at = np.abs(vectors).argmax(0)
        assert (vectors[at, [0, 1]] > 0).all()


def test_directions_that_do_not_vary_are_zero():
    line = np.outer(np.arange(6.0) - 2.5, [1.0, -3.0, 2.0])
    found = projection.principal(line.T @ line)
    assert found.explained == pytest.approx([1.0, 0.0])
    assert found.vectors[:, 0] == pytest.approx(np.array([-1, 3, -2]) / np.sqrt(14))
    assert not found.vectors[:, 1].any()
    assert not projection.principal(np.zeros((4, 4))).vectors.any()
    assert projection.principal(np.ones((1, 1))).vectors.tolist() == [[1.0, 0.0]]
