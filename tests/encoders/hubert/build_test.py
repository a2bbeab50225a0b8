import json
import shutil

import jax
import numpy as np
import pytest

from jaxprobe.core import fs
from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.loading import signatures


@pytest.fixture
def folder(shared, tmp_path):
    """A user's Hugging Face folder of a small MERT, as `save_pretrained` writes it."""
    fixture = shared / 'fixtures' / 'mert_base_tiny'
    shutil.copy(fixture / 'params.safetensors', tmp_path / 'model.safetensors')
    shutil.copy(fixture / 'config.json', tmp_path)
    return tmp_path


def test_tiny_random():
    encoder = base.load('mert_v1_95m', weights='random', arch='tiny', seed=3)
    assert encoder.weights_sha256 == 'random-3'
    assert 'RANDOM weights' in encoder.card.title
    assert encoder.card.weights.kind == 'none'
    assert [layer.width for layer in encoder.card.layers] == [32] * 3
    states = np.asarray(jax.jit(encoder.encode)(encoder.params, np.zeros((2, 24000), np.float32)))
    assert states.shape == (2, 3, 74, 32)
    assert np.isfinite(states).all()  # Silence has no variance, neither over time.


def test_a_folder_is_enough(folder):
    """In either format; the identity is the file's and the architecture's."""
    encoder = base.load('mert_v1_95m', weights=str(folder), arch=str(folder))
    assert encoder.weights_sha256.startswith(fs.sha256(folder / 'model.safetensors'))
    assert 'model.safetensors (not the published file)' in encoder.card.title
    assert encoder.card.weights_licence == 'that of the file given'
    assert encoder.card.mix == (1, 2, 3)


def test_its_config_is_not_overlooked(folder):
    with pytest.raises(WeightsError, match='depth 3 for 12'):
        base.load('mert_v1_95m', weights=str(folder))


def test_a_processor_that_disagrees_is_in_the_title(folder):
    (folder / 'preprocessor_config.json').write_text(json.dumps({'do_normalize': True}))
    title = base.load(
        'mert_v1_95m', weights=str(folder), arch=str(folder), options={'normalise': 'none'}
    ).card.title
    assert title.endswith(
        "normalise=none against the file's do_normalize=true (preprocessor_config.json)"
    )
    default = base.load('mert_v1_95m', weights=str(folder), arch=str(folder)).card.title
    assert 'do_normalize' not in default


def test_hub_snapshot_with_safetensors(folder, monkeypatch):
    """Conversions on the hub are taken where only they were fetched."""
    snapshot = folder / 'hub' / 'models--m-a-p--MERT-v1-95M' / 'snapshots' / 'abc'
    snapshot.mkdir(parents=True)
    shutil.copy(folder / 'model.safetensors', snapshot)
    monkeypatch.setenv('HF_HOME', str(folder))
    monkeypatch.delenv('HF_HUB_CACHE', raising=False)
    with pytest.raises(WeightsError, match='HuBERT or MERT with 3 blocks of width 32'):
        base.load('mert_v1_95m')  # Found, read, and too small.


@pytest.mark.parametrize('name', ['mert_v1_330m', 'data2vec_audio_base'])
def test_absent_weights_say_what_to_bring(name, tmp_path, monkeypatch):
    monkeypatch.setenv('HF_HOME', str(tmp_path))
    monkeypatch.delenv('HF_HUB_CACHE', raising=False)
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    with pytest.raises(WeightsError, match=rf'encoder {name}.*\n.*pytorch_model\.bin'):
        base.load(name)


def test_musichubert_was_never_published():
    with pytest.raises(WeightsError, match='published no weights'):
        base.load('musichubert')


def test_tiny_needs_weights_of_its_size():
    with pytest.raises(ConfigError, match="encoder.weights='random'"):
        base.load('hubert_base', arch='tiny')


def test_bfloat16_halves_kernels_and_returns_float32():
    fast = base.load('mert_v1_330m', weights='random', arch='tiny', dtype='bfloat16')
    assert fast.params['encoder.layers.0.attention.qkv.kernel'].dtype == jax.numpy.bfloat16
    assert fast.params['feature_extractor.conv_layers.3.conv.kernel'].dtype == jax.numpy.bfloat16
    assert fast.params['encoder.layer_norm.scale'].dtype == np.float32
    wave = np.zeros((1, 4000), np.float32)
    assert jax.eval_shape(fast.encode, fast.params, wave).dtype == np.float32


def test_zscore_is_taken_in_encode_only_by_option():
    wave = 0.05 + 0.1 * np.random.RandomState(0).standard_normal((1, 4000)).astype(np.float32)
    moved = {}
    for how in ('item', 'window'):
        encoder = base.load(
            'data2vec_audio_base', weights='random', arch='tiny', options={'normalise': how}
        )
        encode = jax.jit(encoder.encode)
        loud, soft = encode(encoder.params, wave), encode(encoder.params, 0.01 * wave)
        moved[how] = float(abs(loud - soft).max())
    assert moved['window'] < 1e-3 < 1e-1 < moved['item']


def test_a_head_gives_fine_tuned_models_away():
    assert 'speech recognition' in str(signatures.looks_like(['lm_head.weight', 'x']))
