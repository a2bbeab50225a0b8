import jax

from jaxprobe.probes.separation import programs
from jaxprobe.probes.separation.chunk import Recipe
from tests.probes.separation import made

RECIPE = Recipe(made.HEAD, made.SIZES, (), made.FRAMES, 600)
SHAPE = programs.Shape(1, 3, made.STORED, 5, made.TARGETS)


def test_bytes_are_those_of_the_compiler():
    one, two = (programs.judging(RECIPE, SHAPE, models) for models in (1, 2))
    assert programs.judging(RECIPE, SHAPE, 1) is one  # Compiled once.
    found = one.memory_analysis()
    assert programs.program_bytes(one) > found.argument_size_in_bytes > 0
    assert programs.program_bytes(two) > programs.program_bytes(one)

    class Silent:
        def memory_analysis(self):
            return None

    assert programs.program_bytes(Silent()) == 0


def test_state_is_what_a_chunk_holds():
    """Parameters four times (value, two moments, best), running means twice, and the schedule."""
    made_chunk = programs.chunk_shapes(RECIPE, SHAPE, 3)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(made_chunk.learner.params))
    stats = sum(leaf.size for leaf in jax.tree.leaves(made_chunk.learner.stats))
    rest = programs.state_bytes(RECIPE, SHAPE, 3) - 4 * (4 * parameters + 2 * stats)
    assert 0 < rest < 3 * 100


def test_windows_and_waves_have_the_shapes_that_are_read():
    batch = programs.batch_shapes(RECIPE, SHAPE)
    assert batch.views.shape == (1, 3, made.STORED, 5)
    assert batch.waves.shape == (3, 3, made.SIZES.samples(made.FRAMES))
    assert batch.counts.shape == (3, made.FRAMES)
