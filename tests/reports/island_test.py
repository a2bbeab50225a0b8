import base64
import json
import time

import numpy as np
import pytest

from jaxprobe.core.errors import StoreError
from jaxprobe.reports import curves, drawings, island, maps, page, read, sounds, style
from tests.reports import filled


def unpack(value):
    """What `web/core.js` does."""
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if '~' in value:
        records = [dict(zip(value['~'], map(unpack, row), strict=True)) for row in value['r']]
        return dict(zip(value['n'], records, strict=True)) if 'n' in value else records
    return {key: unpack(item) for key, item in value.items()}


def _data(results, **options):
    return unpack(json.loads(island.island(results, 'a title', **options)))


def test_packing_loses_digits_and_nothing_else():
    records = [{'a': k + 1 / 3, 'b': {'x': [k, None]}} for k in range(4)]
    value = {'rows': records, 'named': {f'n{k}': row for k, row in enumerate(records)}, 'few': [{}]}
    packed = island.pack(value)
    assert set(packed['rows']) == {'~', 'r'}
    back = unpack(json.loads(island.shorten(json.dumps(packed))))
    assert back['rows'][3] == {'a': 3.33333, 'b': {'x': [3, None]}}
    assert back['named']['n2'] == back['rows'][2]
    assert back['few'] == [{}]


def test_numbers_are_those_of_the_results(found):
    data = _data(found)
    assert [e['name'] for e in data['encoders']] == ['muq', 'musicnn', 'toy']
    for r in found:
        e = [one['name'] for one in data['encoders']].index(r.encoder)
        t = [one['name'] for one in data['tasks']].index(r.task)
        here = data['results'][e][t]
        assert here['main_score']['value'] == pytest.approx(r.data['main_score']['value'], rel=1e-4)
        for row, stored in zip(here['layers'], r.data['layers'], strict=True):
            assert row['source'] == stored['source']
            assert row['test'] == pytest.approx(stored['test'], rel=1e-4)


def test_other_metrics_come_from_the_cells(found):
    r = next(r for r in found if (r.encoder, r.task) == ('muq', 'tags10'))
    curve = _data([r])['results'][0][0]['curves']['macro_f1']
    chosen = [row['source'] for row in r.data['layers']].index(r.data['selected']['source'])
    assert curve['test'][chosen] == pytest.approx(r.data['metrics']['macro_f1']['value'], rel=1e-4)
    assert len(curve['test']) == len(r.data['layers'])


def test_cells_of_another_record_are_named(found, tmp_path):
    (tmp_path / 'x.cells.parquet').write_bytes(b'no')
    other = found[0]._replace(path=tmp_path / 'x.json', workdir=tmp_path)
    with pytest.raises(StoreError, match='jaxprobe verify'):
        island.island([other], '')


def test_names_cannot_leave_the_script_element(odd_found):
    text = island.island(odd_found, '</script><!-- <i>')
    assert '<' not in text
    assert json.loads(text)['title'] == '</script><!-- <i>'


def test_points_come_back_where_they_were(tmp_path):
    filled.write(tmp_path, tasks=1, encoders={'muq': 3}, items=30)
    r = read.load([tmp_path])[0]
    row = _data([r])['results'][0][0]['projection']['rows'][1]
    x = np.frombuffer(base64.b64decode(row['x']), np.uint8)
    stored = np.array([p[0] for p in r.data['projection']['rows'][1]['points']])
    assert np.corrcoef(x, stored)[0, 1] > 0.9999


def test_paths_of_audio_stay_out_unless_asked_for(tmp_path, monkeypatch):
    run, out = tmp_path / 'run', tmp_path / 'report here'
    filled.write(run, tasks=1, encoders={'muq': 3})
    r = read.load([run])[0]
    first, second = (item['id'] for item in r.data['confusion']['items'][::2][:2])
    heard = {first: sounds.Sound(run / 'a song.wav'), second: sounds.Sound(run / 'b.wav', 1.5, 3.0)}
    monkeypatch.setattr(sounds, 'sounds', lambda workdir, tasks: {'genre': heard})
    assert 'song' not in island.island([r], '')
    items = _data([r], listen=out)['results'][0][0]['confusion']['items']
    found = {item['id']: item['path'] for item in items}
    assert found[first] == '../run/a%20song.wav'
    assert found[second] == '../run/b.wav#t=1.5,3'
    assert set(found.values()) == {found[first], found[second], ''}


def _drawn(kind, about, svg):
    return drawings.Drawing(f'{kind}-{about}', kind, about, 'a figure', None), svg


@pytest.mark.slow
def test_a_large_report_stays_below_five_megabytes(tmp_path):
    """3 encoders, 14 tasks, 25, 13 and 13 layers, every section filled, static figures included."""
    filled.write(
        tmp_path, tasks=14, items=400, encoders={'musicfm_msd': 25, 'mert': 13, 'random': 13}
    )
    results = read.load([tmp_path])
    assert len(results) == 42
    # One curve, one map and one of weights stand for all: drawing each would take a minute.
    pitch = read.of_task(results, 'pitch')
    curve, big = style.svg(curves.layer_curve(pitch)), read.of_encoder(results, 'musicfm_msd')
    table, weights = style.svg(maps.layers_by_tasks(big)), style.svg(maps.weights_by_tasks(big))
    figures = {f'c{t}': _drawn('curve', t, curve) for t in read.tasks(results)}
    for e in read.encoders(results):
        figures |= {f'l{e}': _drawn('layers', e, table), f'w{e}': _drawn('weights', e, weights)}
    began = time.process_time()
    html = page.page(results, figures, commands=[])
    seconds, size = time.process_time() - began, len(html.encode())
    print(f'{size / 1e6:.2f} MB in {seconds:.1f} s')
    assert size < 5_000_000
    assert seconds < 20
