"""What former versions of this program left is read; what a newer one leaves is refused by name.

Former files are made from today's by taking away what came later, as the history of
`features/manifest.py`, `stages/results.py` and `plan.py` has it: sidecars had rows of five fields
(no `last`, no `sound`), no layout and no seal, and so had plans, costs, records and reports.
"""

import shutil

import pytest

from jaxprobe import plan as planning
from jaxprobe.core import fs, schema
from jaxprobe.core.compared import CLIPS, FILE
from jaxprobe.core.errors import StoreError
from jaxprobe.features import keys, manifest
from jaxprobe.reports import across, build, check, read
from jaxprobe.stages import pipeline, results, similarity, verify
from tests.stages import pipeline_test


@pytest.fixture(scope='module')
def now(tmp_path_factory):
    """A run of today's version, with a report."""
    folder = tmp_path_factory.mktemp('former')
    plan = pipeline_test.make_plan(folder, pipeline_test.manifest(folder / 'data'))
    planning.pin(plan, make(folder / 'run'))
    pipeline_test.run(plan, folder / 'run')
    build.build([folder / 'run'], folder / 'run/report')
    return folder, plan


def make(folder):
    folder.mkdir()
    return folder


def rewrite(path, change):
    """Applies a change to what a file holds, as the program that wrote it would have."""
    value = fs.read_json(path)
    value.pop(schema.SEAL, None)
    fs.write_json(path, change(value))


def without(*names):
    return lambda value: {k: v for k, v in value.items() if k not in names}


def former(folder):
    """Turns everything below a folder into what the versions before wrote."""
    for path in (folder / 'stores').glob('*/*-0????.json'):
        rewrite(path, lambda v: without('version')(v) | {'clips': [c[:5] for c in v['clips']]})
    for path in (folder / 'stores').glob(f'*/{manifest.MANIFEST}'):
        rewrite(path, lambda value: value | {'version': 1})
    rewrite(folder / 'stores' / keys.CACHE, lambda value: value['files'])
    rewrite(folder / 'run' / planning.PIN, without('schema'))
    rewrite(folder / 'run/cost.json', without('schema'))
    rewrite(folder / 'run/report/manifest.json', without('schema'))
    for path in (folder / 'run').rglob('*.bank.json'):
        rewrite(path, without('schema', 'record_sha256'))
        rewrite(path, lambda value: value | {'record_sha256': results.record_hash(value)})


def test_what_the_version_before_left_is_read_and_nothing_is_done_again(now, tmp_path, capsys):
    folder, plan = now
    for part in ('run', 'stores'):
        shutil.copytree(folder / part, tmp_path / part)
    former(tmp_path)
    shutil.move(folder / 'stores', folder / 'newer')  # The plan names this folder.
    shutil.copytree(tmp_path / 'stores', folder / 'stores')
    shards = {p: p.read_bytes() for p in (folder / 'stores').rglob('*-0????*')}
    try:
        planning.pin(plan, tmp_path / 'run')
        pipeline_test.run(plan, tmp_path / 'run', ['extract', 'probe', 'analyse'])
        told = capsys.readouterr().out
        assert 'all were there' in told
        assert 'done before' in told
        assert {p: p.read_bytes() for p in shards} == shards
        build.build([tmp_path / 'run'], tmp_path / 'run/report')
        text, agrees = verify.verify(tmp_path / 'run', folder / 'stores', check.parts)
        assert agrees, text
    finally:
        shutil.rmtree(folder / 'stores')
        shutil.move(folder / 'newer', folder / 'stores')


def test_former_comparisons_and_maps_are_read(now, tmp_path):
    found = read.load([now[0] / 'run'])
    found = [one._replace(workdir=tmp_path) for one in found]
    fs.write_json(tmp_path / 'across/comparisons.json', {'tasks': {}, 'mean': []})
    assert across.comparisons(found) == [{'of': tmp_path.name, 'tasks': {}, 'mean': []}]
    fs.write_json(tmp_path / FILE, {'schema': 1, 'maps': []})
    assert across.similarity(found) == {'maps': []}
    fs.write_json(tmp_path / CLIPS, {'own_data': {'keys': ['a'], 'items': [0]}})
    assert similarity._clips(tmp_path) == {'own_data': {'keys': ['a'], 'items': [0]}}


STORE = 'stores/fbank_chroma-*/'
READERS = {
    STORE + 'fingerprint.json': lambda f: manifest.read_spec(f.parent),
    STORE + 'manifest.json': lambda f: manifest.read_manifest(f.parent),
    STORE + '*-00000.json': lambda f: manifest.read_sidecar(f.parent, 0),
    'run/plan.json': lambda f: planning.pinned(f.parent),
    'run/cost.json': lambda f: pipeline.Cost(f.parent),
    'run/results/*/own_data.bank.json': lambda f: results.stored_meta(f.parent, 'own_data'),
    'run/results/*/own_data.json': lambda f: read.load([f.parents[2]]),
}


@pytest.mark.parametrize('pattern', READERS)
def test_what_a_newer_version_left_is_refused_by_name(now, tmp_path, pattern):
    shutil.copytree(now[0] / pattern.split('/')[0], tmp_path / pattern.split('/')[0])
    (path,) = tmp_path.glob(pattern)
    READERS[pattern](path)
    key = 'version' if pattern.startswith('stores') else 'schema'
    rewrite(path, lambda value: value | {key: 9})
    with pytest.raises(
        StoreError, match='has layout 9, and jaxprobe .* a newer jaxprobe'
    ) as caught:
        READERS[pattern](path)
    assert str(path) in str(caught.value)
    if 'results' in pattern:
        text, agrees = verify.verify(tmp_path / 'run')
        assert not agrees
        assert 'has layout 9' in text
