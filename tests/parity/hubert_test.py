"""HuBERT and MERT against transformers and MERT's own class, with small random weights."""

import jax
import numpy as np
import pytest

from jaxprobe.encoders import base

LIMIT = 5e-5  # Times max(1, rms of the reference): DESIGN 6.
FIXTURES = {
    'hubert_group_postln': 'hubert_base',
    'hubert_group_preln': 'mert_v1_330m',
    'mert_base_tiny': 'mert_v1_95m',
}


def loaded(shared, fixture, **options):
    folder = shared / 'fixtures' / fixture
    return base.load(
        FIXTURES[fixture],
        weights=str(folder / 'params.safetensors'),
        arch=str(folder / 'config.json'),
        options=options,
    )


def states_of(encoder, wave):
    return np.asarray(jax.jit(encoder.encode)(encoder.params, wave)).swapaxes(0, 1)


def hold(states, reference):
    assert states.shape == reference.shape
    for depth, (ours, theirs) in enumerate(zip(states, reference, strict=True)):
        error = np.abs(ours - theirs).max()
        assert error <= LIMIT * max(1.0, np.sqrt(np.mean(theirs**2))), f'layer {depth}: {error}'


@pytest.mark.parametrize('case', ['a', 'b'])
@pytest.mark.parametrize('fixture', FIXTURES)
def test_every_hidden_state(shared, fixture, case):
    with np.load(shared / 'fixtures' / fixture / 'io.npz') as io:
        wave, reference = io[f'{case}_wav'], io[f'{case}_hidden_states']
    hold(states_of(loaded(shared, fixture, normalise='window'), wave), reference)


def test_last_state_as_transformers_5_returns_it(shared):
    folder = shared / 'fixtures' / 'hubert_group_preln'
    with np.load(folder / 'io.npz') as io, np.load(folder / 'io_tf5.npz') as five:
        wave, four, reference = io['a_wav'], io['a_hidden_states'], five['a_hidden_states']
    encoder = loaded(shared, 'hubert_group_preln', normalise='window', hidden_states='5.x')
    states = states_of(encoder, wave)
    hold(states, reference)
    assert np.abs(states[-1] - four[-1]).max() > 1.0  # The two meanings are far apart.
