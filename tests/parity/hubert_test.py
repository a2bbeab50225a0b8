"""HuBERT and MERT against transformers and MERT's own class, with small random weights."""

import jax
import numpy as np
import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.hubert.card import CARDS

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


def hold(what, states, reference):
    """Every layer within the limit; prints the largest error, which cards state."""
    assert states.shape == reference.shape
    errors = [
        np.abs(ours - theirs).max() / max(1.0, np.sqrt(np.mean(theirs**2)))
        for ours, theirs in zip(states, reference, strict=True)
    ]
    print(f'\n{what}: largest error {max(errors):.1e} x max(1, rms), layer {np.argmax(errors)}')
    assert max(errors) <= LIMIT, errors


@pytest.mark.parametrize('case', ['a', 'b'])
@pytest.mark.parametrize('fixture', FIXTURES)
def test_every_hidden_state(shared, fixture, case):
    with np.load(shared / 'fixtures' / fixture / 'io.npz') as io:
        wave, reference = io[f'{case}_wav'], io[f'{case}_hidden_states']
    states = states_of(loaded(shared, fixture, normalise='window'), wave)
    hold(f'{fixture} {case}', states, reference)


def test_last_state_as_transformers_5_returns_it(shared):
    folder = shared / 'fixtures' / 'hubert_group_preln'
    with np.load(folder / 'io.npz') as io, np.load(folder / 'io_tf5.npz') as five:
        wave, four, reference = io['a_wav'], io['a_hidden_states'], five['a_hidden_states']
    encoder = loaded(shared, 'hubert_group_preln', normalise='window', hidden_states='5.x')
    states = states_of(encoder, wave)
    hold('hubert_group_preln, 5.x', states, reference)
    assert np.abs(states[-1] - four[-1]).max() > 1.0  # The two meanings are far apart.


# Graphs that the fixtures do not have, and those that they have, against the library at hand.
LIVE = {
    'post-norm, group': {},
    'pre-norm, group': {'do_stable_layer_norm': True},
    'pre-norm, layer, bias': {
        'do_stable_layer_norm': True,
        'feat_extract_norm': 'layer',
        'conv_bias': True,
        'feat_proj_layer_norm': False,
    },
}


def saved(model, folder):
    """Random weights, no norm left an identity, in the folder that `save_pretrained` makes."""
    import torch

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            spread = 0.3 if 'norm' in name or name.endswith(('bias', 'original0')) else 0.05
            tensor.add_(spread * torch.randn(tensor.shape, generator=generator))
    model.eval().save_pretrained(folder)


def theirs_of(model, wave):
    """Hidden states [L B T D] and the last state, which has passed every norm."""
    import torch

    with torch.no_grad():
        made = model(torch.from_numpy(wave), output_hidden_states=True)
    return np.stack([state.numpy() for state in made.hidden_states]), made.last_hidden_state.numpy()


@pytest.mark.parametrize('graph', LIVE)
def test_live_transformers(graph, tmp_path):
    pytest.importorskip('torch', reason='torch is not installed: no live reference')
    from transformers import HubertConfig, HubertModel

    config = HubertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        conv_dim=[16] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        **LIVE[graph],
    )
    model = HubertModel(config)
    saved(model, tmp_path)
    wave = np.random.RandomState(1).uniform(-0.5, 0.5, (2, 5003)).astype(np.float32)
    states, last = theirs_of(model, wave)
    for meaning in ('5.x', '4.x') if config.do_stable_layer_norm else ('4.x',):
        encoder = base.load(
            'musichubert',
            weights=str(tmp_path),
            arch=str(tmp_path),
            options={'hidden_states': meaning},
        )
        ours = states_of(encoder, wave)
        reference = states if meaning == '5.x' else np.concatenate([states[:-1], last[None]])
        hold(f'live, {graph}, {meaning}', ours, reference)
    assert config.do_stable_layer_norm == (np.abs(states[-1] - last).max() > 0.1)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['mert_v1_95m', 'mert_v1_330m'])
def test_live_transformers_at_full_size(name, tmp_path):
    """Random weights at the published sizes, in the published format, 5 s windows.

    330M needs 5 GB of memory.
    """
    torch = pytest.importorskip('torch', reason='torch is not installed: no live reference')
    from transformers import HubertConfig, HubertModel

    card = next(card for card in CARDS if card.name == name)
    a = card.architecture
    torch.manual_seed(0)
    model = HubertModel(
        HubertConfig(
            hidden_size=a.width,
            num_hidden_layers=a.depth,
            num_attention_heads=a.heads,
            intermediate_size=a.hidden,
            do_stable_layer_norm=a.pre_norm,
        )
    ).eval()
    torch.save(model.state_dict(), tmp_path / 'pytorch_model.bin')
    wave = np.random.RandomState(1).uniform(-0.5, 0.5, (1, card.window_samples))
    states, last = theirs_of(model, wave.astype(np.float32))
    del model
    encoder = base.load(name, weights=str(tmp_path), options={'normalise': 'none'})
    ours = states_of(encoder, wave.astype(np.float32))
    hold(f'live, {name}', ours, np.concatenate([states[:-1], last[None]]))
