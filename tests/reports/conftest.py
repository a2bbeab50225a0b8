"""Results to report, made once: two models and a control on three tasks, and one odd case."""

import pytest

from jaxprobe.reports import read
from jaxprobe.stages import analyse, results
from tests.stages import planted

NASTY = 'a|b <i>&"$x$" Дворжак 民謡 ' + 'long_' * 14


@pytest.fixture(scope='session')
def workdir(tmp_path_factory):
    """A finished run. Nobody writes to it; copy it first."""
    workdir = tmp_path_factory.mktemp('run')
    encoders = {
        'musicnn': {'layers': 4, 'mix': False, 'strength': 0.6},
        'muq': {'layers': 6, 'diverged': (3,), 'groups': 25},
        'toy': {'layers': 3, 'strength': 0.0, 'meta': {'random_weights': True}},
    }
    kinds = {'tags2': 'multilabel', 'tags10': 'multiclass', 'emotion': 'regression'}
    for encoder, options in encoders.items():
        for task, kind in kinds.items():
            record = planted.bank(encoder=encoder, task=task, kind=kind, **options)
            results.write_bank(workdir / 'results' / encoder, task, record)
    analyse.run(workdir, resamples=100)
    return workdir


@pytest.fixture(scope='session')
def odd(tmp_path_factory):
    """A trial run with one nasty name, one layer, one rate, one seed; one all diverged."""
    workdir = tmp_path_factory.mktemp('odd')
    small = {'layers': 1, 'mix': False, 'rates': (1e-3,), 'seeds': 1}
    meta = {
        'limit': 8,
        'missing': {'train': ['<x>'], 'valid': [], 'test': []},
        'excluded': {'jazz.54': 'broken & <cut>'},
    }
    one = planted.bank(encoder='e', task='t', meta=meta, labels=(NASTY, *'abcde'), **small)
    one.meta['encoder'] |= {'label': NASTY, 'title': NASTY, 'citation': NASTY}
    one.meta['task'] |= {'name': NASTY, 'title': NASTY}
    results.write_bank(workdir / 'results' / 'e', 't', one)
    none = planted.bank(encoder='e2', task='t', layers=2, diverged=tuple(range(18)))
    none.meta['task'] |= {'name': NASTY}
    results.write_bank(workdir / 'results' / 'e2', 't', none)
    analyse.run(workdir, resamples=100)
    return workdir


@pytest.fixture(scope='session')
def found(workdir):
    """What reports read of the finished run."""
    return read.load([workdir])


@pytest.fixture(scope='session')
def odd_found(odd):
    """What reports read of the odd run."""
    return read.load([odd])
