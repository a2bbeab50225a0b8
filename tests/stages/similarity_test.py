"""The stage on real audio files: what it writes, what it does not do twice, what verify finds."""

import dataclasses
import json

import numpy as np
import pytest

from jaxprobe import plan as planning
from jaxprobe.core import config, fs
from jaxprobe.core.compared import CLIPS, FILE
from jaxprobe.core.errors import ConfigError
from jaxprobe.stages import estimate, pipeline, similarity, similarity_maps, verify
from jaxprobe.tasks.base import Kind
from tests.stages.pipeline_test import manifest


def settings(folder, asked='input,layers,encoders'):
    c = config.base()
    c.encoder = config.encoder('fbank_chroma', window_seconds=0.25)
    c.beside.other = config.encoder('fbank_chroma', window_seconds=0.5)
    c.manifest, c.kind = str(folder / 'data' / 'labels.csv'), 'multiclass'
    c.store_dir = str(folder / 'stores')
    c.study.similarity = asked
    return c


@pytest.fixture(scope='module', autouse=True)
def _one_shuffle():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity_maps, 'SHUFFLES', 1)  # Three would take three times as long.
        yield


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp('similarity')
    manifest(folder / 'data')
    plan = planning.resolve(settings(folder), folder / 'run')
    for name in ('extract', 'similarity'):
        pipeline.STAGES[name](plan, folder / 'run', pipeline.Cost(folder / 'run'))
    return folder, plan


def stored(folder):
    return fs.read_json(folder / 'run' / FILE)


def test_the_file_is_what_the_page_is_built_from(done):
    folder, _ = done
    found = stored(folder)
    assert found['measures'] == ['pwcca', 'svcca', 'cka', 'cka_debiased']
    kinds = [(m['kind'], m['a'], m['b']) for m in found['maps'][::4]]
    assert kinds == [
        ('input', 'input', 'fbank_chroma'),
        ('input', 'input', 'other'),
        ('layers', 'fbank_chroma', 'fbank_chroma'),
        ('layers', 'other', 'other'),
        ('encoders', 'fbank_chroma', 'other'),
    ]
    for one in found['maps']:
        shape = (len(one['rows']), len(one['columns']))
        assert np.shape(one['values']) == np.shape(one['floor']) == shape
    units = {(m['kind'], m['b']): (m['unit'], m['n_rows']) for m in found['maps']}
    assert units['layers', 'other'] == ('windows', 48)
    assert units['encoders', 'other'] == ('clips', 24)
    assert set(found['stores']) == {name for m in found['maps'] for name in m['stores']}
    assert any('rows are 24 clips' in note for note in found['notes'])
    assert any('whatever the data' in note for note in found['notes'])  # 48 rows for 80 bands.


def test_input_features_are_those_of_the_same_windows(done):
    folder, plan = done
    for one in stored(folder)['maps'][:8]:
        if one['measure'] == 'cka':
            assert one['rows'] == ['log mel', 'chroma']
            assert one['columns'] == ['fbank', 'chroma', 'concat']
            np.testing.assert_allclose(np.diag(one['values']), 1.0, atol=2e-6)
    # They are the stores of the run, not others beside them.
    assert len(list(plan.store_dir.glob('fbank_chroma-*'))) == 2


def test_what_is_done_is_not_done_again(done, monkeypatch, capsys):
    folder, plan = done
    before = (folder / 'run' / FILE).read_bytes()
    monkeypatch.setattr(similarity_maps, 'compute', None)
    similarity.run(plan, folder / 'run')
    assert capsys.readouterr().out.count('done before') == 5
    assert (folder / 'run' / FILE).read_bytes() == before


def test_a_killed_run_goes_on_where_it_was(done, monkeypatch, tmp_path, capsys):
    folder, _ = done
    real, calls = similarity_maps.compute, []

    def dies(*asked):
        calls.append(asked)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*asked)

    monkeypatch.setattr(similarity_maps, 'compute', dies)
    plan = planning.resolve(settings(folder, 'layers'), folder / 'run')
    with pytest.raises(KeyboardInterrupt):
        similarity.run(plan, tmp_path)
    similarity.run(plan, tmp_path)
    assert len(calls) == 3
    assert 'layers of fbank_chroma on own_data: done before' in capsys.readouterr().out
    whole = [m for m in stored(folder)['maps'] if m['kind'] == 'layers']
    assert fs.read_json(tmp_path / FILE)['maps'] == whole


