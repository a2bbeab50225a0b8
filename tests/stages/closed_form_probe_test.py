"""Ridge and LDA from stored embeddings to a result that verifies."""

import dataclasses
import shutil

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from jaxprobe.core import fs
from jaxprobe.features import reader
from jaxprobe.probes import closed_form
from jaxprobe.stages import closed_form_probe, results, verify
from jaxprobe.stages.opened import look
from jaxprobe.stages.stores import clips_of
from jaxprobe.tasks import targets
from tests.stages.pipeline_test import contents, make_plan, manifest, run


def asking(plan, **study):
    """The same plan with questions of `config.study`."""
    settings = plan.study.copy_and_resolve_references()
    settings.update(study)
    return dataclasses.replace(plan, study=settings)


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp('closed')
    plan = make_plan(folder, manifest(folder / 'data'))
    run(plan, folder / 'run')
    before = contents(folder / 'run')
    plan = asking(plan, closed_form=True)
    run(plan, folder / 'run', ['probe', 'analyse'])
    return folder, plan, before


def own_of(folder):
    return results.read_bank(folder / 'run/results/fbank_chroma', 'own_data')


def known_of(plan):
    chosen = plan.encoders[0]
    return look(chosen.load(plan.seed)._replace(params=None), chosen, plan.tasks[0], plan)


def test_it_adds_records_and_a_section_and_changes_none(done):
    folder, _, before = done
    after = contents(folder / 'run')
    added = {f'own_data@{kind}' for kind in ('ridge', 'lda')}
    assert {name.rsplit('.', 2)[0] for name in after.keys() - before.keys()} == added
    assert {name for name in before if after[name] != before[name]} == {'own_data.json'}
    result = fs.read_json(folder / 'run/results/fbank_chroma/own_data.json')
    found = result['closed_form']
    assert [row['source'] for row in found['rows']] == [row['source'] for row in result['layers']]
    assert found['penalties'] == list(closed_form.PENALTIES)
    assert found['lda']['shrinkages'] == list(closed_form.SHRINKAGES)
    assert found['selected'] in found['rows']
    assert found['selected']['test'] == found['lda']['selected']['test'] == 1.0  # Pure tones.
    assert found['metric'] == found['by'] == 'accuracy'


def test_the_record_is_what_scikit_learn_answers(done):
    folder, plan, _ = done
    record = results.read_bank(folder / 'run/results/fbank_chroma', 'own_data@ridge')
    assert record.meta['axis'] == 'penalty'
    known = known_of(plan)
    store = known.store.path(plan.store_dir)
    rows = {
        split: reader.load(store, clips_of(known.by_split[split])).groups
        for split in ('train', 'test')
    }
    wanted = targets.encode(known.task, known.by_split['train'])
    width = known.widths[0]
    train, test = (rows[split][width][:, 0].astype(float) for split in ('train', 'test'))
    for p in range(len(closed_form.PENALTIES)):
        alpha = record.learning_rate[p] * record.meta['scale'][record.source[p]]
        model = RidgeClassifier(alpha=alpha, solver='svd').fit(train, wanted)
        np.testing.assert_allclose(
            record.test_logits[p], model.decision_function(test), atol=2e-6 * 3
        )


def test_what_is_done_is_not_solved_again(done, capsys):
    folder, plan, _ = done
    before = contents(folder / 'run')
    run(plan, folder / 'run', ['probe', 'analyse'])
    assert 'own_data and 2 variants of it done before' in capsys.readouterr().out
    assert contents(folder / 'run') == before


def test_results_are_the_same_wherever_the_run_was_cut(done, tmp_path):
    folder, plan, _ = done
    before = contents(folder / 'run')
    shutil.copytree(folder / 'run', tmp_path / 'again')
    (tmp_path / 'again/results/fbank_chroma/own_data@lda.bank.json').unlink()
    run(plan, tmp_path / 'again', ['probe', 'analyse'])
    assert contents(tmp_path / 'again') == before


def test_an_edited_number_is_found(done, tmp_path):
    folder, plan, _ = done
    workdir = shutil.copytree(folder / 'run', tmp_path / 'run')
    text, ok = verify.verify(workdir, plan.store_dir)
    assert ok, text
    path = workdir / 'results/fbank_chroma/own_data.json'
    result = fs.read_json(path)
    result['closed_form']['lda']['rows'][0]['valid'] = 0.123
    fs.write_json(path, result)
    text, ok = verify.verify(workdir)
    assert not ok
    assert 'closed_form.lda.rows.0.valid: stored 0.123' in text


def test_who_is_left_out(done):
    folder, plan, _ = done
    known, own, study = known_of(plan), own_of(folder), plan.study
    names = [job.kind for job in closed_form_probe.jobs(known, own, study)]
    assert names == ['ridge', 'lda']
    assert closed_form_probe.jobs(known, own, asking(plan, closed_form=False).study) == []
    learned = tuple(s._replace(learned=True) for s in known.grid.sources)
    only = known._replace(grid=dataclasses.replace(known.grid, sources=learned))
    assert closed_form_probe.jobs(only, own, study) == []
    for kind, jobs in (('regression', ['ridge']), ('beats', []), ('frames', [])):
        task = dataclasses.replace(known.task, kind=type(known.task.kind)(kind))
        found = closed_form_probe.jobs(known._replace(task=task), own, study)
        assert [job.kind for job in found] == jobs


def test_a_task_watched_by_its_loss_selects_by_its_primary_metric(done):
    folder, plan, _ = done
    known = known_of(plan)
    protocol = dict(known.meta['protocol']) | {'monitor': 'loss'}
    meta = dict(known.meta) | {'protocol': protocol}
    (job, _) = closed_form_probe.jobs(known._replace(meta=meta), own_of(folder), plan.study)
    assert job.meta['protocol']['select_by'] == 'accuracy'
    assert job.meta['protocol']['monitor'] == 'loss'


def test_float16_holds_log_posteriors():
    logits = np.array([[[1e6, 1e6 - 3.0, -1e7]]])
    kept = closed_form_probe._within_half(logits).astype(np.float16)
    assert np.isfinite(kept).all()
    assert kept[0, 0, :2].tolist() == [0.0, -3.0]
