import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import check
from jaxprobe.encoders.contract import SHIFT, Finding, contract
from jaxprobe.encoders.reference import compare
from tests.encoders.contract_test import mock, states


def test_run_the_contract_alone():
    text, ok = check.run('fbank_chroma')
    assert ok
    assert text.startswith('fbank_chroma: FBANK(80) + Chroma(12)')
    assert text.endswith('passed')
    assert 'reference' not in text


def test_run_with_a_reference(tmp_path):
    # MusiCNN's layers differ in width, so nothing can be stacked: the table says so, per layer.
    wave, hidden = np.zeros((1, 48128), np.float32), np.zeros((6, 1, 187, 5), np.float32)
    np.savez(tmp_path / 'io.npz', a_wav=wave, a_hidden_states=hidden)
    text, ok = check.run(
        'musicnn_msd', weights='random', arch='tiny', reference=str(tmp_path / 'io.npz')
    )
    assert not ok
    assert '(1, 187, 21) / (1, 187, 5)' in text
    assert 'FAILED: 0 checks, ' in text


def test_run_holds_a_port_to_the_authors_states(shared, monkeypatch):
    monkeypatch.setattr(check, 'contract', lambda encoder: [])  # Tested for every encoder.
    folder = shared / 'fixtures' / 'muq_tiny_25hz'
    text, ok = check.run(
        'muq',
        weights=str(folder / 'params.safetensors'),
        arch=str(folder / 'config.json'),
        reference=str(folder / 'io.npz'),
    )
    assert ok, text
    assert 'skipped m: padded' in text
    assert text.count('  ok    b ') == 4
    assert 'largest error: ' in text


@pytest.mark.parametrize(
    ('name', 'fixture', 'options'),
    [
        ('hubert_base', 'hubert_group_postln', ''),
        ('mert_v1_95m', 'mert_base_tiny', ''),
        ('music2vec', 'data2vec_audio_tiny', ''),
        ('mert_v1_330m', 'hubert_group_preln', 'normalise=item'),  # Its own default is none.
    ],
)
def test_run_scales_the_waves_of_the_reference(shared, monkeypatch, name, fixture, options):
    monkeypatch.setattr(check, 'contract', lambda encoder: [])  # Tested for every encoder.
    folder = shared / 'fixtures' / fixture
    text, ok = check.run(
        name,
        weights=str(folder / 'params.safetensors'),
        arch=str(folder / 'config.json'),
        reference=str(folder / 'io.npz'),
        options=options,
    )
    assert ok, text


def test_phase_is_shown_and_decides_nothing_beside_a_reference(tmp_path, monkeypatch):
    found = [Finding(SHIFT, False, 'at most 0.4'), Finding('finite', True, 'all')]
    wave = np.ones((1, 300), np.float32)
    encoder = mock()
    hidden = np.asarray(states(encoder.params, wave)).swapaxes(0, 1)
    np.savez(tmp_path / 'io.npz', a_wav=wave, a_hidden_states=hidden)
    monkeypatch.setattr(check, 'contract', lambda encoder: list(found))
    monkeypatch.setattr(check.base, 'load', lambda *args, **kwargs: encoder)
    reference = str(tmp_path / 'io.npz')
    text, ok = check.run('mock', arch='config.json', reference=reference)
    assert ok
    assert 'note  one sample later' in text
    assert 'not in the verdict' in text
    assert text.endswith('passed')
    for given in ({'arch': 'config.json'}, {'reference': reference}):
        text, ok = check.run('mock', **given)
        assert not ok
        assert 'FAIL  one sample later' in text
    found.append(Finding('responds', False, 'deaf'))
    text, ok = check.run('mock', arch='config.json', reference=reference)
    assert not ok
    assert text.endswith('FAILED: 1 checks, 0 layers')


def test_run_hands_options_on():
    with pytest.raises(ConfigError, match="has no option 'hop'"):
        check.run('fbank_chroma', options='hop=1')


def test_run_passes_our_errors_on():
    with pytest.raises(ConfigError, match='musicnn_msd'):
        check.run('musicnn_mds')


def test_render_marks_what_failed(tmp_path):
    encoder = mock(lambda p, w: 0 * states(p, w))
    wave = np.ones((1, 300), np.float32)
    hidden = np.asarray(states(encoder.params, wave)).swapaxes(0, 1)
    np.savez(tmp_path / 'io.npz', a_wav=wave, a_hidden_states=hidden)
    text = check.render(encoder, contract(encoder), compare(encoder, tmp_path / 'io.npz'))
    lines = text.splitlines()
    assert [line.split()[1] for line in lines if 'FAIL ' in line] == ['responds', 'a', 'a']
    assert lines[-1] == 'FAILED: 1 checks, 2 layers'
