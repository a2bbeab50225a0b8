"""Maps from stores alone: what is in them, when they are computed again, and damage found."""

import json
from typing import Any

import numpy as np
import pytest

from jaxprobe.stages import similarity_maps as maps
from jaxprobe.stages.similarity_maps import Audio, Part
from tests.stages import small_stores

COUNTS = (3, 1, 4, 2, 3, 2, 4, 1) * 5
CLIPS = len(COUNTS)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('stores')
    names = {
        'a': small_stores.write(folder, 'a', COUNTS, layers=(('x', 4), ('y', 4), ('z', 6))),
        'b': small_stores.write(folder, 'b', COUNTS, layers=(('u', 5), ('v', 3))),
        'long': small_stores.write(folder, 'long', (1,) * len(COUNTS), window=4000),
        'few': small_stores.write(folder, 'few', (3, 3), layers=(('x', 4), ('still', 2))),
    }
    return folder, names


def audio(count=CLIPS):
    return Audio([small_stores.key(i) for i in range(count)], list(range(count)))


def part(made, kind, a, b):
    return Part(kind, 'task', a, b, (made[1][a], made[1][b]))


def by_measure(found):
    return {one['measure']: one for one in found}


def test_a_map_says_what_it_is_of(made):
    found = by_measure(maps.compute(part(made, 'encoders', 'a', 'b'), audio(), made[0], 0))
    assert list(found) == ['pwcca', 'svcca', 'cka', 'cka_debiased']
    one = found['pwcca']
    assert one['rows'] == ['x', 'y', 'z']
    assert one['columns'] == ['u', 'v']
    assert (one['unit'], one['n_rows'], one['n_clips']) == ('windows', sum(COUNTS), len(COUNTS))
    assert one['widths'] == [[4, 4, 6], [5, 3]]
    assert one['shuffles'] == maps.SHUFFLES
    assert np.shape(one['values']) == np.shape(one['floor']) == np.shape(one['floor_max']) == (3, 2)
    json.dumps(one, allow_nan=False)


def test_layers_of_one_side_are_themselves(made):
    found = by_measure(maps.compute(part(made, 'layers', 'a', 'a'), audio(), made[0], 0))
    for one in found.values():
        np.testing.assert_allclose(np.diag(one['values']), 1.0, atol=2e-6)
    assert (np.array(found['pwcca']['values']) >= np.array(found['pwcca']['floor'])).all()


def test_other_windows_are_compared_by_clip(made):
    (one, *_) = maps.compute(part(made, 'encoders', 'a', 'long'), audio(), made[0], 0)
    assert (one['unit'], one['n_rows']) == ('clips', len(COUNTS))
    assert any('rows are 40 clips' in note for note in one['notes'])


def test_rounding_that_counts_as_variation_is_said(made):
    folder, names = made
    names['short'] = small_stores.write(folder, 'short', COUNTS, dtype='bfloat16')
    (one, *_) = maps.compute(part(made, 'encoders', 'a', 'short'), audio(), folder, 0)
    assert any('short is stored as bfloat16' in note for note in one['notes'])
    assert not any('a is stored' in note for note in one['notes'])


def test_rows_in_files_give_what_rows_in_memory_do(made, monkeypatch, tmp_path):
    asked = (part(made, 'encoders', 'a', 'b'), audio(), made[0], 0, tmp_path)
    whole = maps.compute(*asked)
    monkeypatch.setattr(maps, 'SPILL', 0)
    assert maps.compute(*asked) == whole
    assert list(tmp_path.iterdir()) == []  # Nothing is left behind.


def test_too_few_rows_and_layers_that_do_not_vary_are_said(made):
    (one, *_) = maps.compute(part(made, 'layers', 'few', 'few'), audio(2), made[0], 0)
    assert any('x and x have 6 rows for 4 and 4 varying' in note for note in one['notes'])
    assert any('1 whatever the data' in note for note in one['notes'])
    assert any('still does not vary' in note for note in one['notes'])
    assert one['values'][1] == [None, None]
    (one, *_) = maps.compute(part(made, 'layers', 'few', 'few'), audio(1), made[0], 0)
    assert any('no noise floor' in note for note in one['notes'])
    assert one['floor'] == [[None, None]] * 2


def test_the_fingerprint_is_of_all_that_decides(made, monkeypatch):
    asked = (part(made, 'encoders', 'a', 'b'), audio(), made[0], 0)
    known = {maps.fingerprint(*asked)}
    known.add(maps.fingerprint(*asked[:3], 1))
    known.add(maps.fingerprint(asked[0], audio(5), *asked[2:]))
    known.add(maps.fingerprint(part(made, 'encoders', 'b', 'a'), *asked[1:]))
    monkeypatch.setattr(maps, 'ROWS', 7)
    known.add(maps.fingerprint(*asked))
    assert len(known) == 5
    (one, *_) = maps.compute(*asked)
    assert (one['n_rows'], one['sampled_from']) == (7, sum(COUNTS))


def test_maps_are_checked_against_their_stores(made):
    asked = part(made, 'encoders', 'a', 'b')
    print_now = maps.fingerprint(asked, audio(), made[0], 0)
    stored: list[Any] = [
        one | {'fingerprint': print_now} for one in maps.compute(asked, audio(), made[0], 0)
    ]
    known = {'task': audio()._asdict()}
    name, count, found = maps.check(stored, known, made[0])
    assert (name, found) == ('similarity, a and b on task', [])
    assert count > 4 * 3 * 6
    stored[1]['floor'][2][1] += 1e-4
    stored[0]['n_rows'] += 1
    stored[3]['values'] = stored[3]['values'][:1]
    _, _, found = maps.check(stored, known, made[0])
    assert len(found) == 3
    assert any(text.startswith('svcca.floor of (z, v): stored') for text in found)
    _, _, found = maps.check(stored[2:3], {'task': audio(3)._asdict()}, made[0])
    assert any('fingerprint' in text for text in found)
    _, _, found = maps.check(stored[2:3], {}, made[0])
    assert found == ["KeyError: 'task'"]


def test_progress_is_told_now_and_then(made, monkeypatch, capsys):
    monkeypatch.setattr(maps, 'SAY', 0.0)
    maps.compute(part(made, 'encoders', 'a', 'b'), audio(), made[0], 0)
    assert 'a and b on task: 24 of 24 pairs, 0 s left' in capsys.readouterr().out
