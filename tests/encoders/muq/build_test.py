import dataclasses

import jax
import numpy as np
import pytest

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.muq import architecture, build, card


def test_tiny_random():
    encoder = base.load('muq', weights='random', arch='tiny', seed=3)
    assert encoder.weights_sha256 == 'random-3'
    assert 'RANDOM weights' in encoder.card.title
    assert encoder.card.weights.kind == 'none'
    assert [layer.width for layer in encoder.card.layers] == [32] * 4
    wave = np.zeros((2, 24000), np.float32)
    states = np.asarray(jax.jit(encoder.encode)(encoder.params, wave))
    assert states.shape == (2, 4, 25, 32)
    assert np.isfinite(states).all()  # Silence is -100 dB, not minus infinity.


def test_card_of_the_published_file_and_of_others():
    a = architecture.resolve('musicfm_fma', '')
    path, published = 'x/pretrained_fma.pt', card.MUSICFM_FMA.weights.sha256
    assert build.describe(card.MUSICFM_FMA, a, published, path) == card.MUSICFM_FMA
    own = build.describe(card.MUSICFM_FMA, a, 'ab' * 32, path)
    assert 'not the published file' in own.title
    unknown = build.describe(card.MUQ, architecture.resolve('muq', ''), 'ab' * 32, 'x/mine.pt')
    assert unknown.title.endswith('weights of mine.pt (published hash not known)')
    assert build.describe(card.MUQ, architecture.resolve('muq', ''), 'ab' * 32, '') == card.MUQ
    assert own.weights.sha256 == 'ab' * 32
    assert own.layers == card.MUSICFM_FMA.layers


def test_tiny_needs_weights_of_its_size():
    with pytest.raises(ConfigError, match="encoder.weights='random'"):
        base.load('muq', arch='tiny')


def test_bfloat16_halves_kernels_and_returns_float32():
    exact = base.load('muq', weights='random', arch='tiny')
    fast = base.load('muq', weights='random', arch='tiny', dtype='bfloat16')
    assert fast.params['stem.blocks.1.conv2.kernel'].dtype == jax.numpy.bfloat16
    for kept in ('mel.filters', 'conformer.inv_freq', 'conformer.layer_norm.scale'):
        assert fast.params[kept].dtype == np.float32
    wave = np.zeros((1, 12000), np.float32)
    assert jax.eval_shape(fast.encode, fast.params, wave).dtype == np.float32
    assert exact.params['stem.blocks.1.conv2.kernel'].dtype == np.float32


def test_other_dtypes():
    with pytest.raises(ConfigError, match='float16'):
        base.load('muq', weights='random', arch='tiny', dtype='float16')


def test_identity_is_the_files(shared):
    folder = shared / 'fixtures' / 'muq_tiny_25hz'
    encoder = base.load(
        'muq', weights=str(folder / 'params.safetensors'), arch=str(folder / 'config.json')
    )
    assert encoder.weights_sha256.startswith(fs.sha256(folder / 'params.safetensors'))


def test_published_file_of_a_sister_is_refused(shared, monkeypatch):
    """Same tensors, other statistics: only the file's hash tells MSD from FMA."""
    path = shared / 'fixtures' / 'musicfm_tiny_msd' / 'params.safetensors'
    reference = dataclasses.replace(card.MUSICFM_FMA.weights, sha256=fs.sha256(path))
    monkeypatch.setattr(
        card, 'MUSICFM_FMA', dataclasses.replace(card.MUSICFM_FMA, weights=reference)
    )
    with pytest.raises(WeightsError, match='encoder.name=musicfm_fma'):
        base.load('musicfm_msd', weights=str(path), arch=str(path.parent / 'config.json'))


def test_damaged_download_is_refused(tmp_path, monkeypatch):
    snapshot = tmp_path / 'hub' / 'models--minzwon--MusicFM' / 'snapshots' / 'abc'
    snapshot.mkdir(parents=True)
    (snapshot / 'pretrained_fma.pt').write_bytes(b'PK of another date')
    monkeypatch.setenv('HF_HOME', str(tmp_path))
    monkeypatch.delenv('HF_HUB_CACHE', raising=False)
    with pytest.raises(WeightsError, match='before 13 February 2024'):
        base.load('musicfm_fma')


def test_absent_weights_say_what_to_bring(tmp_path, monkeypatch):
    monkeypatch.setenv('HF_HOME', str(tmp_path))
    monkeypatch.delenv('HF_HUB_CACHE', raising=False)
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    with pytest.raises(WeightsError, match=r'encoder musicfm_fma.*\n.*pretrained_fma\.pt'):
        base.load('musicfm_fma')
