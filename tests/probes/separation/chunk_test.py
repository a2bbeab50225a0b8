import jax
import jax.numpy as jnp
import numpy as np

from jaxprobe.probes import draws
from jaxprobe.probes.schedule import Patience
from jaxprobe.probes.separation import chunk
from jaxprobe.probes.separation import head as heads
from tests.probes.separation import made

PATIENCE = Patience(higher=False, plateau=1, factor=0.5, stop=1, epochs=9)


def started(models=2):
    drawn = heads.init(draws.Origin(0, 'made', 0), made.HEAD, 5)
    params, stats = jax.tree.map(lambda a: np.stack([a] * models), drawn)
    numbers = np.arange(models, dtype=np.int32)
    rates = np.full(models, 1e-3, np.float32)
    none = np.zeros(models, bool)
    return chunk.start(params, stats, rates, chunk.Who(numbers, numbers), none, PATIENCE)


def test_shapes_are_those_of_a_chunk():
    drawn = heads.init(draws.Origin(0, 'made', 0), made.HEAD, 5)
    shapes = chunk.shapes(*drawn, 2, PATIENCE)
    found = jax.tree.map(lambda a: (a.shape, str(a.dtype)), started())
    assert found == jax.tree.map(lambda a: (a.shape, str(a.dtype)), shapes)


def test_the_best_epoch_is_kept_model_by_model():
    made_chunk = started()
    learner = made_chunk.learner._replace(
        params=jax.tree.map(lambda a: a + 1, made_chunk.learner.params)
    )
    first = chunk.keep(made_chunk.kept, learner, jnp.array([1.0, jnp.nan]), patience=PATIENCE)
    assert first.schedule.best_epoch.tolist() == [0, -1]
    assert first.schedule.diverged.tolist() == [False, True]
    moved = np.array(first.params['fc2']) - np.array(made_chunk.learner.params['fc2'])
    np.testing.assert_allclose(moved[0], 1, atol=1e-6)
    np.testing.assert_array_equal(moved[1], 0)
    kept = np.array(first.params['fc2'])
    again = chunk.keep(first, made_chunk.learner, jnp.array([2.0, 1.0]), patience=PATIENCE)
    np.testing.assert_array_equal(again.params['fc2'], kept)
    assert again.schedule.finished.tolist() == [True, True]
