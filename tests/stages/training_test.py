"""Jobs on stored embeddings: what is trained, on what, and what the record says of it."""

import dataclasses

import numpy as np
import pytest

from jaxprobe.core import fs
from jaxprobe.stages import heads_probe, opened, results, training, verify
from tests.stages.pipeline_test import contents, make_plan, manifest, run
from tests.stages.variant_records import study


def quiet(at):
    del at


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    """A run of one-second tones in four windows each, with variants."""
    folder = tmp_path_factory.mktemp('training')
    plan = make_plan(folder, manifest(folder / 'data'))
    chosen = dataclasses.replace(plan.encoders[0], window_seconds=0.25, sources='fbank,chroma')
    plan.probe.epochs, plan.probe.seeds, plan.probe.learning_rates = 2, 1, (1e-2,)
    asked = study(shuffled=True, fractions=(0.5,), contexts=(0.5,))
    plan = dataclasses.replace(plan, encoders=(chosen,), study=asked)
    run(plan, folder / 'run')
    return folder, plan, folder / 'run/results/fbank_chroma'


def test_every_variant_has_a_record_of_the_banks_own_items(done):
    _, _, folder = done
    own = results.read_bank(folder, 'own_data')
    names = results.variants(folder, 'own_data')
    ends = ['context-0.5', 'shuffled', 'train-0.5']
    assert names == [f'own_data@{end}' for end in ends]
    for name in names:
        record = results.read_bank(folder, name)
        assert record.meta['variant']['of'] == own.meta['fingerprint']
        assert record.meta['fingerprint'] != own.meta['fingerprint']
        assert (record.test_ids, record.valid_ids) == (own.test_ids, own.valid_ids)
        assert record.meta['sources'] == own.meta['sources']
    half = results.read_bank(folder, 'own_data@train-0.5')
    assert half.meta['n'] == {'train': 6, 'valid': 6, 'test': 6}
    assert np.bincount(half.train_targets).tolist() == [2, 2, 2]


def test_results_tell_of_them_and_are_verified(done):
    folder, _, _ = done
    result = fs.read_json(folder / 'run/results/fbank_chroma/own_data.json')
    assert result['controls']['shuffled']['rows'][0]['source'] == 'fbank'
    assert result['label_efficiency']['fractions'] == [0.5, 1.0]
    assert [row['seconds'] for row in result['contexts']['rows']] == [0.25, 0.5]
    text, ok = verify.verify(folder / 'run')
    assert ok, text


def test_a_run_that_was_killed_in_a_variant_goes_on_there(done, capsys):
    folder, plan, where = done
    before = contents(folder / 'run')
    for name in ('own_data@train-0.5', 'own_data@shuffled'):
        (where / f'{name}.bank.json').unlink()
    capsys.readouterr()
    run(plan, folder / 'run', ['probe', 'analyse'])
    told = capsys.readouterr().out
    assert 'own_data and 1 variants of it done before' in told
    assert contents(folder / 'run') == before


def test_heads_of_several_widths_are_put_together_in_the_grids_order(done, monkeypatch):
    _, plan, where = done
    chosen, task = plan.encoders[0], plan.tasks[0]
    known = opened.look(chosen.load(0), chosen, task, plan)
    own = results.read_bank(where, 'own_data')
    grids = []

    def alone(found, job, progress, how):
        grids.append(job.grid)
        (mine,) = (own.source.index(source.name) for source in job.grid.sources)
        cut = {name: value[mine : mine + 1] for name, value in columns(own).items()}
        meta = {'decoded': 'all' if len(grids) == 1 else 'the best'}
        return training.Trained(training.BankResult(**cut, also_logits={}), {}, meta)

    monkeypatch.setattr(training, '_clips', alone)
    (job,) = heads_probe.planned(known, 'm4')
    assert len(job.hidden) == 2
    with opened.reading(known) as found:
        made = training.train(found, job, where, quiet)
    result = made.result
    assert made.meta == {'decoded': 'the best'}
    assert {grid.hidden for grid in grids} == set(job.hidden.values())
    for grid in grids:
        (source,) = grid.sources
        assert grid.hidden == job.hidden[known.widths[source.layers[0]]]
    assert result.source == own.source == ('fbank', 'chroma')
    np.testing.assert_array_equal(result.test_logits, own.test_logits)


def columns(record):
    """Of a record, the fields that a bank answers with."""
    names = [name for name in training.BankResult._fields if name != 'also_logits']
    return {name: getattr(record, name) for name in names}


def test_cells_of_several_banks_are_joined_source_after_source(done):
    _, _, where = done
    record = results.read_bank(where, 'own_data')
    whole = training.BankResult(**columns(record), also_logits={})
    first = np.array(record.source) == 'fbank'
    parts = []
    for mine in (~first, first):
        cut = {
            name: tuple(np.array(value)[mine].tolist()) if isinstance(value, tuple) else value[mine]
            for name, value in columns(record).items()
        }
        parts.append(training.BankResult(**cut, also_logits={}))
    again = training.joined(parts, ['fbank', 'chroma'])
    assert again.source == whole.source
    np.testing.assert_array_equal(again.test_logits, whole.test_logits)
