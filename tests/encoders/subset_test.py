import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.subset import indices, subset, subset_card

CARD = base.card('toy_conformer')  # stem, block1 .. block6; mix of the blocks.


def test_names_and_indices_in_any_order():
    assert indices(CARD, 'block2, 0,block2') == (0, 2)
    assert indices(CARD, 'all') == tuple(range(7))


def test_unknown_layer_names_the_near_one():
    with pytest.raises(ConfigError, match="no layer 'blok2'. Did you mean 'block2'"):
        indices(CARD, 'blok2')
    with pytest.raises(ConfigError, match='Indices: 0, 1, 2, 3, 4, 5, 6'):
        indices(CARD, '7')


def test_the_weighted_sum_keeps_what_is_left():
    assert subset_card(CARD, '0,2,3').mix == (1, 2)
    assert subset_card(CARD, '0,2').mix == ()


def test_the_layers_kept_are_the_whole_models_own():
    whole = base.load('toy_conformer')
    wave = np.random.RandomState(0).standard_normal((1, 8000)).astype(np.float32)
    kept = subset(whole, '5,1')
    states = np.asarray(whole.encode(whole.params, wave))
    np.testing.assert_array_equal(kept.encode(kept.params, wave), states[:, [1, 5]])
    assert subset(whole, 'all') is whole


def test_layers_of_their_own_lengths():
    whole = base.load('fbank_chroma')
    kept = subset(whole, 'chroma')
    wave = jnp.ones((2, 4000))
    states = kept.encode(kept.params, wave)
    assert [s.shape[-1] for s in states] == [12]
    assert [layer.name for layer in kept.card.layers] == ['chroma']
