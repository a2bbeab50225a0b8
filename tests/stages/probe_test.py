"""The probe stage on stored embeddings: what is trained, and what was done before."""

import pytest

from jaxprobe.core import fs
from jaxprobe.stages import pipeline, probe, progress, results
from tests.stages.pipeline_test import make_plan, manifest, run


@pytest.fixture(scope='module')
def extracted(tmp_path_factory):
    folder = tmp_path_factory.mktemp('probe')
    plan = make_plan(folder, manifest(folder / 'data'))
    run(plan, folder / 'run', ['extract'])
    return folder, plan


def trained(plan, workdir):
    chosen = plan.encoders[0]
    encoder = chosen.load(plan.seed)
    return [
        name
        for name, _ in probe.run(encoder, chosen, plan.tasks[0], plan, workdir, progress.Training)
    ]


def test_a_bank_is_trained_once(extracted, capsys):
    folder, plan = extracted
    assert trained(plan, folder / 'once') == ['own_data']
    assert trained(plan, folder / 'once') == []
    assert 'own_data done before' in capsys.readouterr().out


def test_costs_are_kept_by_record(extracted):
    folder, plan = extracted
    run(plan, folder / 'cost', ['probe'])
    (part,) = (
        v for k, v in fs.read_json(folder / 'cost/cost.json')['parts'].items() if 'probe' in k
    )
    assert part['cells'] == 12
    assert part['seconds'] > 0
    assert results.records(folder / 'cost') == results.banks(folder / 'cost')
    assert pipeline.STAGES['probe'] is pipeline.probe
