import dataclasses

import pytest

from jaxprobe.core import config
from jaxprobe.core.errors import ConfigError
from jaxprobe.stages import variants
from jaxprobe.tasks.base import Kind
from tests.stages import planted, variant_records


def asking(**asked):
    known = variant_records.known()
    return known._replace(
        plan=dataclasses.replace(known.plan, study=variant_records.study(**asked))
    )


def test_every_field_that_is_asked_for_counts():
    study = config.base().study
    assert not variants.asked(study)
    assert set(variants.ASKED) == set(study.keys()) - {'similarity'}  # Of stores, not of banks.
    for name, value in {'shuffled': True, 'fractions': (0.1,), 'heads': 'm1'}.items():
        assert variants.asked(variant_records.study(**{name: value}))


def test_what_is_planned_is_what_is_made():
    known = asking(shuffled=True, fractions=(0.1, 0.5), heads='linear')
    own = variant_records.scored(planted.bank())
    names = [job.name('t') for job in variants.make(known, own)]
    assert names == ['t@shuffled', 't@train-0.1', 't@train-0.5', 't@head-linear']
    assert [job.name('t') for job in variants.planned(known)] == names


def test_what_cannot_be_is_refused_before_anything_is_trained():
    with pytest.raises(ConfigError, match='leaves none'):
        variants.planned(asking(fractions=(0.001,)))
    with pytest.raises(ConfigError, match='do not add up'):
        variants.planned(asking(contexts=(0.01,)))


def test_separation_has_no_variants():
    known = asking(shuffled=True, heads='linear')
    task = dataclasses.replace(known.task, kind=Kind.SEPARATION)
    assert variants.planned(known._replace(task=task)) == []
