"""CLMR against the authors' torch code with seeded weights; -s prints the errors measured."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.clmr import card, weights

torch = pytest.importorskip('torch')

RTOL = 1e-4  # With atol 1e-4 * max|reference|: DESIGN.md section 6.


@pytest.fixture(scope='module')
def seeded(shared):
    sys.path.insert(0, str(shared / 'fixtures'))
    try:
        import seeded  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop(0)
    return seeded


@pytest.fixture(scope='module')
def checkpoint(seeded, tmp_path_factory):
    """The fixture's weights in a release's file: torch's zip format, under `encoder.`."""
    shapes, held = weights.template(card.WIDTHS), {}
    kinds = {'gamma': 'gamma', 'beta': 'beta', 'mean': 'mean', 'variance': 'var', 'bias': 'bias'}
    for ours, (theirs, _) in weights.key_map(card.WIDTHS, 'encoder.').items():
        leaf = ours.split('/')[1]
        name = str(theirs).removeprefix('encoder.')
        if leaf == 'kernel':
            shape = shapes[ours][::-1]
            array = seeded.seeded(name, shape, 'kernel', int(np.prod(shape[1:])))
        else:
            array = seeded.seeded(name, shapes[ours], kinds[leaf])
        held[str(theirs)] = torch.from_numpy(array)
    path = tmp_path_factory.mktemp('clmr') / 'clmr_checkpoint_10000.pt'
    torch.save(held, path)
    return path


def close(name, ours, theirs):
    error = float(np.abs(ours - theirs).max())
    print(f'{name:24s} max abs {error:.1e}  of max {error / np.abs(theirs).max():.1e}')
    np.testing.assert_allclose(
        ours, theirs, rtol=RTOL, atol=RTOL * np.abs(theirs).max(), err_msg=name
    )


def test_every_layer_and_the_embedding(shared, seeded, checkpoint):
    encoder = base.load('jaxprobe.encoders.clmr.card:CLMR', weights=str(checkpoint))
    waves = np.stack([seeded.wave(59049, seed, 22050) for seed in (1, 2)])
    layers = [np.asarray(x) for x in jax.jit(encoder.encode)(encoder.params, jnp.asarray(waves))]
    with np.load(shared / 'fixtures/clmr/seeded.npz') as theirs:
        for i, layer in enumerate(layers):
            close(f'conv{i}', layer.mean(1), theirs[f'layer{i}_tmean'])
        close('embedding', layers[10][:, 0], theirs['out'])


def test_the_window_of_jukemir_and_marble(shared, seeded, checkpoint):
    encoder = base.load(
        'jaxprobe.encoders.clmr.card:CLMR',
        weights=str(checkpoint),
        options={'frame_length': 59409},
    )
    assert encoder.card.window_samples == 59409
    wave = jnp.asarray(seeded.wave(59409, 1, 22050))[None]
    layers = jax.jit(encoder.encode)(encoder.params, wave)
    assert [layer.shape[1] for layer in layers] == [
        *(19803, 6601, 2200, 733, 244, 81, 27, 9, 3, 1),
        1,
    ]
    with np.load(shared / 'fixtures/clmr/seeded.npz') as theirs:
        close('embedding of 59409', np.asarray(layers[10])[:, 0], theirs['out_59409'])
