import numpy as np

from jaxprobe.probes import cells
from jaxprobe.probes.spec import Source
from tests.probes import made


def test_plan_orders_cells_and_shares_views():
    spec = made.spec()
    plan = cells.plan(spec, made.WIDTHS, n_rows=100)
    assert len(plan.cells.source) == 20
    # Narrow widths join wider ones: one family that picks, one that mixes.
    assert plan.pads == {20: 20, 12: 20}
    assert plan.views == {20: ((0,), (1,), (3,), (1, 2), (2,))}
    assert plan.families == (cells.Family(20, ()), cells.Family(20, (1, 4, 2)))
    assert plan.cells.view[::4].tolist() == [0, 1, 2, 3, 0]
    assert plan.cells.width[::4].tolist() == [12, 20, 20, 20, 20]
    assert plan.cells.seed[:4].tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(plan.cells.rate[:4], [1e-3, 1e-3, 1e-2, 1e-2])


def test_wide_differences_stay_apart():
    spec = made.spec(sources=(Source('0', (0,)), Source('1', (1,))))
    plan = cells.plan(spec, (12, 4096), n_rows=100_000)
    assert plan.pads == {4096: 4096, 12: 12}
    assert len(plan.families) == 2


def test_read_views_pads_and_averages():
    spec = made.spec()
    plan = cells.plan(spec, made.WIDTHS, n_rows=100)
    groups = made.split('multiclass', 6, 0).groups
    views = cells.read_views(groups, plan)[20]
    assert views.dtype == np.float32
    np.testing.assert_array_equal(views[0, :, :12], groups[12][:, 0])
    assert (views[0, :, 12:] == 0).all()
    np.testing.assert_array_equal(views[2], groups[20][:, 2])
    np.testing.assert_allclose(views[3], groups[20][:, :2].mean(1), atol=1e-6)


def test_read_views_widens_stored_halves():
    plan = cells.plan(made.spec(), made.WIDTHS, n_rows=100)
    groups = made.split('multiclass', 6, 0).groups
    halves = {width: array.astype(np.float16) for width, array in groups.items()}
    assert cells.read_views(halves, plan)[20].dtype == np.float32
