"""Clean-trained probes on deformed test audio, from files to a result that verifies."""

import dataclasses
import shutil

import numpy as np
import pytest

from jaxprobe.core import fs
from jaxprobe.core.errors import DataError, StoreError
from jaxprobe.features import reader
from jaxprobe.features.spec import StoreSpec
from jaxprobe.stages import deformed_probe, opened, results, verify
from jaxprobe.stages.job import Job
from jaxprobe.stages.opened import look
from tests.stages.closed_form_probe_test import asking
from tests.stages.pipeline_test import contents, make_plan, manifest, run

ASKED = 'gain:0,noise:20,noise:-30,stretch:1.25'
FILES = ['clean', 'gain-0', 'noise--30', 'noise-20', 'stretch-1.25']
LOST = 'tests.stages.own_deformation:CARD:0.6'


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp('deformed')
    plan = make_plan(folder, manifest(folder / 'data'))
    run(plan, folder / 'run')
    before = contents(folder / 'run')
    plan = asking(plan, deform=ASKED)
    run(plan, folder / 'run', ['extract', 'probe', 'analyse'])
    return folder, plan, before


def folder_of(folder):
    return folder / 'run/results/fbank_chroma'


def section_of(folder, name='run'):
    return fs.read_json(folder / name / 'results/fbank_chroma/own_data.json')['robustness']


def known_of(plan):
    chosen = plan.encoders[0]
    return look(chosen.load(plan.seed)._replace(params=None), chosen, plan.tasks[0], plan)


def test_it_adds_records_and_a_section_and_changes_nothing_else(done):
    folder, _, before = done
    after = contents(folder / 'run')
    added = {name.rsplit('.', 2)[0] for name in after.keys() - before.keys()}
    assert added == {f'own_data@deform-{name}' for name in FILES}
    assert [name for name in before if after[name] != before[name]] == ['own_data.json']
    now = fs.read_json(folder_of(folder) / 'own_data.json')
    del now['robustness']
    fs.write_json(folder / 'without.json', now)
    assert (folder / 'without.json').read_bytes() == before['own_data.json']


def test_noise_drops_the_score_and_no_change_drops_nothing(done):
    found = section_of(done[0])
    assert [one['name'] for one in found['deformations']] == [
        'gain:0', 'noise:20', 'noise:-30', 'stretch:1.25',
    ]  # fmt: skip
    for row in found['rows']:
        assert row['scores']['gain:0']['drop'] == 0
        assert row['scores']['gain:0']['value'] == row['clean']
    bands = next(row for row in found['rows'] if row['source'] == 'fbank')
    assert bands['clean'] == 1
    worst = bands['scores']['noise:-30']
    assert worst['value'] < 0.7
    assert worst['drop'] == pytest.approx(1 - worst['value'])
    assert worst['drop_ci95'][0] > 0
    curve = [1, bands['scores']['noise:20']['value'], worst['value']]
    assert bands['area'] == {'noise': pytest.approx((curve[0] + 2 * curve[1] + curve[2]) / 4)}
    assert found['ranks']['gain:0']['best_source'] is not None
    assert found['n_test'] == found['n_clean'] == 6


