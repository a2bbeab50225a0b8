"""The stages run as a user runs them, on real audio files, and then again after damage."""

import dataclasses
import shutil

import numpy as np
import pytest
import soundfile

from jaxprobe import plan as planning
from jaxprobe.core import config, fs
from jaxprobe.core.errors import DataError
from jaxprobe.encoders import base
from jaxprobe.stages import pipeline, results, verify


def manifest(folder, *, missing: int = 0):
    """Twenty-four second-long tones of three pitches, a CSV of the user's own, `missing` absent."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ['path,split,label,group']
    random = np.random.RandomState(0)
    for i in range(24):
        label, split = i % 3, ('train', 'train', 'valid', 'test')[i // 6]
        t = np.arange(16000) / 16000
        wave = 0.3 * np.sin(2 * np.pi * 220 * 2**label * t) + 0.01 * random.standard_normal(16000)
        if i >= missing:
            soundfile.write(folder / f'{i}.wav', wave, 16000)
        lines.append(f'{i}.wav,{split},tone{label},{i // 2}')
    (folder / 'labels.csv').write_text('\n'.join(lines))
    return folder / 'labels.csv'


def make_plan(folder, labels, **extract):
    c = config.base()
    c.encoder = config.encoder('fbank_chroma', window_seconds=1.0)
    c.manifest, c.kind = str(labels), 'multiclass'
    c.store_dir = str(folder / 'stores')
    c.probe.learning_rates, c.probe.epochs, c.probe.seeds = (1e-3, 1e-2), 3, 2
    c.extract.update(extract)
    return planning.resolve(c, folder / 'run')


def run(plan, workdir, stages=pipeline.STAGES):
    workdir.mkdir(parents=True, exist_ok=True)
    for name in stages:
        pipeline.STAGES[name](plan, workdir, pipeline.Cost(workdir))


def contents(workdir):
    return {p.name: p.read_bytes() for p in sorted((workdir / 'results').rglob('*.*'))}


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp('pipeline')
    plan = make_plan(folder, manifest(folder / 'data'))
    run(plan, folder / 'run')
    return folder, plan


def test_tones_are_told_apart_and_the_record_is_whole(done):
    folder, _ = done
    result = fs.read_json(folder / 'run/results/fbank_chroma/own_data.json')
    assert result['main_score']['value'] == 1.0
    assert result['n'] == {'train': 12, 'valid': 6, 'test': 6}
    assert result['audit']['same_audio_across_splits'] == result['audit']['unhashed'] == 0
    record = results.read_bank(folder / 'run/results/fbank_chroma', 'own_data')
    assert len(record.source) == 3 * 2 * 2  # Layers, rates, seeds.
    assert record.test_logits.shape == (12, 6, 3)
    assert set(record.test_groups) == {'9', '10', '11'}


def test_cost_stands_apart_from_results(done):
    folder, _ = done
    cost = fs.read_json(folder / 'run/cost.json')
    assert 'probe/fbank_chroma/own_data' in cost['parts']
    assert not any(b'"seconds"' in data for data in contents(folder / 'run').values())


def test_a_second_run_does_nothing_again(done, capsys):
    folder, plan = done
    before = contents(folder / 'run')
    run(plan, folder / 'run', ['extract', 'probe', 'analyse'])
    assert 'done before' in capsys.readouterr().out
    assert contents(folder / 'run') == before


def test_results_are_the_same_wherever_the_run_was_cut(done):
    folder, plan = done
    before = contents(folder / 'run')
    for gone in ('own_data.bank.json', 'own_data.logits.npz', 'own_data.json'):
        again = folder / f'again-{gone}'
        shutil.copytree(folder / 'run', again)
        (again / 'results/fbank_chroma' / gone).unlink()
        run(plan, again, ['probe', 'analyse'])
        assert contents(again) == before
        shutil.rmtree(again)


def test_changed_audio_under_the_same_names_is_trained_again(done, tmp_path, capsys):
    folder, plan = done
    shutil.copytree(folder / 'run', tmp_path / 'run')
    path = folder / 'data' / '0.wav'
    before = path.read_bytes()
    try:
        soundfile.write(path, np.random.RandomState(9).uniform(-0.1, 0.1, 16000), 16000)
        run(plan, tmp_path / 'run', ['extract', 'probe'])
        assert 'done before' not in capsys.readouterr().out
    finally:
        path.write_bytes(before)


def test_streamed_training_gives_the_same_files(done):
    folder, plan = done
    streamed = config.ConfigDict(plan.probe.to_dict())
    streamed.data = 'streamed'
    run(dataclasses.replace(plan, probe=streamed), folder / 'streamed', ['probe', 'analyse'])
    ours = results.read_bank(folder / 'streamed/results/fbank_chroma', 'own_data')
    theirs = results.read_bank(folder / 'run/results/fbank_chroma', 'own_data')
    np.testing.assert_allclose(ours.test_logits, theirs.test_logits, atol=1e-5)
    np.testing.assert_array_equal(ours.best_epoch, theirs.best_epoch)


def test_files_that_vanish_later_do_not_cost_a_finished_bank(done, tmp_path):
    folder, plan = done
    shutil.copytree(folder / 'run', tmp_path / 'run')
    before = contents(tmp_path / 'run')
    (folder / 'data' / '0.wav').rename(folder / 'data' / 'gone')
    try:
        with pytest.raises(DataError, match='If a disk is not mounted'):
            run(plan, tmp_path / 'run', ['probe'])
    finally:
        (folder / 'data' / 'gone').rename(folder / 'data' / '0.wav')
    assert contents(tmp_path / 'run') == before


def test_a_result_counts_what_is_missing_now(tmp_path):
    labels = manifest(tmp_path / 'data')
    plan = make_plan(tmp_path, labels, on_error='quarantine')
    run(plan, tmp_path / 'run')
    labels.write_text(labels.read_text() + '\nnever.wav,test,tone1,99')
    plan = make_plan(tmp_path, labels, on_error='quarantine')
    run(plan, tmp_path / 'run')
    result = fs.read_json(tmp_path / 'run/results/fbank_chroma/own_data.json')
    assert len(result['missing']['test']) == 1


def test_missing_files_stop_the_run_unless_quarantined(tmp_path):
    labels = manifest(tmp_path / 'data', missing=2)
    with pytest.raises(DataError, match='quarantine'):
        run(make_plan(tmp_path, labels), tmp_path / 'run', ['prepare'])
    plan = make_plan(tmp_path, labels, on_error='quarantine')
    run(plan, tmp_path / 'run')
    result = fs.read_json(tmp_path / 'run/results/fbank_chroma/own_data.json')
    assert result['n']['train'] == 10
    assert len(result['missing']['train']) == 2


def test_a_planted_duplicate_is_counted_in_the_result(tmp_path):
    """Copies of training items in the test: under another name, and as flac."""
    labels = manifest(tmp_path / 'data')
    wave, rate = soundfile.read(tmp_path / 'data/1.wav', dtype='int16')
    soundfile.write(tmp_path / 'data/copy.flac', wave, rate)
    shutil.copy(tmp_path / 'data/0.wav', tmp_path / 'data/copy.wav')
    rows = ['copy.wav,test,tone0,99', 'copy.flac,test,tone1,0']
    labels.write_text('\n'.join([labels.read_text(), *rows]))
    run(make_plan(tmp_path, labels), tmp_path / 'run')
    result = fs.read_json(tmp_path / 'run/results/fbank_chroma/own_data.json')
    assert result['audit']['same_audio_across_splits'] == 2
    assert len(result['audit']['examples']) == 2
    assert result['audit']['unhashed'] == 0
    assert result['audit']['groups_across_splits']['train/test'] == 1
    assert 'same audio' in [warning['code'] for warning in result['warnings']]
    assert '1 groups are in both train and test: 0' in result['notes'][0]
    text, agrees = verify.verify(tmp_path / 'run', tmp_path / 'stores')
    assert agrees, text


def test_an_emptied_split_is_an_error(tmp_path):
    labels = manifest(tmp_path / 'data', missing=12)
    plan = make_plan(tmp_path, labels, on_error='quarantine')
    with pytest.raises(DataError, match='every split needs at least one'):
        run(plan, tmp_path / 'run', ['extract', 'probe'])


def test_a_song_in_two_files_is_scored_as_one(tmp_path):
    """Twelve songs of two files each; one lacks its second file and is missing as a whole."""
    labels = manifest(tmp_path / 'data')
    plan = make_plan(tmp_path, labels, on_error='quarantine')
    (task,) = plan.tasks
    listed = task.items(plan.data_dir)
    songs = []
    for split in ('train', 'valid', 'test'):
        for label in range(3):
            own = [item for item in listed if (item.split, item.target) == (split, label)]
            songs += [dataclasses.replace(a, more=(b.path,)) for a, b in zip(own[::2], own[1::2])]
    songs[0].more[0].unlink()
    task = dataclasses.replace(task, items=lambda data_dir: songs)
    run(dataclasses.replace(plan, tasks=(task,)), tmp_path / 'run', ['extract', 'probe', 'analyse'])
    result = fs.read_json(tmp_path / 'run/results/fbank_chroma/own_data.json')
    assert result['n'] == {'train': 5, 'valid': 3, 'test': 3}
    assert result['rows'] == {'train': 10, 'valid': 6, 'test': 6}
    assert result['missing']['train'] == [songs[0].id]
    assert result['main_score']['value'] == 1.0


def test_who_could_be_faster_is_told_how():
    """On accelerators, of an encoder with something to gain, and nowhere else."""
    muq, light = base.card('muq'), base.card('fbank_chroma')
    assert 'dtype=bfloat16' in pipeline.faster(muq, 'float32', 'gpu')
    assert 'benchmarks.dtype muq' in pipeline.faster(muq, 'float32', 'tpu')
    assert not pipeline.faster(muq, 'bfloat16', 'gpu')
    assert not pipeline.faster(muq, 'float32', 'cpu')
    assert not pipeline.faster(light, 'float32', 'gpu')
