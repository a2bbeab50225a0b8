import numpy as np
import pytest

from jaxprobe.stages.job import Job
from tests.probes.made import spec


@pytest.mark.parametrize(
    ('kind', 'value', 'name'),
    [
        ('', '', 'genre'),
        ('shuffled', '', 'genre@shuffled'),
        ('train', 0.1, 'genre@train-0.1'),
        ('head', 'linear', 'genre@head-linear'),
        ('context', 30.0, 'genre@context-30'),
    ],
)
def test_names_of_records(kind, value, name):
    assert Job(spec(), kind, value).name('genre') == name


def test_a_tasks_own_bank_changes_nothing():
    assert Job(spec()).changes('abc') == {}


def test_whatever_decides_a_variant_is_in_its_fingerprint():
    job = Job(spec(), 'train', 0.1, chosen=np.arange(4))
    others = [
        job.changes('abd'),
        job._replace(value=0.2).changes('abc'),
        job._replace(chosen=np.arange(5)).changes('abc'),
        job._replace(shuffled=True).changes('abc'),
        job._replace(merge=2).changes('abc'),
        job._replace(hidden={64: (8,)}).changes('abc'),
        job._replace(grid=spec(hidden=())).changes('abc'),
        job._replace(grid=spec(sources=spec().sources[:2])).changes('abc'),
        job._replace(grid=spec(learning_rates=(1e-3,))).changes('abc'),
    ]
    prints = {one['fingerprint'] for one in [job.changes('abc'), *others]}
    assert len(prints) == 1 + len(others)
    reworded = job._replace(what='other words').changes('abc')
    assert reworded['fingerprint'] == job.changes('abc')['fingerprint']
    found = job._replace(meta={'n': {'train': 4}}).changes('abc')
    assert found['variant'] == {'kind': 'train', 'value': 0.1, 'of': 'abc', 'what': ''}
    assert found['n'] == {'train': 4}
