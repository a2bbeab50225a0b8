import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.probes import cells, memory
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


def test_what_cannot_fit_is_refused_with_a_way_out():
    with pytest.raises(ConfigError, match="data='streamed'"):
        memory.budget(SPEC, PLAN, ROWS, 'resident', 0, usable=0.9 * BYTES)
    with pytest.raises(ConfigError, match='expected'):
        memory.budget(SPEC, PLAN, ROWS, 'ram', 0)


def test_usable_bytes_is_part_of_the_machine():
    assert 1e8 < memory.usable_bytes() < 1e14


def test_row_bytes_counts_every_view_at_its_padded_width():
    assert memory.row_bytes(PLAN) == 4 * 5 * 20
