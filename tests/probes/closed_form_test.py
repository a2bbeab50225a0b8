"""scikit-learn is the reference, fitted on all rows in float64 at once."""

import ml_dtypes
import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge, RidgeClassifier

from jaxprobe.probes import closed_form
from jaxprobe.probes.spec import Source, Split
from tests.probes import made
from tests.probes.moments_test import rows_by_hand

SOURCES = (Source('0', (0,)), Source('3', (3,)), Source('mean', (1, 2)))
CLOSE = 1e-6  # Of the largest score.


def solve(kind, parts, sources=SOURCES, widths=made.WIDTHS, **changes):
    outputs = changes.pop('outputs', made.OUTPUTS[kind])
    return closed_form.solve(kind, outputs, parts, sources, widths, **changes)


def item_means(rows_scores, item, n):
    sums = np.zeros((n, rows_scores.shape[1]))
    np.add.at(sums, item, rows_scores)
    return sums / np.bincount(item, minlength=n)[:, None]


def assert_close(ours, reference):
    assert np.abs(ours - reference).max() < CLOSE * np.abs(reference).max()


@pytest.mark.parametrize('kind', ['multiclass', 'key', 'multilabel', 'regression'])
def test_ridge_is_scikit_learns(kind):
    """Items have one to three windows; every window is a row."""
    parts = made.splits(kind, (90, 40, 30))
    found = solve(kind, parts)['ridge']
    for s, source in enumerate(SOURCES):
        x, item = rows_by_hand(parts[0], source.layers)
        targets = closed_form.encoded(kind, parts[0].targets, made.OUTPUTS[kind])[item]
        wanted = targets if kind == 'regression' else 2 * targets - 1
        new, where = rows_by_hand(parts[2], source.layers)
        centred = x - x.mean(0)
        scale = np.trace(centred.T @ centred) / x.shape[1]
        assert found.scale[s] == pytest.approx(scale, rel=1e-12)
        for p, penalty in enumerate(closed_form.PENALTIES):
            model = Ridge(alpha=penalty * scale, solver='svd').fit(x, wanted)
            reference = item_means(model.predict(new), where, len(parts[2].count))
            assert_close(found.test[s, p], reference)


def test_ridge_answers_as_ridge_classifier():
    parts = made.splits('multiclass', (90, 40, 60), most=1)
    found = solve('multiclass', parts)['ridge']
    x, item = rows_by_hand(parts[0], (0,))
    new, _ = rows_by_hand(parts[2], (0,))
    model = RidgeClassifier(alpha=0.1 * found.scale[0]).fit(x, parts[0].targets[item])
    ours = found.test[0, closed_form.PENALTIES.index(0.1)]
    assert_close(ours, model.decision_function(new))
    np.testing.assert_array_equal(ours.argmax(1), model.predict(new))


@pytest.mark.parametrize('solver', ['lsqr', 'eigen'])
def test_lda_is_scikit_learns(solver):
    parts = made.splits('multiclass', (90, 40, 30))
    found = solve('multiclass', parts)['lda']
    for s, source in enumerate(SOURCES):
        x, item = rows_by_hand(parts[0], source.layers)
        new, where = rows_by_hand(parts[1], source.layers)
        for p, shrinkage in enumerate(closed_form.SHRINKAGES):
            model = LinearDiscriminantAnalysis(solver=solver, shrinkage=shrinkage)
            model.fit(x - x.mean(0), parts[0].targets[item])
            scores = item_means(model.decision_function(new - x.mean(0)), where, 40)
            ours = found.valid[s, p]
            if solver == 'eigen':  # Its scores lack a number that the classes of a row share.
                ours, scores = (a - a[:, :1] for a in (ours, scores))
            assert_close(ours, scores)
            model.fit(x, parts[0].targets[item])
            raw = item_means(model.decision_function(new), where, 40)
            assert_close(ours - ours[:, :1], raw - raw[:, :1])


def test_lda_of_keys_never_answers_one_that_was_not_seen():
    parts = list(made.splits('key', (200, 40, 30)))
    targets = parts[0].targets.copy()
    targets[targets >= 20] -= 4
    parts[0] = parts[0]._replace(targets=targets)
    found = solve('key', tuple(parts))['lda']
    seen = np.unique(targets)
    assert len(seen) < 24
    x, item = rows_by_hand(parts[0], (3,))
    new, where = rows_by_hand(parts[2], (3,))
    model = LinearDiscriminantAnalysis(solver='lsqr', shrinkage=0.3)
    model.fit(x - x.mean(0), targets[item])
    scores = item_means(model.decision_function(new - x.mean(0)), where, 30)
    ours = found.test[1, closed_form.SHRINKAGES.index(0.3)]
    assert_close(ours[:, seen], scores)
    assert np.isin(ours.argmax(1), seen).all()
    assert np.isfinite(found.test).all()


