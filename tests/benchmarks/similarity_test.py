"""The comparison bench compares equals: the plain loop gives our numbers."""

from benchmarks import similarity


def test_both_sides_give_the_same_and_are_timed():
    found = similarity.measure(layers=3, width=12, rows=400, chosen=4, shuffles=1)
    assert found['difference'] < 1e-5
    assert found['plain_scaled_from'] == 4
    assert found['ours']['wall_s'] >= 0
    assert found['with_floor']['wall_s'] >= found['whitening']['wall_s']
