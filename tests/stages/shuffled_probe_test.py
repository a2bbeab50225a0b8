import dataclasses

from jaxprobe.stages import shuffled_probe
from jaxprobe.tasks.base import Kind
from tests.stages import planted, variant_records

ASKED = variant_records.study(shuffled=True)
OWN = variant_records.scored(planted.bank(groups=20))


def test_the_rates_are_those_that_some_source_selected():
    known = variant_records.known()
    (job,) = shuffled_probe.jobs(known, OWN, ASKED)
    context = variant_records.context(OWN)
    chosen = {context.grid.by_source(s['name']).learning_rate for s in OWN.meta['sources']}
    assert job.grid.learning_rates == tuple(sorted(chosen))
    assert len(chosen) < len(context.grid.rates)
    assert job.shuffled
    assert job.name('t') == 't@shuffled'
    assert job.meta['protocol']['learning_rates'] == sorted(chosen)
    assert (job.grid.sources, job.grid.seeds) == (known.grid.sources, known.grid.seeds)


def test_what_has_no_labels_to_shuffle_is_said(capsys):
    known = variant_records.known()
    assert shuffled_probe.jobs(known, OWN, variant_records.study()) == []
    assert capsys.readouterr().out == ''
    waves = known._replace(task=dataclasses.replace(known.task, kind=Kind.SEPARATION))
    assert shuffled_probe.jobs(waves, OWN, ASKED) == []
    assert 'its targets are waves' in capsys.readouterr().out
    gone = variant_records.scored(planted.bank(diverged=tuple(range(36))))
    assert shuffled_probe.jobs(known, gone, ASKED) == []
    assert 'diverged' in capsys.readouterr().out
