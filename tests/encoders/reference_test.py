import dataclasses

import numpy as np
import pytest

from jaxprobe.core import level
from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.reference import compare
from tests.encoders.contract_test import mock, states


@pytest.fixture
def right():
    wave = np.random.RandomState(0).standard_normal((2, 1230)).astype(np.float32)
    hidden = np.asarray(states(mock().params, wave)).swapaxes(0, 1)  # [L B T D]
    return {'a_wav': wave, 'a_hidden_states': hidden}


def save(tmp_path, arrays):
    np.savez(tmp_path / 'io.npz', **arrays)
    return tmp_path / 'io.npz'


def test_compare_a_row_per_layer_and_case(tmp_path, right):
    short = {'b_wav': right['a_wav'][:1, :700], 'b_hidden_states': right['a_hidden_states'][:, :1]}
    short['b_hidden_states'] = short['b_hidden_states'][:, :, :7]
    result = compare(mock(), save(tmp_path, right | short))
    assert [(row.case, row.layer, row.ok) for row in result.rows] == [
        ('a', 'low', True),
        ('a', 'high', True),
        ('b', 'low', True),
        ('b', 'high', True),
    ]
    assert result.ok
    assert result.skipped == ()


@pytest.mark.parametrize('size', [0.01, 1.0, 100.0])
def test_compare_the_limit_grows_with_the_reference_from_one_on(tmp_path, right, size):
    hidden = right['a_hidden_states'] * size
    scaled = mock(lambda p, w: size * states(p, w))
    rms = np.sqrt((hidden[1].astype(float) ** 2).mean())
    for times, wanted in ((0.9, True), (1.1, False)):
        moved = hidden.copy()
        moved[1, 0, 0, 0] += times * 1e-3 * max(1.0, rms)
        result = compare(scaled, save(tmp_path, right | {'a_hidden_states': moved}), atol=1e-3)
        assert [row.ok for row in result.rows] == [True, wanted]
        assert result.rows[1].error == pytest.approx(times * 1e-3 * max(1.0, rms), rel=1e-2)
        assert result.ok is wanted


def test_compare_a_nan_never_passes(tmp_path, right):
    broken = mock(lambda p, w: states(p, w) * np.nan)
    assert not compare(broken, save(tmp_path, right)).ok


def test_compare_names_padded_cases_and_goes_on(tmp_path, right):
    padded = {
        'm_wav': right['a_wav'],
        'm_hidden_states': right['a_hidden_states'],
        'c_wav': right['a_wav'],
        'c_hidden_states': right['a_hidden_states'],
        'c_len': np.array([3, 4]),
        'd_hidden_states': right['a_hidden_states'],
        'd_last': right['a_hidden_states'][-1],
    }
    result = compare(mock(), save(tmp_path, right | padded))
    assert {row.case for row in result.rows} == {'a'}
    c, d, m = result.skipped
    assert 'c: padded (c_len)' in c
    assert 'no d_wav' in d
    assert m.startswith('m: padded')


def test_compare_other_shapes_fail_without_a_number(tmp_path, right):
    hidden = right['a_hidden_states']
    for other in (hidden[:, :, :-1], hidden[:1], np.concatenate([hidden, hidden[:1]])):
        result = compare(mock(), save(tmp_path, right | {'a_hidden_states': other}))
        assert not result.ok
        assert any('/' in row.shape for row in result.rows)


@pytest.mark.parametrize(
    'arrays',
    [
        {},
        {'a_wav': np.zeros((1, 300))},
        {'m_wav': np.zeros((1, 300)), 'm_hidden_states': np.zeros((2, 1, 3, 4))},
        {'a_wav': np.zeros(300), 'a_hidden_states': np.zeros((2, 1, 3, 4))},
    ],
)
def test_compare_with_nothing_to_compare(tmp_path, arrays):
    with pytest.raises(ConfigError, match='no case to compare'):
        compare(mock(), save(tmp_path, arrays))


def test_compare_with_an_unusable_file(tmp_path):
    with pytest.raises(ConfigError, match='no such file'):
        compare(mock(), tmp_path / 'nothing.npz')
    (tmp_path / 'text.npz').write_text('version https://git-lfs')
    with pytest.raises(ConfigError, match='cannot be read as an npz'):
        compare(mock(), tmp_path / 'text.npz')
    np.save(tmp_path / 'one.npy', np.zeros(3))
    with pytest.raises(ConfigError, match='cannot be read as an npz'):
        compare(mock(), tmp_path / 'one.npy')


def test_compare_layers_given_by_name(tmp_path, right):
    wave, (low, high) = right['a_wav'], right['a_hidden_states']
    result = compare(mock(), save(tmp_path, {'a_wav': wave, 'a_layer_high': high}))
    assert [(row.layer, row.ok) for row in result.rows] == [('high', True)]
    result = compare(mock(), save(tmp_path, {'a_wav': wave, 'a_layer_high': low}))
    assert not result.ok
    with pytest.raises(ConfigError, match="no such layer. Did you mean 'high'"):
        compare(mock(), save(tmp_path, {'a_wav': wave, 'a_layer_higth': high}))


def test_compare_in_units_of_the_largest_magnitude(tmp_path, right):
    hidden = right['a_hidden_states'].copy()
    hidden[0, 0, 0, 0] += 2e-3
    path = save(tmp_path, right | {'a_hidden_states': hidden})
    loose = compare(mock(), path, atol=1e-3, scale='max')
    top = np.abs(hidden[0]).max()
    assert loose.rows[0].limit == pytest.approx(1e-3 * top)
    assert loose.worst == pytest.approx(2e-3 / top, rel=1e-2)
    assert loose.ok == (top > 2)
    zeros = mock(lambda p, w: 0 * states(p, w))
    path = save(tmp_path, right | {'a_hidden_states': 0 * hidden})
    assert compare(zeros, path, scale='max').worst == 0


def test_compare_an_encoder_on_the_host(tmp_path, right):
    def host(params, wave):
        return tuple(np.asarray(state) for state in states(params, wave).swapaxes(0, 1))

    assert compare(mock(host)._replace(host=True), save(tmp_path, right)).ok


@pytest.mark.parametrize('how', ['none', 'zscore', 'peak'])
def test_compare_scales_waves_as_the_loader_does_items(tmp_path, right, how):
    """Row by row: two rows of other levels have other means and peaks."""
    raw = right['a_wav'] * np.array([[0.1], [3.0]], np.float32) + np.float32(0.5)
    heard = np.stack([level.apply(row, how) for row in raw])
    hidden = np.asarray(states(mock().params, heard)).swapaxes(0, 1)
    path = save(tmp_path, {'a_wav': raw, 'a_hidden_states': hidden})
    for card in level.LEVELS:
        encoder = mock()
        scaled = encoder._replace(card=dataclasses.replace(encoder.card, normalise=card))
        assert compare(scaled, path).ok == (card == how)
