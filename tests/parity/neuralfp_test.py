"""NeuralFP against the authors' Keras code with seeded weights; -s prints the errors measured.

The weights go through a checkpoint written here in TensorFlow's format, under the authors' names.
"""

import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.encoders import base
from jaxprobe.encoders.neuralfp import frontend, model, weights
from tests.encoders.loading import tf_writer

RTOL = 3e-4  # With atol 3e-4 * max|reference|: spec/encoders_cnn.md 8, DESIGN.md 6.
CARD = 'jaxprobe.encoders.neuralfp.card:NEURALFP'


@pytest.fixture(scope='module')
def seeded(shared):
    sys.path.insert(0, str(shared / 'fixtures'))
    try:
        import seeded  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop(0)
    return seeded


def close(name, ours, theirs, limit=RTOL):
    ours, scale = np.asarray(ours), np.abs(theirs).max()
    print(f'{name:16s} {np.abs(ours - theirs).max() / scale:.1e} of max {scale:.2g}')
    np.testing.assert_allclose(ours, theirs, rtol=limit, atol=limit * scale, err_msg=name)


def in_their_order(arch):
    """Our tensors as the authors' model lists its variables: both convolutions, then both norms."""
    kinds = ('kernel', 'bias', 'scale', 'shift')
    for block in range(1, 9):
        for pair in (kinds[:2], kinds[2:]):
            for axis in ('time', 'frequency'):
                for kind in pair:
                    yield f'block{block}/{axis}_{kind}', None
    for head in range(arch.slices):
        for leaf in weights.HEAD_LEAVES:
            yield f'heads/{leaf}', head


@pytest.fixture(scope='module')
def checkpoint(seeded, tmp_path_factory):
    """A training checkpoint of the full size, with what an optimiser leaves in it."""
    arch, tensors = weights.Arch(), {}
    shapes, names = weights.template(arch), weights.key_map(arch)
    for index, (ours, head) in enumerate(in_their_order(arch)):
        shape, theirs = shapes[ours], names[ours][0]
        if head is not None:
            shape, theirs = shape[1:], theirs[head]
        leaf = ours.split('_')[-1]
        kind = {'scale': 'gamma', 'shift': 'beta'}.get(leaf, leaf)
        fan_in = int(np.prod(shape[:-1])) if kind == 'kernel' else None
        tensors[theirs] = seeded.seeded(f'nfp.{index}', shape, kind, fan_in)
    assert sum(tensor.size for tensor in tensors.values()) == 16_939_008
    tensors['save_counter/.ATTRIBUTES/VARIABLE_VALUE'] = np.array(100, np.int64)
    tensors['optimizer/iter/.ATTRIBUTES/VARIABLE_VALUE'] = np.array(7, np.int64)
    slot = f'{names["block1/time_bias"][0]}'.replace(
        '.ATTRIBUTES', '.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES'
    )
    tensors[slot] = np.zeros(128, np.float32)
    folder = tmp_path_factory.mktemp('checkpoint')
    tf_writer.write(folder / 'ckpt-100', tensors)
    return folder / 'ckpt-100'


@pytest.fixture(scope='module')
def encoder(checkpoint):
    return base.load(CARD, weights=str(checkpoint))


def test_every_layer(shared, encoder):
    mel = -np.abs(np.random.RandomState(6).standard_normal((2, 256, 32, 1))) * 0.6
    layers = jax.jit(model.network)(encoder.params, jnp.asarray(mel[..., 0], jnp.float32))
    with np.load(shared / 'fixtures/neuralfp/seeded.npz') as theirs:
        for index in range(9):
            name = f'block{index + 1}' if index < 8 else 'flat'
            close(name, layers[index], theirs[f'block{index}_mean'])
        close('before length 1', layers[9], theirs['pre_l2'])
        close('embedding', model.unit(layers[9]), theirs['emb'])


def front_end(seeded):
    wave = seeded.wave(32000, 22, 8000)
    wave[16000:] *= 0.05
    segments = jnp.asarray(wave.reshape(4, 8000))
    mel = frontend.mel_filters()
    return np.asarray(
        frontend.log_mel(
            jnp.asarray(frontend.hann(), jnp.float32), jnp.asarray(mel, jnp.float32), segments
        )
    )


def test_front_end_of_segments_fed_one_by_one(shared, seeded):
    with np.load(shared / 'fixtures/neuralfp/frontend_seeded_wave.npz') as theirs:
        close('front end', front_end(seeded), theirs['single'], 1e-5)


def test_the_authors_batch_maximum_is_another_offset_and_nothing_else(shared, seeded):
    """Why rows could not be independent under the authors' maximum over a batch."""
    with np.load(shared / 'fixtures/neuralfp/frontend_seeded_wave.npz') as theirs:
        offset = theirs['batch'].max(axis=(1, 2), keepdims=True)
        assert offset.min() < -1
        close('batch maximum', front_end(seeded) + offset, theirs['batch'], 1e-5)


def test_from_the_wave(seeded, encoder):
    wave = seeded.wave(8000, 3, 8000)[None]
    layers = jax.jit(encoder.encode)(encoder.params, jnp.asarray(wave))
    assert [layer.shape[2] for layer in layers] == [layer.width for layer in encoder.card.layers]
    np.testing.assert_allclose(np.linalg.norm(np.asarray(layers[-1])[:, 0], axis=1), 1, rtol=1e-6)


def test_a_checkpoint_that_tensorflow_saved():
    """From `tests/reference/neuralfp_tf.py`: a small network, with an optimiser's slots."""
    folder = Path(os.environ.get('JAXPROBE_NEURALFP', '/nowhere'))
    if not folder.is_dir():
        pytest.skip('JAXPROBE_NEURALFP names no folder that tests/reference/neuralfp_tf.py filled')
    encoder = base.load(CARD, weights=str(folder), arch='tiny')
    with np.load(folder / 'neuralfp.npz') as theirs:
        layers = jax.jit(model.network)(encoder.params, jnp.asarray(theirs['mel']))
        close('TensorFlow', model.unit(layers[-1]), theirs['embedding'])
