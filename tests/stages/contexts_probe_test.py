import dataclasses

import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.stages import contexts_probe
from jaxprobe.stages.contexts_probe import windows_of
from jaxprobe.tasks.base import Kind
from tests.features import store_case
from tests.stages import planted, variant_records

OWN = planted.bank()


def store(window, hop=0.0):
    rate = 16000
    return dataclasses.replace(
        store_case.spec(),
        sample_rate=rate,
        window_samples=round(window * rate),
        hop_samples=round((hop or window) * rate),
    )


def test_contexts_are_runs_of_windows():
    assert [windows_of(s, store(5.0)) for s in (5.0, 10.0, 30.0)] == [1, 2, 6]
    assert [windows_of(s, store(3.0, 1.5)) for s in (3.0, 4.5, 6.0)] == [1, 2, 3]
    assert windows_of(2.987 * 3, store(2.987)) == 3


@pytest.mark.parametrize(
    ('seconds', 'found', 'says'),
    [
        (1.0, store(5.0), r'5 or 10 s;.*--config.encoder.window_seconds=1 '),
        (12.0, store(5.0), r'10 or 15 s'),
        (5.0, store(3.0, 1.5), r'1.5 s apart.*4.5 or 6 s'),
    ],
)
def test_contexts_that_windows_do_not_add_up_to(seconds, found, says):
    with pytest.raises(ConfigError, match=says):
        windows_of(seconds, found)


def test_one_window_is_the_bank_itself():
    known = variant_records.known(store=store(5.0))
    jobs = contexts_probe.planned(known, (30.0, 5.0, 10.0))
    assert [(job.value, job.merge) for job in jobs] == [(10.0, 2), (30.0, 6)]
    assert jobs[0].meta == {'window_seconds': 5.0}
    assert jobs[0].name('t') == 't@context-10'


@pytest.mark.parametrize(
    ('kind', 'aggregation', 'says'),
    [(Kind.BEATS, 'logits', 'of frames'), (Kind.MULTICLASS, 'embeddings', 'all windows')],
)
def test_where_a_context_means_nothing_it_is_said(kind, aggregation, says, capsys):
    known = variant_records.known(store=store(5.0))
    protocol = dataclasses.replace(known.task.protocol, aggregation=aggregation)
    task = dataclasses.replace(known.task, kind=kind, protocol=protocol)
    asked = variant_records.study(contexts=(10.0,))
    assert len(contexts_probe.jobs(known, OWN, asked)) == 1
    assert contexts_probe.jobs(known._replace(task=task), OWN, asked) == []
    assert says in capsys.readouterr().out
