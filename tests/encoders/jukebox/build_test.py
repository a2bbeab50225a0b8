import json

import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.jukebox import build


def tiny(**more):
    return base.load('jukebox_5b', weights='random', arch='tiny', **more)


def shape(encoder, samples=0):
    wave = np.zeros((2, samples or encoder.card.window_samples), np.float32)
    return jax.eval_shape(encoder.encode, encoder.params, wave).shape


def test_card_is_of_what_was_built():
    found = tiny(seed=3).card
    assert 'RANDOM weights' in found.title
    assert '6 layers of width 48' in found.title
    assert found.weights.kind == 'none'
    assert [layer.name for layer in found.layers][-1] == 'layer6'
    assert found.mix == (1, 2, 3, 4, 5, 6)
    assert found.window_samples == 256 * 128


def test_one_mean_per_window_or_per_block():
    assert shape(tiny()) == (2, 7, 1, 48)
    blocks = tiny(options={'pool': 'block'})
    assert shape(blocks) == (2, 7, 16, 48)
    assert all(layer.frames for layer in blocks.card.layers)


def test_fewer_tokens():
    encoder = tiny(options={'tokens': 2048, 'pool': 'block'})
    assert encoder.card.window_samples == 64 * 128
    assert shape(encoder) == (2, 7, 4, 48)


def test_jukemirs_context_is_longer_and_gives_as_many_tokens():
    encoder = tiny(options={'context': 'clip', 'pool': 'block'})
    assert encoder.card.window_samples == 256 * 128 * 1102500 // 1048576
    assert shape(encoder) == (2, 7, 16, 48)


def test_another_window_is_refused():
    with pytest.raises(ConfigError, match='was given 44100 samples; its window is 32768'):
        shape(tiny(), 44100)


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_float16_goes_before_the_dtype(dtype):
    encoder = tiny(dtype=dtype, options={'matmul': 'float16'})
    wave = jax.ShapeDtypeStruct((1, encoder.card.window_samples), np.float32)
    text = str(jax.make_jaxpr(encoder.encode)(encoder.params, wave))
    assert text.count(' = dot_general[') == 1 + 3 * 6  # The codebook's, then six per layer.
    assert text.count('preferred_element_type=float32') >= 3 * 6
    assert 'f16[' in text
    assert 'bf16[' not in text
    assert encoder.params['layers.mlp.c_fc.kernel'].dtype == np.float16


def test_other_dtypes():
    with pytest.raises(ConfigError, match='float16'):
        tiny(dtype='float16')


def test_the_vqvae_is_in_float32_whatever_the_dtype():
    encoder = tiny(dtype='bfloat16')
    wave = jax.ShapeDtypeStruct((1, encoder.card.window_samples), np.float32)
    text = str(jax.make_jaxpr(encoder.encode)(encoder.params, wave))
    convolutions = [line for line in text.splitlines() if 'conv_general_dilated[' in line]
    assert convolutions
    assert not any('bf16' in line for line in convolutions)
    assert 'bf16' in text


def test_float32_holds_what_the_file_holds():
    """Kernels stay float16, a cast away from float32: 5 GB instead of 10 at full size."""
    for dtype in ('float32', 'bfloat16'):
        held = tiny(dtype=dtype).params
        assert held['layers.attn.c_proj.kernel'].dtype == np.float16
        assert held['layers.ln_0.scale'].dtype == np.float32
        assert held['prior.positions'].dtype == np.float32


def test_another_architecture_needs_its_weights():
    with pytest.raises(ConfigError, match="encoder.weights='random'"):
        base.load('jukebox_5b', arch='tiny')


def test_tokens_that_break_a_block(tmp_path):
    path = tmp_path / 'sizes.json'
    path.write_text(json.dumps({'n_ctx': 192, 'blocks': 3, 'prior_width': 32, 'prior_depth': 3}))
    with pytest.raises(ConfigError, match='no multiple of its blocks of 64'):
        base.load('jukebox_5b', weights='random', arch=str(path), options={'tokens': 4096})


def test_sizes_are_part_of_the_identity(tmp_path):
    path = tmp_path / 'sizes.json'
    path.write_text(json.dumps({'n_ctx': 64, 'blocks': 4, 'prior_width': 32, 'prior_depth': 3}))
    encoder = base.load('jukebox_5b', weights='random', arch=str(path))
    assert encoder.weights_sha256.startswith('random-0-')
    assert build.compute('float32', 'dtype').dtype == np.float32
