"""data2vec-audio against transformers, with small random weights."""

import jax
import numpy as np
import pytest

from jaxprobe.encoders import base

LIMIT = 5e-5  # Times max(1, rms of the reference): DESIGN 6.


def hold(what, states, reference):
    """Every layer within the limit; prints the largest error, which cards state."""
    assert states.shape == reference.shape
    errors = [
        np.abs(ours - theirs).max() / max(1.0, np.sqrt(np.mean(theirs**2)))
        for ours, theirs in zip(states, reference, strict=True)
    ]
    print(f'\n{what}: largest error {max(errors):.1e} x max(1, rms), layer {np.argmax(errors)}')
    assert max(errors) <= LIMIT, errors


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
    hold(f'data2vec_audio_tiny {case}', states, reference)
    np.testing.assert_allclose(states[-1], last, atol=LIMIT)  # No norm after the last block.


def test_live_transformers(tmp_path):
    torch = pytest.importorskip('torch', reason='torch is not installed: no live reference')
    from transformers import Data2VecAudioConfig, Data2VecAudioModel

    model = Data2VecAudioModel(
        Data2VecAudioConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=48,
            conv_dim=[16] * 7,
            conv_bias=True,
            conv_pos_kernel_size=6,  # Even: its last frame is dropped.
            num_conv_pos_embeddings=3,
            num_conv_pos_embedding_groups=4,
        )
    ).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            spread = 0.3 if 'norm' in name or name.endswith('bias') else 0.05
            tensor.add_(spread * torch.randn(tensor.shape, generator=generator))
    model.save_pretrained(tmp_path)
    wave = np.random.RandomState(1).uniform(-0.5, 0.5, (2, 5003)).astype(np.float32)
    with torch.no_grad():
        made = model(torch.from_numpy(wave), output_hidden_states=True).hidden_states
    encoder = base.load('data2vec_audio_base', weights=str(tmp_path), arch=str(tmp_path))
    states = np.asarray(jax.jit(encoder.encode)(encoder.params, wave)).swapaxes(0, 1)
    hold('live', states, np.stack([state.numpy() for state in made]))
