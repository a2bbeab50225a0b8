import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.core import cores
from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import block, cells, data, memory, packing
from jaxprobe.probes.schedule import Patience
from jaxprobe.probes.spec import Source
from tests.probes import made

SPEC = made.spec()
PLAN = cells.plan(SPEC, made.WIDTHS, n_rows=100)
ROWS = (1000, 500, 500)
BYTES = 4 * 2000 * 5 * 20


def test_small_data_is_held_and_large_is_streamed():
    assert memory.budget(SPEC, PLAN, ROWS, 'auto', 0, usable=4.0 * BYTES).resident
    assert not memory.budget(SPEC, PLAN, ROWS, 'auto', 0, usable=1.5 * BYTES).resident
    assert memory.budget(SPEC, PLAN, ROWS, 'resident', 0, usable=1.5 * BYTES).resident
    assert not memory.budget(SPEC, PLAN, ROWS, 'streamed', 0, usable=1e12).resident


def test_cells_are_bounded_by_memory_and_by_the_user():
    assert memory.budget(SPEC, PLAN, ROWS, 'auto', 0, usable=1e12).cells == 20
    assert memory.budget(SPEC, PLAN, ROWS, 'auto', 7, usable=1e12).cells == 7
    few = memory.budget(SPEC, PLAN, ROWS, 'streamed', 0, usable=2e5).cells
    assert 1 <= few < 20


def test_seeds_whose_draws_do_not_fit_together_are_trained_in_parts():
    spec = made.spec(seeds=6)
    plan = cells.plan(spec, made.WIDTHS, n_rows=100)

    def found(usable):
        return memory.budget(spec, plan, ROWS, 'streamed', 0, usable=usable, step_rows=1000)

    one = 1000 * (16 + memory.row_bytes(plan))  # A step's rows and masks of one seed.
    assert (found(1e9).seeds, found(1e9).cells, found(1e9).waves(60, 6)) == (6, 60, 1)
    assert (found(15.0 * one).seeds, found(15.0 * one).cells) == (3, 30)
    assert found(15.0 * one).waves(60, 6) == 2
    assert found(6.0 * one).seeds == 1
    with pytest.raises(ConfigError, match='not one probe fits'):
        found(2.0 * one)


def test_what_cannot_fit_is_refused_with_a_way_out():
    with pytest.raises(ConfigError, match="data='streamed'"):
        memory.budget(SPEC, PLAN, ROWS, 'resident', 0, usable=0.9 * BYTES)
    with pytest.raises(ConfigError, match='Use fewer layers'):
        memory.budget(SPEC, PLAN, ROWS, 'streamed', 0, usable=1e4)
    with pytest.raises(ConfigError, match='expected'):
        memory.budget(SPEC, PLAN, ROWS, 'ram', 0)


def test_rows_that_one_device_cannot_hold_are_shared_by_as_few_as_can():
    for devices, usable, sharing in ((8, 4.0, 1), (8, 1.5, 2), (8, 0.6, 4), (3, 1.5, 3)):
        found = memory.budget(SPEC, PLAN, ROWS, 'auto', 0, usable=usable * BYTES, devices=devices)
        assert (found.resident, found.data) == (True, sharing)
    found = memory.budget(SPEC, PLAN, ROWS, 'auto', 0, usable=1.5 * BYTES)
    assert (found.resident, found.data) == (False, 1)
    found = memory.budget(SPEC, PLAN, ROWS, 'streamed', 0, usable=1.5 * BYTES, devices=8)
    assert (found.resident, found.data) == (False, 1)


def test_usable_bytes_is_part_of_the_machine(monkeypatch):
    whole = memory.usable_bytes()
    assert 1e8 < whole < 1e14
    monkeypatch.setenv(cores.NEIGHBOURS, '4')
    assert memory.usable_bytes() == whole / 4


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        ({}, None),
        ({'sys/fs/cgroup/memory.max': 'max\n'}, None),
        ({'sys/fs/cgroup/memory.max': '1000000\n'}, 1_000_000),
        ({'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n'}, None),
        ({'sys/fs/cgroup/memory/memory.limit_in_bytes': '2000000\n'}, 2_000_000),
        (
            {
                'proc/self/cgroup': '0::/slurm/job_7/step_0\n',
                'sys/fs/cgroup/slurm/job_7/memory.max': '3000000\n',
                'sys/fs/cgroup/slurm/job_7/step_0/memory.max': 'max\n',
            },
            3_000_000,
        ),
        (
            {
                'proc/self/cgroup': '5:cpuset:/other\n4:cpuacct,memory:/slurm/job_7\n0::/\n',
                'sys/fs/cgroup/memory/other/memory.limit_in_bytes': '1\n',
                'sys/fs/cgroup/memory/slurm/memory.limit_in_bytes': '5000000\n',
                'sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes': '4000000\n',
            },
            4_000_000,
        ),
    ],
)
def test_memory_is_what_a_container_or_a_job_leaves(tmp_path, files, expected):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    physical = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    assert memory.host_bytes(tmp_path) == (expected or physical)


def test_row_bytes_counts_every_view_at_its_padded_width():
    assert memory.row_bytes(PLAN) == 4 * 5 * 20


