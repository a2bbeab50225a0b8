import os

import pytest

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError
from jaxprobe.stages import working


def test_a_second_run_is_refused_and_told_whose_folder_it_is(tmp_path):
    with working.held(tmp_path / 'run'):
        refused = pytest.raises(StoreError, match=f'another run works in .*pid {os.getpid()}')
        with refused, working.held(tmp_path / 'run'):
            pass
        with working.held(tmp_path / 'run', first=False):
            pass  # The other processes of the run.
    with working.held(tmp_path / 'run'):
        pass


def test_what_killed_runs_left_unfinished_is_removed(tmp_path):
    litter = [f'plan.json{fs.TEMPORARY}4194305', f'results/a/t.json{fs.TEMPORARY}4194305.abc']
    kept = ['plan.json', 'results/a/t.json']
    for name in (*litter, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    os.utime(tmp_path / litter[1], (0, 0))  # Of another machine, long ago.
    with working.held(tmp_path):
        found = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob('*') if p.is_file()}
    assert found == {*kept, working.LOCK}