def test_the_cells_are_those_that_validation_selects(done):
    folder, _, _ = done
    own = results.read_bank(folder_of(folder), 'own_data')
    clean = results.read_bank(folder_of(folder), 'own_data@deform-clean')
    rates = deformed_probe.selected_rates(own)
    assert set(rates) == {'fbank', 'chroma', 'concat'}
    assert list(zip(clean.source, clean.learning_rate, clean.seed, strict=True)) == [
        (source, rates[source], seed) for source in rates for seed in range(2)
    ]
    for p, cell in enumerate(zip(clean.source, clean.learning_rate, clean.seed, strict=True)):
        (same,) = (
            q
            for q, other in enumerate(zip(own.source, own.learning_rate, own.seed, strict=True))
            if other == cell
        )
        assert clean.best_epoch[p] == own.best_epoch[same]
        np.testing.assert_allclose(clean.test_logits[p], own.test_logits[same], atol=1e-5)
        np.testing.assert_allclose(clean.valid_logits[p], own.valid_logits[same], atol=1e-5)
    agreed = clean.meta['agreement']
    assert agreed['cells'] == agreed['same_best_epoch'] == 6
    assert agreed['largest_difference'] < 1e-5
    noisy = results.read_bank(folder_of(folder), 'own_data@deform-noise--30')
    assert noisy.valid_logits.shape == (6, 0, 3)
    assert not np.allclose(noisy.test_logits, clean.test_logits)
    assert noisy.meta['deformation'] == {
        'name': 'noise:-30',
        'title': 'White noise -30 dB',
        'family': 'noise',
        'severity': -30.0,
        'unit': 'dB',
        'harm': 30.0,
        'keeps_length': True,
        'version': '1',
    }


def test_deformed_rows_are_those_of_the_deformed_store(done):
    folder, plan, _ = done
    known = known_of(plan)
    stores = {}
    for name in FILES[1:]:
        meta = fs.read_json(folder_of(folder) / f'own_data@deform-{name}.bank.json')
        stores[name] = plan.store_dir / meta['store']['dir']
    tested = opened.clips_of(known.by_split['test'])
    clean = reader.load(known.store.path(plan.store_dir), tested).groups
    same = reader.load(stores['gain-0'], tested).groups
    noisy = reader.load(stores['noise-20'], tested).groups
    for width, rows in clean.items():
        np.testing.assert_array_equal(same[width], rows)
        assert not np.allclose(noisy[width], rows)
    assert reader.load(stores['stretch-1.25'], tested).padded.all()
    with pytest.raises(StoreError):
        reader.load(stores['gain-0'], opened.clips_of(known.by_split['train']))


def test_everything_verifies_and_a_changed_number_is_found(done):
    folder, plan, _ = done
    text, ok = verify.verify(folder / 'run', plan.store_dir)
    assert ok, text
    assert text.count('ok store') == 5
    shutil.copytree(folder / 'run', folder / 'forged')
    path = folder / 'forged/results/fbank_chroma/own_data.json'
    result = fs.read_json(path)
    result['robustness']['rows'][0]['scores']['noise:20']['drop'] += 0.01
    fs.write_json(path, result)
    text, ok = verify.verify(folder / 'forged')
    assert not ok
    assert 'robustness.rows.0.scores.noise:20.drop' in text


def test_what_was_lost_is_made_again_and_is_the_same(done, capsys):
    folder, plan, _ = done
    shutil.copytree(folder / 'run', folder / 'again')
    whole = contents(folder / 'again')
    for path in (folder / 'again/results/fbank_chroma').glob('own_data@deform-noise--30.*'):
        path.unlink()
    meta = fs.read_json(folder_of(folder) / 'own_data@deform-noise-20.bank.json')
    store = plan.store_dir / meta['store']['dir']
    shards = {path.name: path.read_bytes() for path in store.iterdir() if path.is_file()}
    shutil.rmtree(store)
    run(plan, folder / 'again', ['extract', 'probe', 'analyse'])
    assert contents(folder / 'again') == whole
    assert {path.name: path.read_bytes() for path in store.iterdir() if path.is_file()} == shards
    assert 'done before' in capsys.readouterr().out


