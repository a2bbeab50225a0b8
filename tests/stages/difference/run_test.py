import dataclasses
import shutil

import pytest

from jaxprobe.core import fs
from jaxprobe.core.errors import StoreError
from jaxprobe.features import manifest
from jaxprobe.stages import results
from jaxprobe.stages.difference.run import diff
from tests.features import store_case
from tests.stages.difference import made


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A finished run. Nobody writes to it; copy it first."""
    return made.run(tmp_path_factory.mktemp('a'))


@pytest.fixture
def other(whole, tmp_path):
    return made.copied(whole, tmp_path)


def store_of(folder):
    """A store of one shard, as the extract stage leaves it."""
    spec = store_case.spec()
    store = spec.path(folder)
    manifest.pin(store, spec)
    manifest.write_manifest(store, [[manifest.Planned('a', 1.0), manifest.Planned('b', 2.0)]])
    manifest.shard_path(store, 0).write_bytes(b'records of a and b')
    manifest.write_sidecar(store, 0, [manifest.Entry(key, 1, 0, 0) for key in 'ab'])
    return store, spec


def parts(found):
    return {one['part'] for one in found['changes']}


def test_a_run_equals_itself_and_its_copy(whole, other):
    for b in (whole, other):
        found = diff(whole, b)
        assert found['same']
        assert [c for c in found['changes'] if c['part'] != 'aside'] == []


def test_settings_that_change_no_number_are_an_aside(whole, other):
    plan = fs.read_json(other / 'plan.json')
    fs.write_json(other / 'plan.json', plan | {'store_dir': '/elsewhere'})
    fs.write_json(other / 'cost.json', {'python': '3.12'})
    found = diff(whole, other)
    assert found['same']
    asides = {c['what']: (c['a'], c['b']) for c in found['changes'] if c['part'] == 'aside'}
    assert asides['store_dir'] == ('', '/elsewhere')
    assert asides['python'] == ('3.11', '3.12')


def test_a_setting(whole, other):
    plan = fs.read_json(other / 'plan.json')
    fs.write_json(other / 'plan.json', plan | {'probe': {'seeds': 5}})
    (one,) = [c for c in diff(whole, other)['changes'] if c['part'] != 'aside']
    assert (one['part'], one['what'], one['a'], one['b']) == ('config', 'probe.seeds', 2, 5)


def test_the_label_of_one_item(whole, other):
    def relabel(record):
        record.test_targets[7] = (record.test_targets[7] + 1) % 6

    made.replant(other, relabel)
    found = diff(whole, other)
    assert not found['same']
    labels = [c for c in found['changes'] if c['what'] == 'label of test item t7']
    assert [(c['part'], c['where']) for c in labels] == [('data', 'muq/genre')]
    assert 'numbers' in parts(found)  # Scores follow from labels.
    scores = [c for c in found['changes'] if c['part'] == 'numbers' and c['where'] == 'muq/genre']
    assert scores
    assert not any('p' in c for c in scores), 'other labels are not paired'
    assert not any(c['where'] == 'musicnn/genre' for c in found['changes'])


def test_one_logit(whole, other):
    def nudge(record):
        record.valid_logits[3, 5, 2] += 0.25

    made.replant(other, nudge)
    found = diff(whole, other)
    (one,) = [c for c in found['changes'] if 'valid logits' in c['what']]
    cell = results.load_bank(whole / 'results/muq', 'genre')
    assert one['what'] == f'valid logits of {cell.source[3]} at 0.0005, seed 1, v5'
    assert (one['differing'], one['largest']) == (1, pytest.approx(0.25, rel=1e-5))
    assert one['part'] == 'cells'


def test_a_file_that_was_changed_in_place(whole, other):
    path = results.paths(other / 'results/muq', 'genre')['bank']
    meta = fs.read_json(path)
    fs.write_json(path, meta | {'limit': 7})
    found = diff(whole, other)
    assert 'changed after the run in B' in {c['what'] for c in found['changes']}
    assert ('config', 'limit') in {(c['part'], c['what']) for c in found['changes']}


def test_another_version_of_the_code(whole, other):
    def newer(record):
        meta = record.meta | {'env': {'jaxprobe': '9'}, 'fingerprint': 'f'}
        return dataclasses.replace(record, meta=meta)

    made.replant(other, newer)
    found = diff(whole, other)
    assert parts(found) - {'aside'} == {'code'}
    assert {c['what'] for c in found['changes']} >= {'env.jaxprobe', 'fingerprint'}


def test_a_worse_run_brings_intervals_and_a_paired_test(whole, other):
    def worse(record):
        record.test_logits[:, :40] *= -1

    made.replant(other, worse)
    found = diff(whole, other)
    (one,) = [
        c
        for c in found['changes']
        if (c['where'], c['what'], c['part']) == ('muq/genre', 'accuracy.value', 'numbers')
    ]
    assert one['difference'] == pytest.approx(one['b'] - one['a'])
    assert one['b_in_ci95_of_a'] is False
    assert one['difference_ci95'][1] < 0
    assert one['p'] < 0.05
    layers = [c for c in found['changes'] if c['what'].startswith('layers.block')]
    assert any('ci95_a' in c for c in layers)


def test_cells_and_results_of_one_side(whole, other):
    shutil.rmtree(other / 'results/musicnn')
    keep = [p for p in range(30) if p not in (0, 1)]

    def fewer(record):
        cells = {
            f.name: [getattr(record, f.name)[p] for p in keep]
            if isinstance(getattr(record, f.name), tuple)
            else getattr(record, f.name)[keep]
            for f in dataclasses.fields(record)
            if f.name in ('source', 'learning_rate', 'seed', 'best_epoch', 'epochs_run')
            or f.name in ('best_monitor', 'diverged', 'ensemble', 'valid_logits', 'test_logits')
            or f.name == 'mix_weights'
        }
        tuples = {name: tuple(v) for name, v in cells.items() if isinstance(v, list)}
        return dataclasses.replace(record, **(cells | tuples))

    folder = other / 'results/muq'
    record = fewer(results.load_bank(folder, 'genre'))
    results.write_bank(folder, 'genre', record)
    found = {(c['where'], c['what']): c for c in diff(whole, other)['changes']}
    assert found['', 'results only in A']['a'] == ['musicnn/genre']
    gone = found['muq/genre', 'cells only in A']
    assert (gone['count'], gone['b']) == (2, 'absent')
    assert gone['a'][0] == 'block0 at 0.0001, seed 0'


def test_numbers_across_encoders(whole, other):
    compared = fs.read_json(other / 'across/comparisons.json')
    compared['tasks']['genre']['pairs'][0]['p'] = 0.5
    fs.write_json(other / 'across/comparisons.json', compared)
    (one,) = [c for c in diff(whole, other)['changes'] if c['part'] != 'aside']
    assert (one['where'], one['part']) == ('across/comparisons.json', 'numbers')
    first = compared['tasks']['genre']['pairs'][0]
    assert one['what'] == f'tasks.genre.pairs.{first["a"]}-{first["b"]}.p'
    assert one['b'] == 0.5


def test_one_shard(whole, other, tmp_path):
    """Two runs that read stores of their own; a byte of one shard is another."""
    runs = [made.copied(whole, tmp_path / 'one'), other]
    for workdir in runs:
        store, spec = store_of(workdir.parent / 'stores')
        for encoder in ('muq', 'musicnn'):
            folder = workdir / 'results' / encoder
            record = results.load_bank(folder, 'genre')
            record.meta['store'] = {'dir': store.name, 'fingerprint': spec.fingerprint}
            results.write_bank(folder, 'genre', record)
    assert diff(*runs)['same']
    shard = manifest.shard_path(store, 0)
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    found = diff(*runs)
    assert {c['part'] for c in found['changes']} - {'aside'} == {'data'}
    assert any(c['what'].startswith(f'shard {shard.name}') for c in found['changes'])
    assert diff(*runs, stores=False)['same']


def test_nothing_to_compare(whole, tmp_path):
    with pytest.raises(StoreError, match='holds no results'):
        diff(whole, tmp_path)
    damaged = made.copied(whole, tmp_path)
    (damaged / 'plan.json').write_text('{')
    with pytest.raises(StoreError, match=r'plan\.json is damaged'):
        diff(whole, damaged)
