"""Every kind's metric module keeps one mould; a new module is tested by being in `KINDS`."""

import numpy as np
import pytest

from jaxprobe.metrics import kinds

OUTPUTS = 24


def sample(kind, rng, items=40):
    """References of a kind, and scores of the right shape."""
    scores = rng.randn(items, OUTPUTS)
    if kind in ('multiclass', 'key'):
        return rng.randint(0, OUTPUTS, items), scores
    if kind == 'beats':
        return beats(rng, items)
    if kind == 'frames':
        return frames(rng, items)
    if kind == 'separation':
        return stems(rng, items)
    if kind == 'multilabel':
        return (rng.rand(items, OUTPUTS) < 0.4).astype(np.float32), scores
    return rng.randn(items, OUTPUTS).astype(np.float32), scores


def beats(rng, items):
    """Statistics of annotated beats, and of estimates beside them."""
    module, references, scores = kinds.module_for('beats'), [], []
    for _ in range(items):
        times = np.cumsum(rng.uniform(0.4, 0.7, 12))
        found = times + rng.uniform(-0.1, 0.1, 12)
        references.append(module.reference_row((times, times[::4]), 9.0))
        scores.append(module.statistics((times, times[::4]), (found, found[1::4])))
    return np.stack(references), np.stack(scores)


def frames(rng, items):
    """Statistics of labelled frames, and of estimates of which half are right."""
    module, references, scores = kinds.module_for('frames'), [], []
    for _ in range(items):
        classes = np.repeat(rng.randint(-1, 4, 12), 5)
        classes[0] = 0
        found = np.where(rng.rand(60) < 0.5, classes, rng.randint(0, 4, 60)).clip(0)
        references.append(module.reference_row(classes, 4))
        scores.append(module.statistics(classes, found, 4, 2.0))
    return np.stack(references), np.stack(scores)


def stems(rng, items):
    """Energies of four stems, and of what estimates get wrong."""
    module, references, scores = kinds.module_for('separation'), [], []
    for _ in range(items):
        waves = rng.randn(4, 50)
        references.append(module.reference_row(waves, waves.sum(axis=0)))
        scores.append(module.statistics(waves, waves + 0.3 * rng.randn(4, 50)))
    return np.stack(references), np.stack(scores)


@pytest.mark.parametrize('kind', kinds.KINDS)
def test_mould(kind):
    module = kinds.module_for(kind)
    assert 'Conventions\n-----------' in module.__doc__
    assert 'Metrics\n-------' in module.__doc__
    for metric in module.METRICS:
        assert f'`{metric}`' in module.__doc__
    for name in ('validate', 'evaluate', 'constants'):
        assert callable(getattr(module, name))


@pytest.mark.parametrize('kind', kinds.KINDS)
def test_every_metric_is_a_plain_finite_number(kind):
    reference, scores = sample(kind, np.random.RandomState(0))
    found = kinds.evaluate(kind, reference, scores)
    assert set(kinds.names(kind)) <= set(found)
    assert all(type(v) is float and np.isfinite(v) for v in found.values())


@pytest.mark.parametrize('kind', kinds.KINDS)
def test_order_of_items_does_not_matter_and_inputs_stay(kind):
    rng = np.random.RandomState(1)
    reference, scores = sample(kind, rng)
    before = reference.copy(), scores.copy()
    order = rng.permutation(len(reference))
    shuffled = kinds.evaluate(kind, reference[order], scores[order])
    assert kinds.evaluate(kind, reference, scores) == pytest.approx(shuffled, abs=1e-12)
    np.testing.assert_array_equal(reference, before[0])
    np.testing.assert_array_equal(scores, before[1])


@pytest.mark.parametrize('kind', kinds.KINDS)
def test_constants_bound_the_majority(kind):
    rng = np.random.RandomState(2)
    train, test = sample(kind, rng, 60)[0], sample(kind, rng)[0]
    found = kinds.constants(kind, train, test, OUTPUTS)
    for metric in kinds.names(kind):
        assert found['majority'][metric] <= found['best_constant'][metric] + 1e-12
        assert found['majority'].keys() >= {metric}


@pytest.mark.parametrize('kind', kinds.KINDS)
def test_monotone_scores_rank_alike(kind):
    if kind in ('regression', 'beats', 'frames', 'separation'):
        return  # These read values: numbers to meet, counts, or energies.
    reference, scores = sample(kind, np.random.RandomState(3))
    found = kinds.evaluate(kind, reference, scores)
    assert kinds.evaluate(kind, reference, np.exp(scores)) == pytest.approx(found)