def wide(n=30, width=80, seed=0):
    """Fewer rows than columns, some of them constant, one a copy, one much larger."""
    random = np.random.RandomState(seed)
    classes = random.randint(0, 3, n)
    rows = (random.randn(n, 1, width) + classes[:, None, None]).astype(np.float32)
    rows[:, 0, 5] = 0.1
    rows[:, 0, 6] = 0.0
    rows[:, 0, 7] = rows[:, 0, 8]
    rows[:, 0, 9] *= 1000
    rows[:, 0, 10:] += 50
    return Split({width: rows}, np.arange(n), np.ones(n, int), classes)


def test_fewer_rows_than_columns_constant_and_equal_columns():
    parts = (wide(), wide(20, seed=1), wide(25, seed=2))
    sources = (Source('only', (0,)),)
    found = solve('multiclass', parts, sources, (80,), outputs=3)
    x, new = (part.groups[80][:, 0].astype(np.float64) for part in (parts[0], parts[2]))
    for p, penalty in enumerate(closed_form.PENALTIES):
        alpha = penalty * found['ridge'].scale[0]
        model = Ridge(alpha=alpha, solver='svd').fit(x, 2 * np.eye(3)[parts[0].targets] - 1)
        assert_close(found['ridge'].test[0, p], model.predict(new))
    for p, shrinkage in enumerate(closed_form.SHRINKAGES):
        model = LinearDiscriminantAnalysis(solver='lsqr', shrinkage=shrinkage)
        model.fit(x - x.mean(0), parts[0].targets)
        assert_close(found['lda'].test[0, p], model.decision_function(new - x.mean(0)))


def test_embeddings_that_never_vary_answer_with_the_prior():
    flat = [
        Split({4: np.full((n, 1, 4), 0.3, np.float32)}, np.arange(n), np.ones(n, int), targets)
        for n, targets in ((6, np.array([0, 1, 1, 1, 2, 2])), (2, np.array([0, 1])))
    ]
    found = solve('multiclass', (flat[0], flat[1], flat[1]), (Source('a', (0,)),), (4,), outputs=3)
    np.testing.assert_allclose(found['lda'].test[0, :, 0], np.log([[1 / 6, 1 / 2, 1 / 3]] * 10))
    np.testing.assert_allclose(
        found['ridge'].test[0, :, 0], [[-2 / 3, 0, -1 / 3]] * 13, rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize('aggregation', ['logits', 'embeddings'])
def test_streamed_in_portions_equals_in_memory(monkeypatch, aggregation):
    parts = made.splits('multiclass', (60, 30, 20))
    whole = solve('multiclass', parts, aggregation=aggregation)
    monkeypatch.setattr('jaxprobe.probes.moments.CHUNK', 2000)
    streamed = made.streamed(parts)
    again = solve('multiclass', streamed, aggregation=aggregation, budget=1)
    assert streamed[0].groups.reads > 3 * len(SOURCES)  # A pass per source, in several chunks.
    for name in ('ridge', 'lda'):
        for split in ('valid', 'test'):
            a, b = getattr(whole[name], split), getattr(again[name], split)
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 * np.abs(a).max())
        assert again[name].scale == pytest.approx(whole[name].scale, rel=1e-12)


def test_item_means_are_trained_on_where_the_task_averages_embeddings():
    parts = made.splits('regression', (60, 30, 20))
    found = solve('regression', parts, aggregation='embeddings')['ridge']
    x, item = rows_by_hand(parts[0], (3,))
    new, where = rows_by_hand(parts[2], (3,))
    x, new = item_means(x, item, 60), item_means(new, where, 20)
    model = Ridge(alpha=found.scale[1], solver='svd').fit(x, parts[0].targets)
    ours = found.test[1, closed_form.PENALTIES.index(1.0)]
    np.testing.assert_allclose(ours, model.predict(new), atol=2e-6)  # Means in float32.


def test_bfloat16_rows():
    parts = made.splits('multilabel', (60, 30, 20))
    rounded = [
        part._replace(groups={w: a.astype(ml_dtypes.bfloat16) for w, a in part.groups.items()})
        for part in parts
    ]
    widened = [
        part._replace(groups={w: a.astype(np.float32) for w, a in part.groups.items()})
        for part in rounded
    ]
    one, other = (solve('multilabel', tuple(p))['ridge'].test for p in (rounded, widened))
    np.testing.assert_array_equal(one, other)
