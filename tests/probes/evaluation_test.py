import jax
import jax.numpy as jnp
import numpy as np

from jaxprobe.probes import block, cells, data, evaluation, heads, packing
from jaxprobe.probes.schedule import Patience
from tests.probes import made

SPEC = made.spec('key')
PLAN = cells.plan(SPEC, made.WIDTHS, n_rows=80)
SPLIT = made.split('key', 11, 0)
PATIENCE = Patience(True, 1, 0.5, 4, 8)
RECIPES = tuple(
    block.Recipe('key', 0.2, 'weighted_score', 'logits', PATIENCE, family.mixed)
    for family in PLAN.families
)


def judged():
    chunks = data.passing(SPLIT, PLAN, 8)
    return evaluation.Judged(jnp.asarray(SPLIT.targets), data.ragged(SPLIT), chunks)


def retired(family, size=3):
    blocks = packing.pack(SPEC, PLAN, family, np.arange(20), size, PATIENCE, made.SEEDS)
    return packing.retire(blocks)[0]


def test_score_rows_sees_every_row_of_every_family():
    params = {f: [jax.tree.map(jnp.asarray, retired(f).kept.params)] for f in (0, 1)}
    views = {f: [PLAN.cells.view[retired(f).cells]] for f in (0, 1)}
    found = evaluation.score_rows(PLAN, RECIPES, judged(), params, views)
    all_rows = jnp.asarray(cells.read_views(SPLIT.groups, PLAN)[20])
    for family in (0, 1):
        rows = np.concatenate(found[family][0], axis=1)[:, : data.n_rows(SPLIT)]
        first = jax.tree.map(lambda leaf: leaf[0], params[family][0])
        mixed = PLAN.families[family].mixed
        x = all_rows[jnp.asarray(mixed)] if mixed else all_rows[views[family][0][0]][None]
        expected = heads.apply(first, heads.blend(first, x))
        np.testing.assert_allclose(rows[0], expected, atol=1e-5)


def test_blank_has_all_axes_and_fill_writes_its_cells_only():
    split = judged()
    result = evaluation.blank(SPEC, PLAN, {'valid': split, 'test': split})
    assert result['valid_logits'].shape == (20, 11, 24)
    assert result['source'][:4] == ('0', '0', '0', '0')
    gone = retired(1)
    kept = gone.kept._replace(ensemble=np.array([0, 2, 3], np.int32))
    state = kept.schedule._replace(best_epoch=np.array([4, -1, 2]), best=np.array([0.5, 0, 0.25]))
    gone = packing.Retired(gone.cells, kept._replace(schedule=state))
    evaluation.fill(result, SPEC, PLAN, RECIPES, {'valid': split, 'test': split}, gone)
    written = np.isfinite(result['valid_logits']).all((1, 2))
    assert set(np.flatnonzero(written)) == set(gone.cells)
    assert [result['ensemble'][c] for c in gone.cells] == ['vote', 'gmean', 'mean']
    assert result['best_epoch'][gone.cells].tolist() == [4, -1, 2]
    np.testing.assert_array_equal(result['best_monitor'][gone.cells], [0.5, np.nan, 0.25])
    weights = result['mix_weights'][gone.cells]
    np.testing.assert_allclose(weights[:, 1:].sum(-1), 1, atol=1e-6)
    votes = result['valid_logits'][gone.cells[0]].sum(-1)
    np.testing.assert_array_equal(votes, SPLIT.count)
