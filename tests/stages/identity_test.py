import dataclasses

import pytest

from jaxprobe.core import config
from jaxprobe.core.errors import ConfigError
from jaxprobe.plan import items_of
from jaxprobe.stages import identity, stores
from tests.stages.pipeline_test import make_plan, manifest

NONE = {'train': [], 'valid': [], 'test': []}


@pytest.fixture
def made(tmp_path):
    plan = make_plan(tmp_path, manifest(tmp_path / 'data'))
    return plan, plan.encoders[0].load(0), plan.encoders[0], plan.tasks[0]


def test_the_bank_follows_the_task_with_the_configs_overrides(made):
    plan, encoder, chosen, task = made
    grid = identity.bank_spec(encoder, chosen, task, plan)
    assert (grid.epochs, grid.seeds, grid.outputs) == (3, 2, 3)
    assert grid.hidden == task.protocol.hidden == (512,)
    assert [s.name for s in grid.sources] == ['fbank', 'chroma', 'concat']
    untouched = dataclasses.replace(plan, probe=config.base().probe)
    assert identity.bank_spec(encoder, chosen, task, untouched).epochs == task.protocol.epochs


def test_the_sources_of_each_encoder_are_its_own(made):
    plan, encoder, chosen, task = made
    some = dataclasses.replace(chosen, sources='concat,0')
    assert [s.name for s in identity.bank_spec(encoder, some, task, plan).sources] == [
        'concat',
        'fbank',
    ]
    wrong = dataclasses.replace(chosen, sources='fbanc')
    with pytest.raises(ConfigError, match="Did you mean 'fbank'"):
        identity.bank_spec(encoder, wrong, task, plan)


def fingerprint(made, plan=None):
    old, encoder, chosen, task = made
    plan = plan or old
    grid = identity.bank_spec(encoder, chosen, task, plan)
    store = stores.store_spec(encoder, chosen, task, plan)
    items = items_of(task, plan)
    return identity.meta_of(encoder, chosen, task, plan, grid, items, NONE, store)['fingerprint']


def test_finished_banks_stay_finished(made, monkeypatch):
    """The fingerprint of this setting before there were variants, but for the bank's version."""
    monkeypatch.setattr(identity, 'VERSION', '0.1.0')
    monkeypatch.setattr(identity, 'PROBE_VERSION', 1)
    assert fingerprint(made) == 'bf4c3db9f924a7ea'


def test_what_else_is_asked_of_the_embeddings_changes_no_bank(made):
    c = config.base().study
    c.shuffled, c.fractions, c.heads = True, (0.5,), 'linear'
    assert fingerprint(made, dataclasses.replace(made[0], study=c)) == fingerprint(made)


@pytest.mark.parametrize(
    ('field', 'value', 'says'),
    [('standardise', True, 'rows standardised'), ('pca', 8, '8 principal components')],
)
def test_departures_are_named_and_make_another_bank(made, field, value, says):
    plan = made[0]
    asked = config.ConfigDict(plan.probe.to_dict())
    asked[field] = value
    departing = dataclasses.replace(plan, probe=asked)
    (sentence,) = identity.departures_of(departing, made[3])
    assert says in sentence
    assert identity.departures_of(plan, made[3]) == []
    assert fingerprint(made, departing) != fingerprint(made)
