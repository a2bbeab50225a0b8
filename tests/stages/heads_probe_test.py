import dataclasses

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.stages import heads_probe
from jaxprobe.tasks.base import Kind
from tests.stages import planted, variant_records

OWN = planted.bank()


def test_each_head_is_a_bank_over_the_whole_grid():
    known = variant_records.known()
    linear, m3 = heads_probe.planned(known, 'linear,m3')
    assert (linear.grid.hidden, m3.grid.hidden, m3.grid.dropout) == ((), (256, 128), 0.0)
    assert linear.grid.sources == known.grid.sources
    assert linear.grid.learning_rates == known.grid.learning_rates
    assert m3.meta['protocol'] == known.meta['protocol'] | {'hidden': [256, 128], 'dropout': 0.0}
    assert [job.name('t') for job in (linear, m3)] == ['t@head-linear', 't@head-m3']


def test_inferred_widths_follow_the_width_of_every_layer():
    known = variant_records.known()
    (job,) = heads_probe.planned(known, 'm4')
    outputs = known.grid.outputs
    assert set(job.hidden) == set(known.widths)
    assert len(set(known.widths)) > 1
    for width, (units,) in job.hidden.items():
        assert units == int(outputs + (width - outputs) / 2 + 1) // 2 * 2
    changes = job.changes('own')
    assert changes['variant']['hidden'] == {str(w): list(u) for w, u in job.hidden.items()}


def test_the_protocols_own_head_is_not_trained_again(capsys):
    known = variant_records.known()
    jobs = heads_probe.jobs(known, OWN, variant_records.study(heads='mlp,linear'))
    assert [job.value for job in jobs] == ['linear']
    assert "head mlp is the protocol's own" in capsys.readouterr().out
    flat = known._replace(grid=dataclasses.replace(known.grid, hidden=(), dropout=0.0))
    assert [job.value for job in heads_probe.planned(flat, 'm1,linear,mlp')] == ['mlp']


def test_separation_has_a_head_of_its_own_kind(capsys):
    known = variant_records.known()
    waves = known._replace(task=dataclasses.replace(known.task, kind=Kind.SEPARATION))
    assert heads_probe.jobs(waves, OWN, variant_records.study(heads='linear')) == []
    assert 'recurrent' in capsys.readouterr().out
    with pytest.raises(ConfigError, match='no head'):
        heads_probe.planned(known, 'lineal')
