"""MuQ against its authors' implementation, with small random weights (torch, transformers 4.38)."""

import jax
import numpy as np
import pytest

from jaxprobe.encoders import base

LIMIT = 5e-5  # Times max(1, rms of the reference): DESIGN 6.


@pytest.fixture(scope='module')
def folder(shared):
    return shared / 'fixtures' / 'muq_tiny_25hz'


@pytest.fixture(scope='module')
def encoder(folder):
    return base.load(
        'muq', weights=str(folder / 'params.safetensors'), arch=str(folder / 'config.json')
    )


@pytest.fixture(scope='module')
def states(encoder, folder):
    """States [L B T D] of every case; b has an odd length, m is padded and has a mask."""
    with np.load(folder / 'io.npz') as io:
        waves = {case: io[f'{case}_wav'] for case in 'ab'}
    encode = jax.jit(encoder.encode)
    return {c: np.asarray(encode(encoder.params, w)).swapaxes(0, 1) for c, w in waves.items()}


@pytest.mark.parametrize('case', ['a', 'b'])
def test_every_hidden_state(states, folder, case):
    with np.load(folder / 'io.npz') as io:
        reference = io[f'{case}_hidden_states']
    assert states[case].shape == reference.shape
    for depth, (ours, theirs) in enumerate(zip(states[case], reference, strict=True)):
        error = np.abs(ours - theirs).max()
        assert error <= LIMIT * max(1.0, np.sqrt(np.mean(theirs**2))), f'layer {depth}: {error}'


def test_last_state_is_normed_twice(states, folder):
    """The reference's last state passes the block's norm and the encoder's."""
    with np.load(folder / 'io.npz') as io:
        np.testing.assert_allclose(states['a'][-1], io['a_last'], atol=LIMIT)


def test_card_is_of_what_was_built(encoder):
    assert [layer.name for layer in encoder.card.layers] == ['stem', 'block1', 'block2', 'block3']
    assert {layer.width for layer in encoder.card.layers} == {32}
    assert encoder.card.mix == (1, 2, 3)
