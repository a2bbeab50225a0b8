"""Jukebox against its authors' implementation (torch, float32), with seeded weights.

The VQ-VAE has its true size; the prior has the true structure at width 96: six layers, two heads,
256 tokens in 16 blocks.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.jukebox import conditioning, prior, vqvae, weights
from jaxprobe.encoders.jukebox.architecture import Architecture

LIMIT = 5e-5  # Times max(1, rms of the reference): DESIGN 6.
CNN = 1e-4  # rtol, and atol in units of the largest magnitude.
MINI = Architecture(n_ctx=256, blocks=16, prior_width=96, prior_depth=6, heads=2, file_depth=6)


@pytest.fixture(scope='module')
def seeds(shared):
    """The fixtures' own generator of stand-in weights and waves."""
    sys.path.insert(0, str(shared / 'fixtures'))
    try:
        import seeded
    finally:
        sys.path.pop(0)
    return seeded


def drawn(seeds, prefix, name, shape):
    """A tensor of the state dict as the fixtures drew it; see shared/fixtures/README.md."""
    kind = name.rsplit('.', 1)[-1]
    if kind == 'k':
        return seeds.seeded(prefix + name, shape, 'kernel', 2)
    if '_emb.' in name:
        return seeds.seeded(prefix + name, shape, 'emb')
    if kind == 'w':
        return seeds.seeded(prefix + name, shape, 'kernel', 2 * shape[0])
    if '.ln_' in name:
        return seeds.seeded(prefix + name, shape, 'gamma' if kind == 'weight' else 'beta')
    if kind == 'weight':
        return seeds.seeded(prefix + name, shape, 'kernel', int(np.prod(shape[1:])))
    return seeds.seeded(prefix + name, shape, 'bias')


@pytest.fixture(scope='module')
def encoded(seeds):
    """Latent [T 64] and codes [T] of one second, by the true encoder's sizes."""
    a = Architecture()
    shapes, params = vqvae.shapes(a), {}
    for ours, (theirs, transform) in weights.vqvae_map(a).items():
        shape = shapes[ours][::-1] if transform else shapes[ours]
        tensor = drawn(seeds, 'vq.', theirs, shape)
        params[ours] = jnp.asarray(transform(tensor) if transform else tensor)
    wave = seeds.wave(44100, 9, 44100)[None]
    latent = jax.jit(lambda params, wave: vqvae.latent(a, params, wave))(params, wave)
    return np.asarray(latent)[0], np.asarray(vqvae.codes(params, latent))[0], params


def test_latent(encoded, shared):
    with np.load(shared / 'fixtures' / 'jukebox' / 'vqvae_seeded.npz') as file:
        reference = file['latent'].T  # Every fourth frame.
    ours = encoded[0][::4]
    assert ours.shape == reference.shape == (86, 64)
    np.testing.assert_allclose(ours, reference, rtol=CNN, atol=CNN * np.abs(reference).max())
    print(f'latent: {np.abs(ours - reference).max() / np.abs(reference).max():.1e} of the maximum')


def test_codes_are_exact(encoded, shared):
    with np.load(shared / 'fixtures' / 'jukebox' / 'vqvae_seeded.npz') as file:
        np.testing.assert_array_equal(encoded[1], file['codes2'][0])


def test_a_tie_of_the_reference_is_decided_as_there(encoded, shared):
    """In float64 one frame lies nearer to another code; the reference's float32 cannot tell."""
    latent, codes, params = encoded
    x = latent.astype(np.float64)
    book = np.asarray(params['vqvae.codebook'], np.float64)
    exact = (np.sum(book**2, axis=1)[None] - 2 * x @ book.T).argmin(axis=1)
    assert np.flatnonzero(exact != codes).tolist() == [98]


@pytest.fixture(scope='module')
def mini(shared):
    with np.load(shared / 'fixtures' / 'jukebox' / 'prior_mini_seeded.npz') as file:
        return dict(file)


@pytest.fixture(scope='module')
def tensors(seeds):
    """The mini prior's state dict."""
    shapes = weights.prior_tensors(MINI, MINI.prior_depth)
    return {name: drawn(seeds, 'prior.', name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope='module')
def states(tensors, mini, tmp_path_factory):
    """States [L T D] of the mini prior, its tensors read from a file by the real loader."""
    torch = pytest.importorskip('torch')
    path = tmp_path_factory.mktemp('jukebox') / 'prior_level_2.pth.tar'
    saved = {f'module.{name}': torch.from_numpy(tensor) for name, tensor in tensors.items()}
    torch.save({'model': saved, 'step': 1}, path, _use_new_zipfile_serialization=False)
    params, _ = weights.prior_params(MINI, path)
    run = jax.jit(lambda p, z: prior.states(MINI, precision('float32'), p, z, lambda x: x))
    return np.asarray(run(params, mini['z'].astype(np.int32)))[0]


def test_conditioning_is_the_reference(tensors, mini):
    tables = ('total_length_emb', 'absolute_pos_emb', 'relative_pos_emb')
    labels = conditioning.labels(MINI, *(tensors[f'y_emb.{t}.emb.weight'] for t in tables))
    np.testing.assert_array_equal(labels[::8], mini['x_cond'])
    artist, genre = (tensors[f'y_emb.{t}_emb.emb.weight'] for t in ('artist', 'bow_genre'))
    np.testing.assert_array_equal(conditioning.start(artist, genre), mini['y_cond'][0, 0])


@pytest.mark.parametrize('layer', range(1, 7))
def test_every_layer(states, mini, layer):
    reference = mini[f'layer{layer}']
    error = np.abs(states[layer] - reference).max()
    scale = max(1.0, float(np.sqrt(np.mean(reference**2))))
    print(f'layer{layer}: {error / scale:.1e}')
    assert error <= LIMIT * scale


def test_mean_is_jukemirs(states, mini):
    """What jukemir takes: the float32 mean over tokens of the last layer that is kept."""
    ours = np.asarray(prior.clip_mean(MINI.block)(jnp.asarray(states[6:7])))[0, 0]
    reference = mini['layer6'].astype(np.float64).mean(axis=0)
    assert np.abs(ours - reference).max() <= LIMIT * max(1.0, np.sqrt(np.mean(reference**2)))
