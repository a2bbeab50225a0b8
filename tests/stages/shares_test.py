import dataclasses
import itertools

import numpy as np
import pytest

from jaxprobe.probes import cells, memory
from jaxprobe.stages import opened, shares
from jaxprobe.stages.shares import Load, Share
from jaxprobe.tasks.base import Kind
from tests.stages.pipeline_test import make_plan, manifest, run


def test_the_largest_first_to_the_process_with_least_to_do():
    loads = [Load(cost) for cost in (1, 5, 3, 4, 3)]
    found = shares.assign(loads, 2, 'never')
    assert not any(share.together for share in found)
    busy = np.bincount([share.process for share in found], [one.cost for one in loads])
    np.testing.assert_array_equal(sorted(busy), [8, 8])


def test_what_would_keep_the_others_waiting_is_trained_together():
    """20 of 30 are more than a half; of the 10 that are left, 4 are not."""
    found = shares.assign([Load(cost) for cost in (3, 20, 3, 4)], 2, 'auto')
    assert [share.together for share in found] == [False, True, False, False]
    even = shares.assign([Load(1.0)] * 6, 3, 'auto')
    assert not any(share.together for share in even)
    assert sorted(share.process for share in even) == [0, 0, 1, 1, 2, 2]


def test_one_bank_of_several_processes():
    assert shares.assign([Load(1.0)], 4, 'auto') == [Share(0, True)]
    assert shares.assign([Load(1.0)], 4, 'never') == [Share(0, False)]


def test_rows_that_one_process_cannot_hold_need_all():
    loads = [Load(1.0), Load(0.1, needs=True), Load(1.0)]
    assert [s.together for s in shares.assign(loads, 2, 'auto')] == [False, True, False]
    assert [s.together for s in shares.assign(loads, 2, 'never')] == [False] * 3


def test_what_is_left_of_banks_trained_together_is_divided():
    found = shares.assign([Load(1.0)] * 4, 2, 'always')
    assert [share.together for share in found] == [True] * 4
    assert sorted(share.process for share in found) == [0, 0, 1, 1]


def test_stems_stay_with_one_process():
    found = shares.assign([Load(9.0, spreads=False), Load(1.0)], 2, 'always')
    assert [share.together for share in found] == [False, True]


@pytest.fixture(scope='module')
def known(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shares')
    plan = make_plan(folder, manifest(folder / 'data'))
    run(plan, folder / 'run', ['extract'])
    chosen, task = plan.encoders[0], plan.tasks[0]
    return opened.look(chosen.load(0), chosen, task, plan)


def test_a_load_is_parameters_times_rows(known):
    found = shares.load(known)
    grid, widths = known.grid, known.widths
    assert known.windows == {'train': 12, 'valid': 6, 'test': 6}
    parameters = 0
    for source in grid.sources:
        sizes = [widths[source.layers[0]], *grid.hidden, grid.outputs]
        parameters += sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    each = len(grid.learning_rates) * grid.seeds
    assert found == Load(parameters * each * 12 * grid.epochs)


@pytest.mark.parametrize(
    ('times', 'data', 'needs'),
    [(2, 'auto', False), (1.9, 'auto', True), (1.9, 'streamed', False), (0.24, 'auto', False)],
)
def test_whether_rows_need_several_processes(known, monkeypatch, times, data, needs):
    """Half of a device's memory is for rows; there are eight devices of which one is ours."""
    one = shares.mesh.default_devices()
    rows = 24 * memory.row_bytes(cells.plan(known.grid, known.widths, 12))
    monkeypatch.setattr(memory, 'usable_bytes', lambda: float(times * rows))
    monkeypatch.setattr(shares.mesh, 'all_devices', lambda: one * 8)
    asked = type(known.plan.probe)(known.plan.probe)
    asked.data = data
    plan = dataclasses.replace(known.plan, probe=asked)
    assert shares.load(known._replace(plan=plan)).needs == needs


def test_stems_have_a_load(known):
    stems = dataclasses.replace(known.task, kind=Kind.SEPARATION)
    assert not shares.load(known._replace(task=stems)).spreads


def test_alone_there_is_nothing_to_agree_on(known):
    pair = (known.chosen, known.task)
    assert shares.agreed([pair] * 3, known.plan, lambda chosen: known.encoder) == [Share()] * 3
