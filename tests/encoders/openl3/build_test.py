import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.contract import contract
from jaxprobe.encoders.openl3.build import TINY
from tests.encoders.loading import keras_writer
from tests.encoders.openl3.weights_test import theirs

CARD = 'jaxprobe.encoders.openl3.card:OPENL3'


def test_tiny_keeps_the_contract_and_has_its_own_card():
    encoder = base.load(CARD, weights='random', arch='tiny')
    assert [layer.width for layer in encoder.card.layers] == [3, 4, 5, 6, 6, 6, 72]
    assert 'RANDOM' in encoder.card.title
    assert encoder.weights_sha256 == 'random-0'
    assert [f for f in contract(encoder) if not f.ok] == []


def test_a_file_and_its_gzipped_copy_are_the_same_weights(tmp_path):
    for name in ('openl3_audio_mel256_music-v0_4_0.h5.gz', 'w.h5'):
        keras_writer.write_layers(tmp_path / name, theirs())
    by_folder = base.load(CARD, weights=str(tmp_path), arch='tiny')
    by_file = base.load(CARD, weights=str(tmp_path / 'w.h5'), arch='tiny')
    assert by_folder.weights_sha256 == by_file.weights_sha256
    drawn = base.load(CARD, weights='random', arch='tiny')
    for a, b in zip(*(jax.tree.leaves(e.params) for e in (by_file, drawn)), strict=True):
        np.testing.assert_array_equal(a, b)
    title = 'OpenL3 (music, mel256), weights of w.h5 (not the published file)'
    assert by_file.card.title == title


def test_front_end_is_an_option():
    wave = np.random.RandomState(0).standard_normal((1, 48000)).astype(np.float32)
    both = []
    for name in ('kapre', 'librosa'):
        encoder = base.load(CARD, weights='random', arch='tiny', options={'frontend': name})
        both.append(jax.jit(encoder.encode)(encoder.params, wave)[0])
    assert np.abs(both[0] - both[1]).max() > 1e-3 * np.abs(both[0]).max()


def test_without_a_file_the_error_says_what_to_bring():
    with pytest.raises(WeightsError, match=r'mel256_music-v0_4_0\.h5\.gz'):
        base.load(CARD)


def test_a_tiny_model_has_no_published_weights():
    with pytest.raises(ConfigError, match='needs weights of that size'):
        base.load(CARD, arch='tiny')


@pytest.mark.parametrize('wrong', [{'arch': 'huge'}, {'dtype': 'float16'}])
def test_what_does_not_exist_is_named(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong.values()))):
        base.load(CARD, weights='random', **wrong)


def test_tiny_is_the_same_code_with_fewer_channels():
    assert len(TINY.widths) == 4