# GTZAN rhythm: steps of 64 windows of 10 s at 25 frames a second, 12 of 13 layers of 1024 mixed.
FRAMES = made.spec(
    kind='multilabel',
    frames=True,
    monitor='loss',
    outputs=2,
    hidden=(512,),
    dropout=0.2,
    seeds=1,
    batch_items=64,
    learning_rates=(5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2),
    sources=(
        *(Source(str(k), (k,)) for k in range(13)),
        Source('mix', tuple(range(1, 13)), learned=True),
    ),
)
WIDE = cells.plan(FRAMES, (1024,) * 13, n_rows=331_500)
STEP_ROWS = 64 * 250


def blocks(usable):
    """Bytes that a step of each family's blocks makes, and cells of a block."""
    found = memory.budget(
        FRAMES, WIDE, (331_500, 147_750, 217_500), 'auto', 0, usable=usable, step_rows=STEP_ROWS
    )
    step = [memory.step_bytes(FRAMES, family, STEP_ROWS) for family in WIDE.families]
    sizes = [
        packing.block_size(
            int(np.sum(WIDE.cells.family == number)),
            packing.cell_bytes(FRAMES, family.pad),
            'cpu',
            step[number],
            found.step_bytes,
        )
        for number, family in enumerate(WIDE.families)
    ]
    return found, [(size, size * own) for size, own in zip(sizes, step, strict=True)]


def test_blocks_of_frames_are_smaller_where_a_step_would_not_fit():
    found, ((single, picked), (mixing, mixed)) = blocks(usable=14e9)
    assert not found.resident
    assert (single, mixing) == (2, 1)  # Two mixing cells might make 5 GB.
    assert max(picked, mixed) <= found.step_bytes == 0.2 * 14e9
    assert found.cells == 84
    assert [size for size, _ in blocks(usable=120e9)[1]] == [2, 2]


def test_rows_scored_at_once_are_what_a_block_has_room_for():
    def rows(sizes, room):
        return memory.evaluation_rows(FRAMES, WIDE.families, sizes, room, most=4096)

    one = 4 * (1024 + 2 * 512)  # Bytes of a row for a cell that picks its layer.
    mixing = 4 * (13 * 1024 + 2 * 512)
    assert rows((16, 1), 1e12) == 4096
    assert rows((16, 1), 16.0 * one * 1000) == 768  # Whole multiples of 256.
    assert rows((1, 16), 16.0 * mixing * 1024) == 1024  # The family that needs most decides.
    assert rows((16, 16), 1.0) == 256
    assert memory.evaluation_rows(FRAMES, WIDE.families, (16, 1), 1.0, most=100) == 100


def test_a_step_that_fits_nowhere_is_refused():
    with pytest.raises(ConfigError, match='batch_items or, for frames, a lower'):
        blocks(usable=3e9)


def test_step_rows_are_those_of_the_layout():
    for most in (1, 3):
        split = made.split('multiclass', 37, 0, most)
        rows = data.step_rows(SPEC, split)
        assert rows == data.layout(SPEC, split, 1e9).rows >= 16
        assert data.layout(SPEC, split, 1e9, rows=rows + 16).rows == rows + 16


def shape(*sizes, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(sizes, dtype)


def abstract(n_cells, width, mixed):
    """Shapes of the parameters of a block of `FRAMES`, and its recipe."""
    layers = [(512, width), (2, 512)]
    params = {
        'layers': tuple(
            {'weight': shape(n_cells, out, n), 'bias': shape(n_cells, out)} for out, n in layers
        )
    }
    if mixed:
        params['mix'] = shape(n_cells, len(mixed))
    patience = Patience(False, 6, 0.5, 20, 100)
    return params, block.Recipe('multilabel', 0.2, 'loss', 'logits', patience, mixed, True)


@pytest.mark.parametrize('family', [0, 1])
def test_compiled_scoring_needs_no_more_than_is_reckoned(family):
    n_cells, rows, width = 2, 512, 1024

    params, recipe = abstract(n_cells, width, WIDE.families[family].mixed)
    view = shape(n_cells, dtype=jnp.int32)
    compiled = block.forward.lower(params, view, shape(13, rows, width), recipe=recipe).compile()
    needed = compiled.memory_analysis().temp_size_in_bytes
    assert 0 < needed < 1e9
    only = (WIDE.families[family],)
    assert memory.evaluation_rows(FRAMES, only, (n_cells,), needed - 1.0, most=4096) < rows


@pytest.mark.parametrize('family', [0, 1])
def test_the_compiled_step_needs_no_more_than_is_reckoned(family):
    """At a tenth of the rows, as all of it grows with them."""
    n_cells, rows, width = 2, STEP_ROWS // 10, 1024

    members = WIDE.families[family]
    params, recipe = abstract(n_cells, width, members.mixed)
    learner = block.Learner(params, jax.eval_shape(block._ADAM.init, params), shape(n_cells))
    places = shape(1, 1, rows, dtype=jnp.int32)
    steps = shape(1, 1, dtype=jnp.int32)
    batches = data.Batches(places, places, steps, (shape(1, 1, rows, 512, dtype=jnp.bool_),))
    index = shape(n_cells, dtype=jnp.int32)
    compiled = block.train.lower(
        learner,
        shape(n_cells),
        index,
        index,
        shape(13, rows, width),
        shape(rows, 2),
        batches,
        shape(dtype=jnp.int32),
        recipe=recipe,
    ).compile()
    reckoned = n_cells * memory.step_bytes(FRAMES, members, rows)
    state = 5 * 4 * n_cells * 525_000  # Parameters and their like, which the budget holds apart.
    needed = compiled.memory_analysis().temp_size_in_bytes
    assert 0.6 * reckoned < needed < reckoned + state
