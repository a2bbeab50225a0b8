"""OpenL3 against the authors' Keras code; -s prints the errors measured.

The weights are seeded, not published (no copy was at hand), and go through a file written here in
Keras' layout.
"""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.audio.window import Windowing, cut
from jaxprobe.encoders import base
from jaxprobe.encoders.openl3 import frontend, model, weights
from tests.encoders.loading import keras_writer

CARD = 'jaxprobe.encoders.openl3.card:OPENL3'
RTOL = 1e-4  # With atol 1e-4 * max|reference|: DESIGN.md section 6.
DECIBELS = 2e-3
# The reference's layers, in its own order; the numbers name the fixture's weights.
KERAS = """
input_1 batch_normalization conv2d batch_normalization_1 activation
conv2d_1 batch_normalization_2 activation_1 max_pooling2d
conv2d_2 batch_normalization_3 activation_2
conv2d_3 batch_normalization_4 activation_3 max_pooling2d_1
conv2d_4 batch_normalization_5 activation_4
conv2d_5 batch_normalization_6 activation_5 max_pooling2d_2
conv2d_6 batch_normalization_7 activation_6 audio_embedding_layer
"""
LAYERS = {
    'pool1': 'tmeans_8_max_pooling2d',
    'pool2': 'tmeans_15_max_pooling2d_1',
    'pool3': 'tmeans_22_max_pooling2d_2',
    'block4a': 'tmeans_25_activation_6',
    'final': 'tmeans_26_audio_embedding_layer',
    'emb512': 'emb512',
    'emb6144': 'emb6144',
}


@pytest.fixture(scope='module')
def seeded(shared):
    path = shared / 'fixtures' / 'seeded.py'
    spec = importlib.util.spec_from_file_location('seeded', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def encoder(seeded, tmp_path_factory):
    """The full-size model, filled from a Keras file with the fixture's weights."""
    shapes, kept = weights.template(weights.Arch()), iter(weights.roles(weights.Arch()))
    layers = []
    for index, name in enumerate(KERAS.split()):
        tensors = {}
        if not name.startswith(('input', 'activation', 'max_pooling')):
            role = next(kept)
            for leaf in weights.NORM if 'batch' in name else weights.CONV:
                shape = shapes[f'{role}/{leaf}']
                kind = {'moving_mean': 'mean', 'moving_variance': 'var'}.get(leaf, leaf)
                fan_in = int(np.prod(shape[:-1])) if leaf == 'kernel' else None
                made = seeded.seeded(f'openl3.{index}.{leaf}', shape, kind, fan_in)
                tensors[leaf] = made
        layers.append((name, tensors))
    path = tmp_path_factory.mktemp('openl3') / 'openl3_audio_mel256_music-v0_4_0.h5'
    keras_writer.write_layers(path, layers)
    return base.load(CARD, weights=str(path))


def close(name, ours, theirs, rtol=RTOL):
    error = float(np.abs(ours - theirs).max())
    print(f'{name:32s} max abs {error:.1e}  of max {error / np.abs(theirs).max():.1e}')
    np.testing.assert_allclose(
        ours, theirs, rtol=rtol, atol=rtol * np.abs(theirs).max(), err_msg=name
    )


def test_seeded_weights_from_a_keras_file(shared, encoder):
    level = (np.random.RandomState(5).standard_normal((2, 256, 199, 1)) * 12 - 45).clip(-80, 0)
    layers = jax.jit(model.layers)(encoder.params, jnp.float32(level[..., 0]))
    with np.load(shared / 'fixtures/openl3/seeded.npz') as theirs:
        for layer, ours in zip(encoder.card.layers, layers, strict=True):
            close(f'openl3 {layer.name}', np.asarray(ours)[:, 0], theirs[LAYERS[layer.name]])


def spectrogram(wave, centred):
    window, mel = (jnp.float32(a) for a in (frontend.hann(), frontend.slaney_mel()))
    return np.asarray(frontend.decibels(window, mel, jnp.asarray(wave[None]), centred))[0]


@pytest.mark.parametrize(('centred', 'key'), [(False, 'kapre'), (True, 'librosa_constant')])
def test_front_ends(shared, seeded, centred, key):
    ours = spectrogram(seeded.wave(48000, seed=21, sr=48000), centred)
    with np.load(shared / 'fixtures/openl3/frontend_seeded_wave.npz') as theirs:
        error = np.abs(ours - theirs[key]).max()
        print(f'front end {key}: max {error:.1e} dB')
        assert error < DECIBELS


def test_the_two_front_ends_are_not_interchangeable(shared):
    with np.load(shared / 'fixtures/openl3/frontend_seeded_wave.npz') as theirs:
        assert np.abs(theirs['kapre'] - theirs['librosa_constant']).mean() > 2.0


def theirs_windows(wave, hop):
    """The reference with `center=True`: half a second of zeros before, zeros after to fit."""
    step = int(hop * 48000)
    padded = np.pad(wave, (24000, 0))
    lack = 48000 - len(padded) if len(padded) < 48000 else -(len(padded) - 48000) % step
    padded = np.pad(padded, (0, lack))
    count = 1 + (len(padded) - 48000) // step
    return np.stack([padded[i * step : i * step + 48000] for i in range(count)])


def our_windows(wave, hop):
    """The card's windows under the preset 'openl3'."""
    card = base.card(CARD, {'hop': hop})
    lead = {'lead': card.lead_samples, 'lead_fill': card.lead_fill}
    return cut(wave, Windowing(card.window_samples, card.hop_samples, 'pad', 'pad', **lead))[0]


@pytest.mark.parametrize('samples', [120000, 124800, 127123, 30000, 9000])
@pytest.mark.parametrize('hop', [0.1, 0.37, 0.5])
def test_windows_are_the_references_for_any_length_and_hop(samples, hop):
    wave = np.random.RandomState(samples).standard_normal(samples).astype(np.float32)
    np.testing.assert_array_equal(our_windows(wave, hop), theirs_windows(wave, hop))


@pytest.mark.parametrize(('samples', 'lacking'), [(120000, 0), (124800, 1), (150000, 0)])
def test_beyond_half_a_second_a_window_that_is_mostly_zeros_is_left_out(samples, lacking):
    """The machinery makes no window whose own half, after its lead, holds no audio."""
    wave = np.random.RandomState(samples).standard_normal(samples).astype(np.float32)
    ours, theirs = our_windows(wave, 1.0), theirs_windows(wave, 1.0)
    assert len(theirs) - len(ours) == lacking
    np.testing.assert_array_equal(ours, theirs[: len(ours)])
    assert (theirs[len(ours) :, 24000:] == 0).all()
