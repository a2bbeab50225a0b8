"""The probe stage on stored embeddings: what is trained, and what was done before."""

import dataclasses
import math

import pytest

from jaxprobe.core import fs
from jaxprobe.probes import checkpoint
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


class Cut(Exception):
    pass


def test_a_bank_that_was_cut_goes_on_where_it_was(extracted, monkeypatch):
    """`tests/restart_test.py` kills whole runs and compares bytes; this sees which epochs run."""
    folder, plan = extracted
    monkeypatch.setattr(checkpoint, '_SHARE', math.inf)
    often = type(plan.probe)(plan.probe)
    often.checkpoint_minutes = 1e-9
    plan = dataclasses.replace(plan, probe=often)
    encoder, seen = plan.encoders[0].load(plan.seed), []

    class Shown(progress.Training):
        def __call__(self, at):
            seen.append(at.epoch)
            if seen == [0, 1]:
                raise Cut

    asked = (encoder, plan.encoders[0], plan.tasks[0], plan, folder / 'cut', Shown)
    with pytest.raises(Cut):
        list(probe.run(*asked))
    (kept,) = (folder / 'cut' / probe.TRAINING).rglob('*.npz')
    assert kept.name == 'state.npz'
    assert [name for name, _ in probe.run(*asked)] == ['own_data']
    assert seen == [0, 1, 1, 2]
    assert not (folder / 'cut' / probe.TRAINING).exists()


def test_what_is_left_of_a_finished_bank_in_training_is_removed(extracted):
    folder, plan = extracted
    trained(plan, folder / 'left')
    label = plan.encoders[0].label
    left = folder / 'left' / probe.TRAINING / label / 'own_data'
    left.mkdir(parents=True)
    (left / 'state.npz').write_bytes(b'')
    assert trained(plan, folder / 'left') == []
    assert not (folder / 'left' / probe.TRAINING).exists()
