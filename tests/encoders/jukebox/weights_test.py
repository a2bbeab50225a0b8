import math

import jax
import numpy as np
import pytest

from benchmarks import jukebox_memory
from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.jukebox import card, prior, vqvae, weights
from jaxprobe.encoders.jukebox.architecture import TINY, Architecture

torch = pytest.importorskip('torch')

FULL = Architecture()


def prior_state():
    """The whole prior of `TINY` as the reference would save it: kernels of layers in float16."""
    r = np.random.RandomState(0)
    state = {'prior.x_out.weight': (TINY.bins, TINY.prior_width)}
    state |= weights.prior_tensors(TINY, TINY.file_depth)
    return {
        f'module.{name}': torch.from_numpy(
            r.standard_normal(shape).astype(np.float16 if name.endswith('.w') else np.float32)
        )
        for name, shape in state.items()
    }


def vqvae_state():
    r = np.random.RandomState(1)
    shapes = {
        'encoders.0.level_blocks.0.model.0.0.weight': (4, 1, 4),
        'encoders.1.level_blocks.1.model.2.bias': (8,),
        'decoders.2.out.weight': (1, 8, 3),
        'bottleneck.level_blocks.0.k': (64, 8),
        'bottleneck.level_blocks.1.k': (64, 8),
    }
    for ours, (theirs, transform) in weights.vqvae_map(TINY).items():
        shape = vqvae.shapes(TINY)[ours]
        shapes[theirs] = shape[::-1] if transform else shape
    return {n: torch.from_numpy(r.standard_normal(s).astype(np.float32)) for n, s in shapes.items()}


def save(folder, encoder=None, top=None, **more):
    """Both files in the format of torch 1.4, which the published ones are of."""
    states = {
        card.VQVAE.filename: encoder or vqvae_state(),
        card.PRIOR.filename: top or prior_state(),
    }
    for name, state in states.items():
        held = {'hps': {'levels': 3}, 'model': state, 'opt': None, 'step': 7}
        torch.save(held, folder / name, _use_new_zipfile_serialization=False, **more)
    return folder


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp('5b'))


