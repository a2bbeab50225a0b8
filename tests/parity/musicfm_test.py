"""MusicFM against its authors' implementation, stage by stage, with small random weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.blocks import leaves, winograd
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.muq import architecture, model

LIMIT = 5e-5  # Times max(1, rms of the reference): DESIGN 6.


@pytest.fixture(scope='module')
def folder(shared):
    return shared / 'fixtures' / 'musicfm_tiny_msd'


@pytest.fixture(scope='module')
def io(folder):
    with np.load(folder / 'io.npz') as arrays:
        return dict(arrays)


@pytest.fixture(scope='module')
def encoder(folder):
    return base.load(
        'musicfm_msd', weights=str(folder / 'params.safetensors'), arch=str(folder / 'config.json')
    )


@pytest.fixture(scope='module')
def module(encoder, folder):
    a = architecture.resolve('musicfm_msd', str(folder / 'config.json'))
    graph, _ = leaves.abstract(lambda: model.MelConformer(a, precision('float32')))
    return leaves.module(graph, encoder.params)


def test_every_hidden_state(encoder, io):
    states = np.asarray(jax.jit(encoder.encode)(encoder.params, io['b_wav'])).swapaxes(0, 1)
    assert states.shape == io['b_hidden_states'].shape
    for depth, (ours, theirs) in enumerate(zip(states, io['b_hidden_states'], strict=True)):
        error = np.abs(ours - theirs).max()
        assert error <= LIMIT * max(1.0, np.sqrt(np.mean(theirs**2))), f'layer {depth}: {error}'


def test_spectrogram_in_decibels(module, io):
    ours = np.asarray(module.mel(jnp.asarray(io['b_wav']))).swapaxes(1, 2)
    np.testing.assert_allclose(ours, io['b_mel_db'], atol=2e-3)


@pytest.mark.parametrize('channels', [1, 64])
def test_stem(module, io, monkeypatch, channels):
    """Also with the convolution that only the full width would take."""
    monkeypatch.setattr(winograd, 'CHANNELS', channels)
    mel = (io['b_mel_db'].swapaxes(1, 2) - module.mean) / module.std
    np.testing.assert_allclose(
        np.asarray(module.stem(jnp.asarray(mel))), io['b_conv_out'], atol=LIMIT
    )


def test_filters_and_window_of_the_file_are_those_computed(encoder):
    """The filters in every bit, the window to its rounding."""
    computed = model.constants(architecture.resolve('musicfm_msd', ''))
    np.testing.assert_array_equal(encoder.params['mel.filters'], computed['mel.filters'])
    np.testing.assert_allclose(encoder.params['mel.window'], computed['mel.window'], atol=3e-7)


def test_torch_file_fills_the_same_model(shared, folder):
    """The authors' format: a torch zip with a state dict below it, legacy weight-norm names."""
    encoder = base.load(
        'musicfm_fma',
        weights=str(shared / 'fixtures' / 'torch_pt_loader' / 'musicfm_style.pt'),
        arch=str(folder / 'config.json'),
    )
    wave = np.zeros((1, 24000), np.float32)
    assert np.isfinite(np.asarray(jax.jit(encoder.encode)(encoder.params, wave))).all()
