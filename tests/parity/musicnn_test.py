"""MusiCNN and VGG against the authors' TensorFlow code; -s prints the errors measured.

Real weights come from the published wheel (skipped where it is neither in the cache nor
fetchable); the big model's are in no package, so its fixture has seeded ones, which go through a
checkpoint written here in TensorFlow's format.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.loading import wheel
from jaxprobe.encoders.musicnn import card, frontend, model, weights
from tests.encoders.loading import tf_writer

RTOL = 1e-4  # With atol 1e-4 * max|reference|: DESIGN.md section 6.
REAL = {
    'musicnn_msd': 'MSD_musicnn',
    'musicnn_mtt': 'MTT_musicnn',
    'vgg_msd': 'MSD_vgg',
    'vgg_mtt': 'MTT_vgg',
}


@pytest.fixture(scope='module')
def seeded(shared):
    sys.path.insert(0, str(shared / 'fixtures'))
    try:
        import seeded  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop(0)
    return seeded


@pytest.fixture(scope='module')
def patches(shared, seeded):
    """Reference patches: of the synthetic wave (from its stored log mel) and of Vibe Ace."""
    with np.load(shared / 'fixtures/musicnn/frontend_synth.npz') as file:
        synthetic = np.stack([file['logmel'][:187], file['logmel'][187:374]])
    with np.load(shared / 'fixtures/musicnn/MSD_musicnn_vibeace.npz') as file:
        return {'synth': synthetic, 'vibeace': file['batch']}


@pytest.fixture(scope='module')
def real():
    """Loads an encoder with its published weights."""
    try:
        wheel.published(card.WHEEL)
    except WeightsError as error:
        pytest.skip(str(error))
    return base.load


def close(name, ours, theirs):
    error = float(np.abs(ours - theirs).max())
    print(f'{name:42s} max abs {error:.1e}  of max {error / np.abs(theirs).max():.1e}')
    np.testing.assert_allclose(
        ours, theirs, rtol=RTOL, atol=RTOL * np.abs(theirs).max(), err_msg=name
    )


def compare_musicnn(label, layers, theirs):
    front, cnn1, cnn2, cnn3, penultimate, logits = (np.asarray(layer) for layer in layers)
    features = np.concatenate([front, cnn1, cnn2, cnn3], -1)
    ours = {
        'timbral_t16': front[:, ::16, :408],
        'temporal_t16': front[:, ::16, 408:],
        'cnn1_t16': cnn1[:, ::16],
        'cnn2_t16': cnn2[:, ::16],
        'cnn3_t16': cnn3[:, ::16],
        'mean_pool': features.mean(1),
        'max_pool': features.max(1),
        'penultimate': penultimate[:, 0],
        'logits': logits[:, 0],
    }
    for name, array in ours.items():
        close(f'{label} {name}', array, theirs[name])


@pytest.mark.parametrize('clip', ['synth', 'vibeace'])
@pytest.mark.parametrize('name', ['musicnn_msd', 'musicnn_mtt'])
def test_musicnn_with_published_weights(shared, real, patches, name, clip):
    encoder = real(name)
    layers = jax.jit(model.musicnn_layers)(encoder.params, jnp.asarray(patches[clip]))
    with np.load(shared / f'fixtures/musicnn/{REAL[name]}_{clip}.npz') as theirs:
        compare_musicnn(f'{name} {clip}', layers, theirs)


@pytest.mark.parametrize('clip', ['synth', 'vibeace'])
@pytest.mark.parametrize('name', ['vgg_msd', 'vgg_mtt'])
def test_vgg_with_published_weights(shared, real, patches, name, clip):
    encoder = real(name)
    pools = jax.jit(model.vgg_layers)(encoder.params, jnp.asarray(patches[clip]))
    steps = {
        'pool1_t16f8': (16, 8),
        'pool2_t16f8': (16, 8),
        'pool3_t4f3': (4, 3),
        'pool4_t4f3': (4, 3),
        'pool5': (1, 1),
    }
    with np.load(shared / f'fixtures/musicnn/{REAL[name]}_{clip}.npz') as theirs:
        for pool, (key, (t, f)) in zip(pools, steps.items(), strict=True):
            close(f'{name} {clip} {key}', np.asarray(pool)[:, ::t, ::f], theirs[key])


def seeded_tensors(seeded, arch):
    """The fixture's weights, under the names of the authors' graph."""
    found = {}
    for ours, shape in weights.template(arch).items():
        theirs = str(weights.key_map(arch)[ours][0])
        leaf = ours.split('/')[1]
        kind = 'var' if leaf == 'variance' else leaf
        fan_in = int(np.prod(shape[:-1])) if leaf == 'kernel' else None
        found[theirs] = seeded.seeded(f'musicnn.{theirs}', shape, kind, fan_in)
    return found


@pytest.mark.parametrize(
    ('name', 'fixture'),
    [
        ('musicnn_msd', 'seeded_MSD_musicnn_synth'),
        ('musicnn_msd_big', 'seeded_MSD_musicnn_big_synth'),
    ],
)
def test_seeded_weights_from_a_checkpoint_folder(shared, seeded, patches, tmp_path, name, fixture):
    arch = weights.Musicnn(*((204, 51, 512, 500) if 'big' in name else (204, 51, 64, 200)))
    tensors = seeded_tensors(seeded, arch)
    tensors['conv2d/kernel/Adam'] = np.zeros((1,), np.float32)  # Optimiser slots are left behind.
    tf_writer.write(tmp_path / 'model', tensors)
    encoder = base.load(name, weights=str(tmp_path))
    layers = jax.jit(model.musicnn_layers)(encoder.params, jnp.asarray(patches['synth']))
    with np.load(shared / f'fixtures/musicnn/{fixture}.npz') as theirs:
        compare_musicnn(f'seeded {name}', layers, theirs)


@pytest.fixture(scope='module')
def front():
    return {
        'window': jnp.asarray(frontend.hann(), jnp.float32),
        'mel': jnp.asarray(frontend.slaney_mel(), jnp.float32),
    }


def test_front_end_of_a_recording(shared, front):
    with np.load(shared / 'fixtures/musicnn/frontend_vibeace.npz') as file:
        ours = frontend.log_mel(front['window'], front['mel'], jnp.asarray(file['wave16k'])[None])
        # The reference's last frame hangs over the end of the file; a patch never has it.
        close('front end, vibeace', np.asarray(ours)[0], file['logmel_reflect'][:187])


def test_front_end_without_reflection_would_fail(shared, front):
    with np.load(shared / 'fixtures/musicnn/frontend_vibeace.npz') as file:
        reflect, constant = file['logmel_reflect'], file['logmel_constant']
    assert np.abs(reflect[0] - constant[0]).max() > 1e3 * RTOL
    np.testing.assert_array_equal(reflect[1:-1], constant[1:-1])


def test_the_first_window_of_a_file_equals_the_reference_from_wave_to_logits(shared, seeded, real):
    wave = jnp.asarray(seeded.wave(96000, seed=41, sr=16000))[None, : card.WINDOW_SAMPLES]
    encoder = real('musicnn_msd')
    layers = jax.jit(encoder.encode)(encoder.params, wave)
    with np.load(shared / 'fixtures/musicnn/MSD_musicnn_synth.npz') as theirs:
        compare_musicnn('from the wave', layers, {k: theirs[k][:1] for k in theirs.files})


def test_later_windows_differ_in_their_first_frame_alone(shared, seeded, front):
    start = card.WINDOW_SAMPLES
    wave = jnp.asarray(seeded.wave(96000, seed=41, sr=16000))[None, start : 2 * start]
    ours = np.asarray(frontend.log_mel(front['window'], front['mel'], wave))[0]
    with np.load(shared / 'fixtures/musicnn/frontend_synth.npz') as file:
        close('front end, second window', ours[1:], file['logmel'][188:374])
        print(f'its first frame: max abs {np.abs(ours[0] - file["logmel"][187]).max():.2f}')


def test_whole_windows_with_the_context_they_lack_equal_the_reference(shared, seeded, front):
    """Frame by frame the port is the reference: only what lies before a window differs."""
    wave = seeded.wave(96000, seed=41, sr=16000)
    start = card.WINDOW_SAMPLES - 256
    longer = jnp.asarray(wave[start : start + card.WINDOW_SAMPLES + 256])[None]
    ours = np.asarray(frontend.log_mel(front['window'], front['mel'], longer))[0, 1:]
    with np.load(shared / 'fixtures/musicnn/frontend_synth.npz') as file:
        close('front end, second window with context', ours, file['logmel'][187:374])
