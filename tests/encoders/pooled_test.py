import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders.base import Encoder, Layer, compiled
from jaxprobe.encoders.pooled import parse, pooled, pooled_card
from jaxprobe.stages import encode
from tests.features import store_case

WAVE = np.random.RandomState(0).standard_normal((3, store_case.WINDOW)).astype(np.float32)
ALL = 'mean,mean+std,max'


def spec_of(encoder):
    layers = tuple((layer.name, layer.width) for layer in encoder.card.layers)
    return store_case.spec(layers=layers, pooling=encoder.card.pooling)


def stored(encoder):
    """Layer name -> what the extraction stores of the waves, [B D]."""
    spec = spec_of(encoder)
    if encoder.host:
        groups, finite = encode.host_pooling(encoder.encode, spec)(encoder.params, WAVE)
    else:
        run = jax.jit(encode.pooling(encoder.encode, spec))
        groups, finite = run(encoder.params, jnp.asarray(WAVE))
    assert np.asarray(finite).all()
    found = {}
    for width, members in spec.groups.items():
        for place, layer in enumerate(members):
            found[spec.layers[layer][0]] = np.asarray(groups[width][:, place])
    return found


def on_host():
    frames = [
        np.asarray(x) for x in compiled(store_case.encoder())(store_case.encoder().params, WAVE)
    ]
    card = store_case.card()
    return Encoder(card, None, lambda params, wave: tuple(frames), 'none', host=True), frames


@pytest.mark.parametrize('host', [False, True])
def test_one_extraction_stores_every_statistic(host):
    encoder, frames = on_host()
    found = stored(pooled(encoder if host else store_case.encoder(), ALL))
    for layer, own in zip(store_case.LAYERS, frames, strict=True):
        own = own.astype(np.float64)
        both = np.concatenate([own.mean(1), own.std(1)], axis=1)
        for name, expected in (
            (layer.name, own.mean(1)),
            (f'{layer.name}:mean+std', both),
            (f'{layer.name}:max', own.max(1)),
        ):
            np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6, err_msg=name)
    assert len(found) == 9


def test_means_are_the_same_bits_as_without_the_others():
    plain, all_three = stored(store_case.encoder()), stored(pooled(store_case.encoder(), ALL))
    for name, rows in plain.items():
        np.testing.assert_array_equal(all_three[name], rows)


def test_the_mean_alone_is_the_encoder_itself():
    encoder = store_case.encoder()
    assert pooled(encoder, 'mean') is encoder
    statistics = pooled(encoder, 'max')
    assert pooled(statistics, 'max') is statistics
    assert spec_of(encoder).fingerprint == store_case.spec().fingerprint
    assert spec_of(statistics).fingerprint != store_case.spec().fingerprint


def test_layers_keep_their_depth_and_the_sum_mixes_the_first_statistic():
    card = pooled_card(store_case.card(), 'max,mean')
    assert [layer.name for layer in card.layers] == [
        'rms:max', 'bands:max', 'top:max', 'rms', 'bands', 'top',
    ]  # fmt: skip
    assert [layer.depth for layer in card.layers] == [0, 1, 2, 0, 1, 2]
    assert card.mix == (0, 1)
    assert [layer.width for layer in pooled_card(store_case.card(), 'mean+std').layers] == [
        16,
        16,
        8,
    ]


def test_what_has_no_frames_is_refused_with_the_layers_that_have():

    card = dataclasses.replace(store_case.card(), layers=(Layer('a', 4), Layer('clip', 8, False)))
    with pytest.raises(ConfigError, match=r'clip have one output.*encoder.layers=a\.'):
        pooled_card(card, 'max')
    with pytest.raises(ConfigError, match="Did you mean 'mean'"):
        parse('meen')
    with pytest.raises(ConfigError, match='twice'):
        parse('max,max')
