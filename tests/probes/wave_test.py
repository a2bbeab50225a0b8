import numpy as np
import pytest

from jaxprobe.probes import bank, cells, memory, mesh, wave
from tests.probes import made

SPEC = made.spec()
PLAN = cells.plan(SPEC, made.WIDTHS, n_rows=80)


def budget(at_once, seeds):
    return memory.Budget(True, at_once, 0.0, 0.0, 1, seeds)


@pytest.mark.parametrize(('at_once', 'seeds', 'expected'), [(20, 2, [20]), (7, 2, [7, 7, 6])])
def test_waves_are_of_all_seeds_where_their_draws_fit(at_once, seeds, expected):
    found = wave.waves(PLAN.cells, SPEC.seeds, budget(at_once, seeds))
    assert [len(one.chosen) for one in found] == expected
    assert sorted(np.concatenate([one.chosen for one in found])) == list(range(20))
    assert [one.done for one in found] == np.cumsum([0, *expected[:-1]]).tolist()
    assert all(one.seeds == range(2) and one.waves == len(found) for one in found)


def test_waves_of_a_part_of_the_seeds_have_cells_of_those():
    found = wave.waves(PLAN.cells, SPEC.seeds, budget(6, 1))
    assert [len(one.chosen) for one in found] == [6, 4, 6, 4]
    assert [one.seeds for one in found] == [range(1)] * 2 + [range(1, 2)] * 2
    for one in found:
        assert set(PLAN.cells.seed[one.chosen]) == set(one.seeds)


def test_every_family_has_an_example_and_training_its_shape():
    parts = made.splits('multiclass', (20, 10, 10))
    devices = mesh.default_devices()
    setup, found, _ = bank._set_up(
        SPEC, made.WIDTHS, dict(zip(('train', 'valid', 'test'), parts)), 'auto', 0, devices
    )
    examples = wave.examples(setup)
    assert list(examples) == list(range(len(PLAN.families)))
    (one,) = wave.waves(setup.plan.cells, SPEC.seeds, found)
    begun = wave._begin(setup, one)
    assert begun.epoch == 0
    for family, packed in begun.packed.items():
        structures = {str(p.block.learner.params.keys()) for p in [*packed, examples[family]]}
        assert len(structures) == 1
        cells_here = np.concatenate([p.cells for p in packed])
        assert set(setup.plan.cells.family[cells_here[cells_here >= 0]]) == {family}
