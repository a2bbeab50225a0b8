import os
import subprocess
import sys

import pytest

from jaxprobe.core import cores


def test_there_is_one_at_least():
    assert 1 <= cores.available() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, 'sched_setaffinity'), reason='this system has no affinity')
def test_only_those_that_were_given_count():
    code = (
        'import os; from jaxprobe.core import cores; '
        'os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1]); print(cores.available())'
    )
    found = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert found.stdout == '1\n'


def test_alone_there_is_one_process(monkeypatch):
    monkeypatch.delenv(cores.NEIGHBOURS, raising=False)
    assert cores.neighbours() == 1
    monkeypatch.setenv(cores.NEIGHBOURS, '3')
    assert cores.neighbours() == 3
