import jax
import numpy as np

from jaxprobe.probes import cells, packing
from jaxprobe.probes.schedule import Patience
from tests.probes import made

SPEC = made.spec()
PLAN = cells.plan(SPEC, made.WIDTHS, n_rows=100)
PATIENCE = Patience(True, 1, 0.5, 4, 8)


def packed(size=3):
    return packing.pack(SPEC, PLAN, 0, np.arange(20), size, PATIENCE, made.SEEDS)


def test_pack_puts_every_cell_somewhere_once():
    blocks = packed()
    ids = np.concatenate([b.cells for b in blocks])
    assert sorted(ids[ids >= 0]) == list(range(16)), 'family 0 is the four sources that pick'
    assert (ids < 0).sum() == 2
    for b in blocks:
        real = b.cells >= 0
        state = b.block.kept.schedule
        assert (np.asarray(state.finished) == ~real).all()
        np.testing.assert_array_equal(state.rate[real], PLAN.cells.rate[b.cells[real]])
        np.testing.assert_array_equal(b.block.view[real], PLAN.cells.view[b.cells[real]])
    seeds = PLAN.cells.seed[ids[ids >= 0]]
    assert (np.diff(seeds) >= 0).all(), 'cells of a seed are neighbours'


def test_heads_of_a_seed_and_width_start_equal():
    start = {}
    for b in packed():
        weight = np.asarray(b.block.learner.params['layers'][0]['weight'])
        for c, w in zip(b.cells, weight):
            if c >= 0:
                key = (int(PLAN.cells.seed[c]), int(PLAN.cells.width[c]))
                np.testing.assert_array_equal(start.setdefault(key, w), w)
    assert len(start) == 4
    assert (start[0, 12][:, 12:] == 0).all()


def test_repack_keeps_the_living_and_hands_out_the_finished():
    blocks = packed()
    ids = np.concatenate([b.cells for b in blocks])
    over = set(ids[ids >= 0][::2].tolist())
    finished = [np.isin(b.cells, list(over)) | (b.cells < 0) for b in blocks]
    rate = {c: float(r) for b in blocks for c, r in zip(b.cells, b.block.kept.schedule.rate)}
    again, retired = packing.repack(blocks, finished)
    assert len(again) == 3 < len(blocks) == 6
    living = np.concatenate([b.cells for b in again])
    assert set(living[living >= 0]) | over == set(range(16))
    assert set(np.concatenate([r.cells for r in retired])) == over
    for b in again:
        for c, r in zip(b.cells, b.block.kept.schedule.rate):
            assert c < 0 or float(r) == rate[c]
    for r in retired:
        np.testing.assert_allclose(r.kept.schedule.rate, [rate[c] for c in r.cells])


def test_repack_leaves_blocks_alone_that_would_not_be_fewer():
    blocks = packed()
    finished = [b.cells < 0 for b in blocks]
    again, retired = packing.repack(blocks, finished)
    assert again is blocks
    assert retired == []


def test_repack_of_finished_blocks_leaves_none():
    blocks = packed()
    again, retired = packing.repack(blocks, [np.ones(3, bool)] * len(blocks))
    assert again == []
    assert sum(len(r.cells) for r in retired) == 16
    assert packing.repack([], []) == ([], [])


def test_regroup_fills_the_last_group():
    groups = packing.regroup(packing.retire(packed()), 5)
    assert [len(g.cells) for g in groups] == [5, 5, 5, 5]
    assert set(np.concatenate([g.cells for g in groups])) == set(range(16))
    leaves = jax.tree.leaves(groups[-1].kept)
    assert all(len(leaf) == 5 for leaf in leaves if leaf.ndim)


def test_alive_counts_cells_not_fillers():
    last = packed()[-1]
    assert packing.alive(last, np.zeros(3, bool)).tolist() == (last.cells >= 0).tolist()


def test_block_size_fills_blocks_evenly():
    size = packing.cell_bytes(made.spec(hidden=(512,), outputs=10), 1024)
    assert size == 4 * (1025 * 512 + 513 * 10)
    assert packing.block_size(78, size, 'cpu') == 2
    assert packing.block_size(78, size, 'gpu') == 20
    assert packing.block_size(5, 4, 'cpu') == 5
    assert packing.block_size(3, 10**12, 'cpu') == 1
    assert packing.block_size(78, size, 'cpu', 10, 15.0) == 1  # What a step makes has to fit.
    assert packing.block_size(78, size, 'gpu', devices=8) == 80  # Ten cells on each.
    assert packing.block_size(78, size, 'cpu', devices=4) == 8
    assert packing.block_size(78, size, 'gpu', 10, 5.0) == 1