def test_items_that_a_deformation_loses_are_counted_and_left_out_of_both_sides(done):
    folder, plan, _ = done
    with pytest.raises(DataError, match='clips cannot be used'):
        run(asking(plan, deform=LOST), folder / 'run', ['extract'])
    plan.extract.on_error, before = 'quarantine', plan.extract.on_error
    try:
        shutil.copytree(folder / 'run', folder / 'lossy')
        run(asking(plan, deform=LOST), folder / 'lossy', ['extract', 'probe', 'analyse'])
    finally:
        plan.extract.on_error = before
    found = section_of(folder, 'lossy')
    (one,) = (d for d in found['deformations'] if d['name'] == LOST)
    assert found['n_clean'] == 6
    assert found['n_test'] == one['n']
    record = results.read_bank(
        folder / 'lossy/results/fbank_chroma', f'own_data@deform-{LOST.replace(":", "-")}'
    )
    assert 0 < one['n'] == len(record.test_ids) == record.meta['n']['test'] < 6
    assert len(record.meta['missing']['test']) == 6 - one['n']
    for row in found['rows']:  # What is left of each item is what it was.
        assert row['scores'][LOST]['drop'] == pytest.approx(0, abs=1e-6)
    text, ok = verify.verify(folder / 'lossy', plan.store_dir)
    assert ok, text


def test_sources_of_different_rates_are_trained_apart_and_put_together(done):
    folder, plan, _ = done
    own = results.read_bank(folder_of(folder), 'own_data')
    rates = {'fbank': 1e-3, 'chroma': 1e-2, 'concat': 1e-3}
    with opened.reading(known_of(plan)) as found:
        again = deformed_probe._train(found, Job(found.known.grid), rates, {})
    assert again.source == ('fbank', 'fbank', 'chroma', 'chroma', 'concat', 'concat')
    assert again.learning_rate.tolist() == [1e-3, 1e-3, 1e-2, 1e-2, 1e-3, 1e-3]
    agreed = deformed_probe.agreement(own, again)
    assert agreed['same_best_epoch'] == 6
    assert agreed['largest_difference'] < 1e-5
    moved = again._replace(best_epoch=again.best_epoch + np.eye(6, dtype=int)[5])
    assert deformed_probe.agreement(own, moved)['same_best_epoch'] == 5


def test_without_a_selected_cell_there_is_nothing_to_score(done, capsys):
    folder, plan, _ = done
    own = results.read_bank(folder_of(folder), 'own_data')
    gone = dataclasses.replace(own, test_logits=np.full_like(own.test_logits, np.nan))
    gone.scores.update({name: np.full(12, np.nan) for name in own.scores})
    known = known_of(plan)
    assert deformed_probe.jobs(known, gone, plan.study) == []
    assert 'all diverged' in capsys.readouterr().out
    assert deformed_probe.jobs(known, own, asking(plan, deform='').study) == []
    assert StoreSpec.of_record(known.store.record()) == known.store


@pytest.mark.slow  # Compiles a bank per source.
def test_other_heads_are_scored_at_what_they_select(done, capsys):
    """Head m4 has a shape of its own over every width, so every source has a bank of its own."""
    folder, plan, _ = done
    shutil.copytree(folder / 'run', folder / 'heads')
    plan = asking(plan, deform='noise:-30', heads='m4')
    run(plan, folder / 'heads', ['probe', 'analyse'])
    where = folder / 'heads/results/fbank_chroma'
    own = results.read_bank(where, 'own_data@head-m4')
    clean = results.read_bank(where, 'own_data@deform_head-m4-clean')
    assert clean.meta['head'] == 'm4'
    assert clean.meta['variant']['hidden'] == own.meta['variant']['hidden']
    agreed = clean.meta['agreement']
    assert agreed['cells'] == agreed['same_best_epoch'] == 6
    assert agreed['largest_difference'] < 1e-5
    rates = deformed_probe.selected_rates(own)
    assert set(zip(clean.source, clean.learning_rate, strict=True)) == set(rates.items())
    (table,) = section_of(folder, 'heads')['heads']
    assert table['head'] == 'm4'
    bands = next(row for row in table['rows'] if row['source'] == 'fbank')
    assert bands['scores']['noise:-30']['drop'] > 0
    assert section_of(folder)['heads'] == []
    capsys.readouterr()
    run(plan, folder / 'heads', ['probe'])
    assert 'variants of it done before' in capsys.readouterr().out
    text, ok = verify.verify(folder / 'heads', plan.store_dir)
    assert ok, text