def test_what_is_no_longer_asked_for_leaves_the_file(done, tmp_path):
    folder, plan = done
    for name in (FILE, CLIPS):
        fs.write_bytes(tmp_path / name, (folder / 'run' / name).read_bytes())
    fewer = planning.resolve(settings(folder, 'layers'), folder / 'run')
    similarity.run(fewer, tmp_path)
    assert {m['kind'] for m in fs.read_json(tmp_path / FILE)['maps']} == {'layers'}
    nothing = planning.resolve(settings(folder, ''), folder / 'run')
    assert similarity.run(nothing, tmp_path / 'empty') is None
    assert not (tmp_path / 'empty').exists()
    assert pipeline.idle('similarity', nothing)
    assert not pipeline.idle('similarity', plan)


def test_verify_computes_it_again_from_the_stores_without_the_audio(done, tmp_path):
    folder, plan = done
    fs.write_bytes(tmp_path / CLIPS, (folder / 'run' / CLIPS).read_bytes())
    found = stored(folder)
    layers = [m for m in found['maps'] if (m['kind'], m['b']) == ('layers', 'other')]
    fs.write_json(tmp_path / FILE, found | {'maps': layers})
    text, _ = verify.verify(tmp_path, plan.store_dir)
    assert 'ok similarity, layers of other on own_data' in text
    assert 'x similarity' not in text
    text, _ = verify.verify(tmp_path)
    assert f'{FILE}: not checked' in text
    changed = fs.read_json(tmp_path / FILE)
    changed['maps'][1]['values'][1][2] -= 1e-4
    (tmp_path / FILE).write_text(json.dumps(changed))
    text, ok = verify.verify(tmp_path, plan.store_dir)
    assert not ok
    assert 'svcca.values of (chroma, concat): stored' in text
    (tmp_path / CLIPS).unlink()
    text, _ = verify.verify(tmp_path, plan.store_dir)
    assert "KeyError: 'own_data'" in text


def test_frames_are_compared_only_where_they_are_asked_for(done):
    _, plan = done
    (means,) = plan.tasks
    framed = dataclasses.replace(means, name='beats', kind=Kind.BEATS)
    both = dataclasses.replace(plan, tasks=(framed, means))
    assert {one.task for one in similarity._wanted(both)} == {'own_data'}
    only = dataclasses.replace(plan, tasks=(framed,))
    assert {one.task for one in similarity._wanted(only)} == {'beats'}


def test_a_plan_counts_the_store_of_input_features_unless_it_is_there_anyway(
    done, tmp_path, monkeypatch
):
    folder, plan = done
    for pace in ('_encode_speed', '_bank_pace'):  # What is timed is not looked at.
        monkeypatch.setattr(estimate, pace, lambda *asked: 1.0)
    assert estimate.estimate(plan, folder / 'run')[0].count('\nfbank_chroma-') == 2
    c = settings(folder, 'input')
    c.encoder = config.encoder('toy_conformer', weights='random', arch='tiny', window_seconds=0.5)
    del c.beside.other
    text, _ = estimate.estimate(planning.resolve(c, tmp_path / 'run'), tmp_path / 'run')
    assert text.count('\nfbank_chroma-') == 1
    assert 'similarity maps take' in text


def test_a_slip_dies_before_any_work(tmp_path):
    manifest(tmp_path / 'data')
    with pytest.raises(ConfigError, match="Did you mean 'layers'"):
        planning.resolve(settings(tmp_path, 'layrs'), tmp_path / 'run')


def test_a_skipped_task_is_named(done, capsys):
    _, plan = done
    (task,) = plan.tasks
    study = config.base().study
    study.similarity = 'layers@gone'
    plan = dataclasses.replace(plan, study=study, skipped={'gone': 'its audio'}, tasks=(task,))
    assert similarity.run(plan, plan.store_dir) is None
    assert 'layers on gone: skipped with the task' in capsys.readouterr().out