def test_the_published_format_fills_the_model(folder):
    encoder = base.load('jukebox_5b', weights=str(folder), arch='tiny')
    theirs = {n.removeprefix('module.'): t.numpy() for n, t in prior_state().items()}
    for layer in range(TINY.prior_depth):
        module = f'prior.transformer._attn_mods.{layer}'
        kernel = encoder.params['layers.attn.c_attn.kernel'][layer // 3, layer % 3]
        assert kernel.dtype == np.float16  # As in the file: half the memory, the same numbers.
        np.testing.assert_array_equal(kernel, theirs[f'{module}.attn.c_attn.w'])
        norm = encoder.params['layers.ln_1.scale'][layer // 3, layer % 3]
        np.testing.assert_array_equal(norm, theirs[f'{module}.ln_1.weight'])
    first = theirs['y_emb.artist_emb.emb.weight'][0] + theirs['y_emb.bow_genre_emb.emb.weight'][0]
    np.testing.assert_array_equal(encoder.params['prior.start'], first)
    down = vqvae_state()['encoders.2.level_blocks.1.model.0.0.weight'].numpy()
    np.testing.assert_array_equal(encoder.params['vqvae.level1.down0.conv.kernel'], down.T)
    wave = jax.ShapeDtypeStruct((1, encoder.card.window_samples), np.float32)
    assert jax.eval_shape(encoder.encode, encoder.params, wave).shape == (1, 7, 1, 48)


def test_identity_is_of_what_is_used(folder, tmp_path):
    def identity(path):
        return base.load('jukebox_5b', weights=str(path), arch='tiny').weights_sha256

    known = identity(folder)
    dropped, used = prior_state(), prior_state()
    dropped['module.prior.x_out.weight'] += 1
    used['module.prior.transformer._attn_mods.5.ln_0.bias'] += 1
    encoder = vqvae_state()
    encoder['bottleneck.level_blocks.2.k'] += 1
    assert len(known) == 64
    assert identity(save(tmp_path, top=dropped)) == known
    assert identity(save(tmp_path, top=used)) != known
    assert identity(save(tmp_path, encoder=encoder)) != known


def test_either_file_names_its_folder(folder):
    expected = (folder / 'vqvae.pth.tar', folder / 'prior_level_2.pth.tar')
    for given in (folder, *expected):
        assert weights.find(str(given)) == expected


def test_the_authors_own_caches_are_looked_into(folder, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    cache = tmp_path / '.cache' / 'jukebox' / 'models'
    cache.mkdir(parents=True)
    (cache / '5b').symlink_to(folder)
    assert weights.find('')[1].parent == cache / '5b'


def test_nothing_at_hand_says_what_to_bring(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        base.load('jukebox_5b')
    message = str(caught.value)
    for part in ('vqvae.pth.tar (about 7 MB)', 'prior_level_2.pth.tar (about 10,300 MB)'):
        assert part in message
    assert f'{card.ADDRESS}prior_level_2.pth.tar' in message
    assert '--config.encoder.weights=FOLDER' in message
    assert 'no commercial use' in message


def test_the_missing_one_of_two_is_named(folder, tmp_path):
    (tmp_path / 'prior_level_2.pth.tar').symlink_to(folder / 'prior_level_2.pth.tar')
    with pytest.raises(
        WeightsError, match=r'jukebox_5b: vqvae\.pth\.tar cannot be found'
    ) as caught:
        weights.find(str(tmp_path))
    assert 'file: prior' not in str(caught.value)


def test_another_file_is_no_folder(tmp_path):
    with pytest.raises(WeightsError, match='two files.*give the folder'):
        weights.find(str(tmp_path / 'jukebox.safetensors'))


def test_every_mismatch_is_named_at_once(tmp_path):
    state = prior_state()
    layer = 'module.prior.transformer._attn_mods'
    del state[f'{layer}.2.mlp.c_fc.b']
    state[f'{layer}.3.ln_0.weight'] = torch.ones(5)
    state['module.prior.unknown'] = torch.ones(2)
    state['module.y_emb.absolute_pos_emb.emb.weight'] = torch.ones(16, 5)
    save(tmp_path, top=state)
    with pytest.raises(WeightsError) as caught:
        base.load('jukebox_5b', weights=str(tmp_path), arch='tiny')
    message = str(caught.value)
    assert "looks like a top prior of Jukebox (encoder 'jukebox_5b')" in message
    assert '1 missing' in message
    assert '_attn_mods.2.mlp.c_fc.b' in message
    assert '1 unexpected:\n  prior.unknown' in message
    assert '2 of another shape' in message


def test_a_prior_with_lyrics_is_recognised(tmp_path):
    state = prior_state()
    state['module.prior.transformer._attn_mods.8.attn.c_enc_kv.w'] = torch.ones(2)
    state['module.prime_prior.x_emb.weight'] = torch.ones(2)
    save(tmp_path, top=state)
    with pytest.raises(WeightsError, match=r'looks like a Jukebox prior with lyrics(.|\n)*prime_'):
        base.load('jukebox_5b', weights=str(tmp_path), arch='tiny')


def test_the_files_swapped(tmp_path):
    save(tmp_path, encoder=prior_state(), top=vqvae_state())
    with pytest.raises(WeightsError, match=r'vqvae\.pth\.tar.*\nIt looks like a top prior'):
        base.load('jukebox_5b', weights=str(tmp_path), arch='tiny')


def test_a_file_cut_short(folder, tmp_path):
    save(tmp_path)
    path = tmp_path / 'prior_level_2.pth.tar'
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match='cut short or damaged'):
        base.load('jukebox_5b', weights=str(tmp_path), arch='tiny')


def test_whole_numbers_are_no_weights(tmp_path):
    state = prior_state()
    name = 'prior.transformer._attn_mods.0.mlp.c_fc.w'
    state[f'module.{name}'] = state[f'module.{name}'].to(torch.int8)
    save(tmp_path, top=state)
    with pytest.raises(WeightsError, match=rf'no 16 or 32 bit floats: {name} \(int8\)'):
        base.load('jukebox_5b', weights=str(tmp_path), arch='tiny')


def test_sizes_of_the_published_model():
    """Counts of spec/encoders_cnn.md, and the size of the published file."""
    encoder = {n: math.prod(s) for n, s in vqvae.shapes(FULL).items()}
    assert encoder.pop('vqvae.codebook') == 131072
    assert sum(encoder.values()) == 168224
    tables = sum(math.prod(s) for s in weights.prior_tensors(FULL, 0).values())
    layer = {n: math.prod(s) for n, s in prior.layer_shapes(FULL).items()}
    assert tables == pytest.approx(71e6, rel=0.01)
    assert 36 * sum(layer.values()) == pytest.approx(2.49e9, rel=0.001)
    kernels = sum(size for name, size in layer.items() if name.endswith('kernel'))
    bytes_ = 72 * (2 * kernels + 4 * (sum(layer.values()) - kernels)) + 4 * tables
    bytes_ += 4 * FULL.bins * FULL.prior_width  # x_out
    assert bytes_ == pytest.approx(card.PRIOR.size, rel=0.005)
    assert 36 * 2 * kernels == pytest.approx(4.98e9, rel=0.001)


def test_random_codes_are_many():
    """A codebook longer than what the untrained encoder puts out would give one code to all."""
    params, identity = weights.random(TINY, 0)
    assert identity == 'random-0'
    wave = np.random.RandomState(0).uniform(-1, 1, (1, 32768)).astype(np.float32)
    latent = jax.jit(lambda p, w: vqvae.latent(TINY, p, w))(params, wave)
    assert len(np.unique(vqvae.codes(params, latent))) > 10


@pytest.mark.slow
def test_memory_beside_the_weights_is_that_of_three_layers():
    """Read at once, the file's mapped half would come on top: as much as is held."""
    found = jukebox_memory.measured(1536)
    print(found)
    assert found['held_gb'] == pytest.approx(0.575, abs=0.01)
    assert found['file_gb'] == pytest.approx(1.127, abs=0.01)
    assert found['beside_gb'] < 0.45 * found['held_gb']
