"""The projection of stored test items, and the check of it against the store."""

import shutil

import ml_dtypes
import numpy as np
import pytest
from sklearn.decomposition import PCA

from jaxprobe.core import fs
from jaxprobe.features import reader
from jaxprobe.stages import projection_probe, results, verify
from jaxprobe.stages.stores import clips_of
from tests.probes import made
from tests.stages.closed_form_probe_test import asking, known_of
from tests.stages.pipeline_test import contents, make_plan, manifest, run

NAME = 'own_data@projection'
LAYERS = ('a', 'b', 'c', 'd')


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp('projection')
    plan = make_plan(folder, manifest(folder / 'data'), dtype='bfloat16')
    plan = asking(plan, projection=True)
    run(plan, folder / 'run')
    return folder, plan


def test_points_are_scikit_learns_up_to_the_sign(done):
    folder, plan = done
    known = known_of(plan)
    loaded = reader.load(known.store.path(plan.store_dir), clips_of(known.by_split['test']))
    result = fs.read_json(folder / 'run/results/fbank_chroma/own_data.json')['projection']
    assert [row['source'] for row in result['rows']] == [
        layer.name for layer in known.encoder.card.layers
    ]
    assert result['shown'] == result['of'] == 6
    assert result['labels'] == ['tone0', 'tone1', 'tone2']
    x = loaded.groups[known.widths[0]][:, 0].astype(float)
    reference = PCA(2, svd_solver='full').fit(x)
    points = np.array([point[:2] for point in result['rows'][0]['points']])
    wanted = reference.transform(x)
    sign = np.sign((points * wanted).sum(0))
    assert np.abs(points - wanted * sign).max() < 1e-3 * np.abs(wanted).max()
    assert result['rows'][0]['explained'] == pytest.approx(
        reference.explained_variance_ratio_.tolist(), abs=1e-4
    )


def test_it_verifies_without_the_audio_and_is_made_once(done, tmp_path, capsys):
    folder, plan = done
    before = contents(folder / 'run')
    run(plan, folder / 'run', ['probe', 'analyse'])
    assert contents(folder / 'run') == before
    assert 'done before' in capsys.readouterr().out
    shutil.copytree(folder / 'run', tmp_path / 'run')
    shutil.copytree(folder / 'stores', tmp_path / 'stores')
    (tmp_path / 'stores/file_hashes.json').unlink()
    text, ok = verify.verify(tmp_path / 'run', tmp_path / 'stores')
    assert ok, text
    assert f'ok fbank_chroma/{NAME} from its store: ' in text
    meta = fs.read_json(tmp_path / f'run/results/fbank_chroma/{NAME}.bank.json')
    assert str(folder) not in str(meta['projection'])


@pytest.mark.parametrize('field', ['point', 'explained', 'result'])
def test_an_edited_value_is_found(done, tmp_path, field):
    """Also by somebody who mends every hash and the result file: the store says otherwise."""
    folder, plan = done
    workdir = shutil.copytree(folder / 'run', tmp_path / 'run')
    path = workdir / f'results/fbank_chroma/{NAME}.bank.json'
    meta = fs.read_json(path)
    layer = meta['projection']['layers'][0]
    if field == 'result':
        shown = path.with_name('own_data.json')
        result = fs.read_json(shown)
        result['projection']['rows'][0]['points'][2][0] += 1e-6
        fs.write_json(shown, result)
        text, ok = verify.verify(workdir)
        assert not ok
        assert 'projection.rows.0.points.2.0: stored' in text
        return
    if field == 'point':
        layer['points'][2][0] *= 1.01
    else:
        layer['explained'][1] += 0.01
    fs.write_json(path, meta)
    text, ok = verify.verify(workdir)
    assert not ok
    assert 'bank.json has sha256' in text
    fs.write_json(path, meta | {'record_sha256': results.record_hash(meta)})
    run(plan, workdir, ['analyse'])
    text, ok = verify.verify(workdir, plan.store_dir)
    assert not ok
    assert text.count('\n     ') == 1
    assert f'{NAME}: {layer["source"]}: {field}' in text


def split(**changes):
    return made.split('multiclass', 40, 3)._replace(**changes)


def test_layers_in_portions_and_chunks_are_the_same(monkeypatch):
    shown = np.arange(0, 40, 3)
    whole = projection_probe.project(split(), LAYERS, made.WIDTHS, shown)
    monkeypatch.setattr('jaxprobe.probes.moments.CHUNK', 900)
    rows = made.Reader(split().groups)
    again = projection_probe.project(split(groups=rows), LAYERS, made.WIDTHS, shown, budget=1)
    assert rows.reads > 2 * len(LAYERS)
    assert again == whole
    assert [len(layer['points']) for layer in whole] == [len(shown)] * 4


def test_bfloat16_rows_are_read_as_the_numbers_they_are():
    rounded = {w: a.astype(ml_dtypes.bfloat16) for w, a in split().groups.items()}
    widened = {w: a.astype(np.float32) for w, a in rounded.items()}
    one, other = (
        projection_probe.project(split(groups=groups), LAYERS, made.WIDTHS, np.arange(40))
        for groups in (rounded, widened)
    )
    assert one == other


def test_few_items_are_drawn_by_the_seed():
    drawn = projection_probe.chosen(2000, 0, 'genre')
    assert len(drawn) == projection_probe.SHOWN
    assert (np.diff(drawn) > 0).all()
    assert drawn.tolist() == projection_probe.chosen(2000, 0, 'genre').tolist()
    assert drawn.tolist() != projection_probe.chosen(2000, 1, 'genre').tolist()
    assert projection_probe.chosen(3, 0, 'genre').tolist() == [0, 1, 2]


def test_layers_that_do_not_vary():
    flat = split(groups={w: np.full_like(a, 0.3) for w, a in split().groups.items()})
    found = projection_probe.project(flat, LAYERS, made.WIDTHS, np.arange(5))
    assert found[0]['points'] == [[0.0, 0.0]] * 5
    assert found[0]['explained'] == [0.0, 0.0]
