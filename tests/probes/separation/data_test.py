import numpy as np

from jaxprobe.probes import cells
from jaxprobe.probes.separation import data
from jaxprobe.probes.separation.chunk import Recipe
from tests.probes.separation import made

PLAN = cells.plan(made.spec(), made.WIDTHS, 10_000)
RECIPE = Recipe(made.HEAD, made.SIZES, (), made.FRAMES, 20)


def test_steps_keep_the_order_and_fill_the_last(tmp_path):
    part = made.Part(0, (3, 2))
    order = np.array([4, 0, 3, 1, 2])
    steps = list(data.batches(part.windows(), PLAN, 5, order, 3))
    assert [step.real.tolist() for step in steps] == [[True] * 3, [True, True, False]]
    np.testing.assert_array_equal(steps[0].waves, part.waves[[4, 0, 3]])
    np.testing.assert_array_equal(steps[1].waves, part.waves[[1, 2, 1]])
    np.testing.assert_array_equal(steps[1].counts[:2], part.counts[[1, 2]])
    assert not steps[1].counts[2].any()
    place = PLAN.views[5].index((0,))
    np.testing.assert_array_equal(steps[0].views[place], part.groups[5][[4, 0, 3]][:, :, 0])


def test_songs_are_filled_up_to_few_sizes():
    assert data.song_size(RECIPE, 1, 79) == data.song_size(RECIPE, 8, 20) == (8, 20)
    assert data.song_size(RECIPE, 9, 80) == (16, 40)


def test_a_song_is_mirrored_at_its_ends():
    part = made.Part(0, (2,))
    groups, waves = part.songs[0]
    size, song = data.song(groups, waves, np.arange(17), PLAN, 5, RECIPE)
    assert size == (8, 20)
    assert song.waves.shape == (3, made.SIZES.samples(20))
    padded = np.pad(waves, ((0, 0), (8, 8)), mode='reflect')
    np.testing.assert_array_equal(song.waves[:, : padded.shape[1]], padded)
    assert (int(song.frames), int(song.samples)) == (17, 64)
    assert song.place.tolist() == [*range(17), 0, 0, 0]
    assert not song.views[:, 2:].any()
