"""MusiCNN and VGG against the authors' TensorFlow code; -s prints the errors measured.

Real weights come from the published wheel (skipped where it is neither in the cache nor
fetchable); the big model's are in no package, so its fixture has seeded ones, which go through a
checkpoint written here in TensorFlow's format.
"""

import sys

import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest
import soundfile

from jaxprobe.audio import loader
from jaxprobe.audio.window import Windowing, cut
from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.loading import wheel
from jaxprobe.encoders.musicnn import card, frontend, model, weights
from jaxprobe.features.spec import StoreSpec
from jaxprobe.stages.encode import batches
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


def test_the_vector_of_jukemir_with_published_weights(shared, real, item, tmp_path):
    """Their pools of the first patches, through the file and the layer that `pooled` adds."""
    encoder = real('musicnn_msd', options={'pooled': True})
    layers = jax.jit(encoder.encode)(encoder.params, batches_of_file(item, tmp_path, encoder))
    with np.load(shared / 'fixtures/musicnn/MSD_musicnn_synth.npz') as theirs:
        wanted = np.concatenate([theirs['mean_pool'], theirs['max_pool']], -1)
    close('musicnn_msd pooled', np.asarray(layers[6])[:, 0], wanted)


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


@pytest.fixture(scope='module')
def item(seeded):
    """Six seconds: two patches, both of which went through the authors' code, and a rest."""
    return seeded.wave(96000, seed=41, sr=16000)


def windowing(tail='drop'):
    return Windowing(card.WINDOW_SAMPLES, card.WINDOW_SAMPLES, tail, lead=card.LEAD_SAMPLES)


def log_mel(front, waves):
    return np.asarray(frontend.log_mel(front['window'], front['mel'], jnp.asarray(waves)))


def patches_of(spectrogram):
    """Cuts a whole file's spectrogram as the reference does: full patches that abut."""
    count = len(spectrogram) // 187
    return spectrogram[: 187 * count].reshape(count, 187, 96)


def test_front_end_of_a_recording(shared, front):
    with np.load(shared / 'fixtures/musicnn/frontend_vibeace.npz') as file:
        windows, _ = cut(file['wave16k'], windowing())
        # The reference's last frame hangs over the end of the file; a patch never has it.
        close('front end, vibeace', log_mel(front, windows)[0], file['logmel_reflect'][:187])


def test_front_end_without_reflection_would_fail(shared, front):
    with np.load(shared / 'fixtures/musicnn/frontend_vibeace.npz') as file:
        reflect, constant = file['logmel_reflect'], file['logmel_constant']
    assert np.abs(reflect[0] - constant[0]).max() > 1e3 * RTOL
    np.testing.assert_array_equal(reflect[1:-1], constant[1:-1])


def test_front_end_of_every_window_of_an_item(shared, item, front):
    windows, _ = cut(item, windowing())
    with np.load(shared / 'fixtures/musicnn/frontend_synth.npz') as file:
        close('front end, both windows', log_mel(front, windows), patches_of(file['logmel']))


def test_a_window_reflected_at_its_own_start_would_fail(shared, item, front):
    windows, _ = cut(item, windowing())
    lead = card.LEAD_SAMPLES
    alone = np.pad(windows[:, lead:], ((0, 0), (lead, 0)), mode='reflect')
    with np.load(shared / 'fixtures/musicnn/frontend_synth.npz') as file:
        error = np.abs(log_mel(front, alone) - patches_of(file['logmel'])).max(axis=2)
    print(f'reflected second window, frame 0: max abs {error[1, 0]:.2f}')
    assert error[1, 0] > 1e3 * RTOL
    assert error[1, 1:].max() < 5 * RTOL
    assert error[0].max() < 5 * RTOL


def test_every_window_of_a_long_item_is_cut_from_the_whole_spectrogram(seeded, front):
    """The reference's recipe over 30 s at once, by librosa and numpy's half precision."""
    wave = np.concatenate([seeded.wave(240000, seed=s, sr=16000) for s in (42, 43)])
    power = librosa.feature.melspectrogram(
        y=wave, sr=16000, n_fft=512, hop_length=256, n_mels=96, pad_mode='reflect'
    )
    whole = np.log10(10000 * power.T.astype(np.float16).astype(np.float32) + 1)
    windows, _ = cut(wave, windowing())
    assert len(windows) == len(patches_of(whole)) == 10
    close('front end, ten windows', log_mel(front, windows), patches_of(whole))
    last, _ = cut(wave, windowing('overlap'))
    np.testing.assert_array_equal(last[:-1], windows)
    np.testing.assert_array_equal(last[-1], wave[-card.LEAD_SAMPLES - card.WINDOW_SAMPLES :])


def batches_of_file(wave, folder, encoder):
    """Goes the pipeline's way: a file, decoded, cut and batched."""
    soundfile.write(folder / 'item.wav', wave, 16000, subtype='FLOAT')
    found = encoder.card
    spec = StoreSpec(
        encoder=found.name,
        weights_sha256='',
        port_version=found.port_version,
        layers=tuple((layer.name, layer.width) for layer in found.layers),
        sample_rate=found.sample_rate,
        window_samples=found.window_samples,
        hop_samples=found.window_samples,
        lead_samples=found.lead_samples,
        batch_windows=2,
    )
    item = loader.load(folder / 'item.wav', 0.0, None, spec.sample_rate, spec.windowing)
    ((waves, rows),) = batches([(0, item)], spec)
    assert len(rows) == 2
    return jnp.asarray(waves)


@pytest.mark.parametrize('name', ['musicnn_msd', 'musicnn_mtt'])
def test_musicnn_from_a_file_to_the_logits_of_every_window(shared, item, real, tmp_path, name):
    encoder = real(name)
    layers = jax.jit(encoder.encode)(encoder.params, batches_of_file(item, tmp_path, encoder))
    with np.load(shared / f'fixtures/musicnn/{REAL[name]}_synth.npz') as theirs:
        compare_musicnn(f'{name} from the file', layers, theirs)


@pytest.mark.parametrize('name', ['vgg_msd', 'vgg_mtt'])
def test_vgg_from_a_file_to_the_last_pool_of_every_window(shared, item, real, tmp_path, name):
    encoder = real(name)
    layers = jax.jit(encoder.encode)(encoder.params, batches_of_file(item, tmp_path, encoder))
    with np.load(shared / f'fixtures/musicnn/{REAL[name]}_synth.npz') as theirs:
        close(f'{name} from the file pool5', np.asarray(layers[4]), theirs['pool5'][:, :, 0])
