"""data2vec-audio against transformers, with small random weights."""

import jax
import numpy as np
import pytest

from jaxprobe.encoders import base

LIMIT = 5e-5  # Times max(1, rms of the reference): DESIGN 6.


@pytest.fixture(scope='module')
def folder(shared):
    return shared / 'fixtures' / 'data2vec_audio_tiny'


@pytest.fixture(scope='module')
def encoder(folder):
    return base.load(
        'music2vec',
        weights=str(folder / 'params.safetensors'),
        arch=str(folder / 'config.json'),
        options={'normalise': 'window'},
    )


@pytest.mark.parametrize('case', ['a', 'b'])
def test_every_hidden_state(encoder, folder, case):
    with np.load(folder / 'io.npz') as io:
        wave, reference = io[f'{case}_wav'], io[f'{case}_hidden_states']
        last = io[f'{case}_last']
    states = np.asarray(jax.jit(encoder.encode)(encoder.params, wave)).swapaxes(0, 1)
    assert states.shape == reference.shape
    for depth, (ours, theirs) in enumerate(zip(states, reference, strict=True)):
        error = np.abs(ours - theirs).max()
        assert error <= LIMIT * max(1.0, np.sqrt(np.mean(theirs**2))), f'layer {depth}: {error}'
    np.testing.assert_allclose(states[-1], last, atol=LIMIT)  # No norm after the last block.
