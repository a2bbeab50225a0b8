"""Registering an encoder is what makes it tested: every name of the registry keeps the contract.

Signal processing is tested as it is; models as small untrained ones of the same code, and with
their published weights in `tests/parity`.
"""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from jaxprobe import plan
from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders import options as choices
from jaxprobe.encoders.contract import contract, layers_of
from jaxprobe.tasks import registry

PUBLISHED = [name for name in base.ENCODERS if base.card(name).weights.kind != 'none']


def small(name):
    """What loads an encoder without any file."""
    if base.card(name).weights.kind == 'none':
        return {}
    return {'weights': 'random', 'arch': 'tiny'}


def loaded(name, **more):
    return base.load(name, **small(name), **more)


@pytest.mark.parametrize('name', list(base.ENCODERS))
def test_encoder_keeps_the_contract(name):
    findings = contract(loaded(name))
    assert [finding for finding in findings if not finding.ok] == []


@pytest.mark.parametrize('name', list(base.ENCODERS))
def test_card_of_the_published_model_is_complete(name):
    card = base.card(name)
    assert card.name == name
    assert card.title
    assert card.training_data
    assert card.code_licence
    assert card.weights_licence
    assert card.gflop_per_second > 0
    assert card.frame_rate > 0
    assert card.receptive_field >= 0
    assert card.window_samples == round(card.window_seconds * card.sample_rate)
    assert 0 < card.min_samples <= card.window_samples
    assert card.hop_samples <= card.window_samples
    assert 0 <= card.lead_samples <= card.window_samples
    assert card.input_samples == card.lead_samples + card.window_samples
    assert card.weights.kind in ('hub', 'wheel', 'file', 'none')
    if card.weights.kind != 'none':
        assert card.weights.how
        assert card.weights.size or 'size is not known' in card.weights.how
        assert card.weights.source
        assert card.weights.filename
        assert card.citation
        assert card.homepage.startswith('https://')


@pytest.mark.parametrize('name', list(base.ENCODERS))
def test_loading_twice_gives_the_same_weights(name):
    import jax

    one, other = loaded(name), loaded(name)
    assert one.weights_sha256 == other.weights_sha256
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize('name', [n for n in base.ENCODERS if small(n)])
def test_random_weights_follow_the_seed(name):
    import jax

    one, other = loaded(name, seed=1), loaded(name, seed=2)
    assert one.weights_sha256 == 'random-1'
    assert other.weights_sha256 == 'random-2'
    pairs = zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True)
    assert any((np.asarray(a) != np.asarray(b)).any() for a, b in pairs)


@pytest.mark.parametrize('name', [n for n in base.ENCODERS if small(n)])
def test_random_weights_are_never_described_as_the_trained_model(name):
    published, card = base.card(name), loaded(name, seed=1).card
    assert 'RANDOM' in card.title
    assert (card.weights.kind, card.weights.source) == ('none', 'random-1')
    assert card.weights_licence == card.training_data == 'none: random weights'
    assert card.parity is None
    assert published.parity is not None  # Not None on every card of the model anyway.


@pytest.mark.parametrize('name', PUBLISHED)
def test_parity_is_measured(name):
    parity = base.card(name).parity
    assert parity is not None, f'{name} has no Parity on its card'
    assert 0 < parity.error <= 3e-4
    assert parity.reference
    assert parity.weights in ('published', 'random', 'seeded')
    assert 'pytest' in parity.command or 'jaxprobe check encoder' in parity.command


def under_option(name, asked):
    try:
        return loaded(name, options=asked)
    except ConfigError as error:  # A choice of half precision has none to choose in float32.
        if 'dtype=bfloat16' not in str(error):
            raise
        return loaded(name, options=asked, dtype='bfloat16')


@pytest.mark.parametrize('name', [n for n in base.ENCODERS if base.card(n).options])
def test_every_value_of_every_option_builds_and_keeps_its_shapes(name):
    import jax

    for option in base.card(name).options:
        for value in option.values:
            encoder = under_option(name, {option.name: value})
            card = encoder.card
            window = card.window_samples if card.fixed_window else card.min_samples
            wave = jax.ShapeDtypeStruct((2, card.lead_samples + window), np.float32)
            states = layers_of(jax.eval_shape(encoder.encode, encoder.params, wave))
            seen = [(state.shape[0], state.shape[2], str(state.dtype)) for state in states]
            wanted = [(2, layer.width, 'float32') for layer in card.layers]
            assert seen == wanted, f'{option.name}={value}'
            for layer, state in zip(card.layers, states, strict=True):
                assert layer.frames or state.shape[1] == 1, f'{option.name}={value}: {layer.name}'


@pytest.mark.parametrize('name', [n for n in base.ENCODERS if base.card(n).presets])
def test_every_preset_cuts_windows_and_sets_options_that_exist(name):
    card, task = base.card(name), registry.build('synth_key', {})
    names = [preset.name for preset in card.presets]
    assert len(set(names)) == len(names)
    for preset in card.presets:
        assert preset.what
        values = choices.complete(name, card.options, preset.options)
        under = base.configured(card, values)
        cut = plan.framing(under, task, 0.0, preset)
        assert cut.samples >= under.min_samples
        assert cut.hop > 0
        declared = {
            'samples': round(preset.window_seconds * under.sample_rate),
            'hop': round(preset.hop_seconds * under.sample_rate),
            'tail': preset.tail,
            'short': preset.short,
        }
        for what, value in declared.items():
            assert not value or getattr(cut, what) == value, f'{preset.name}: {what}'


@pytest.mark.parametrize('name', list(base.ENCODERS))
def test_zeros_are_refused_where_they_would_change_the_features(name):
    card, task = base.card(name), registry.build('synth_key', {})
    zeros = choices.Preset(name='zeros', what='', tail='pad')
    if card.zero_pad:
        assert plan.framing(card, task, 0.0, zeros).tail == 'pad'
    else:
        with pytest.raises(ConfigError, match='zeros beside the audio'):
            plan.framing(card, task, 0.0, zeros)


def safetensors(path, names):
    """Writes a file of small tensors of these names."""
    header, offset = {}, 0
    for name in names:
        header[name] = {'dtype': 'F32', 'shape': [2], 'data_offsets': [offset, offset + 8]}
        offset += 8
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, 'little') + text + bytes(offset))


def zipped(path, name, content):
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(name, content)


# What people hand over in place of the right file: its name -> what writes it.
OTHERS = {
    'model.safetensors': lambda path: safetensors(path, ['front.conv.weight', 'head.0.bias']),
    'empty.bin': lambda path: path.write_bytes(b''),
    'page.html': lambda path: path.write_text('<!DOCTYPE html><html><body>404</body></html>'),
    'pointer.bin': lambda path: path.write_text(
        'version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 1333\n'
    ),
    'photos.zip': lambda path: zipped(path, 'me.jpg', b'\xff\xd8\xff' * 100),
    'cut.pt': lambda path: zipped(path, 'archive/data.pkl', b'\x80\x02}q\x00X\x05\x00'),
    'noise.bin': lambda path: path.write_bytes(np.random.RandomState(0).bytes(5000)),
    'notes.txt': lambda path: path.write_text('the weights are on the other disk\n'),
    'cut.h5': lambda path: path.write_bytes(b'\x89HDF\r\n\x1a\n' + bytes(40)),
}


@pytest.mark.parametrize('name', PUBLISHED)
def test_a_file_that_is_not_its_weights_is_one_readable_message(name, tmp_path):
    for other, write in OTHERS.items():
        write(tmp_path / other)
        with pytest.raises(WeightsError) as caught:
            base.load(name, weights=str(tmp_path / other), arch='tiny')
        text = str(caught.value)
        assert 20 < len(text) < 20_000, other
        assert 'Traceback' not in text, other


# Encoders whose loader cannot read a safetensors file at all (their authors publish TensorFlow or
# Keras files) -> what it says: the form is refused before there is any tensor name to judge by.
NO_SAFETENSORS = {
    **dict.fromkeys(
        ('musicnn_msd', 'musicnn_mtt', 'musicnn_msd_big', 'vgg_msd', 'vgg_mtt', 'neuralfp'),
        'neither a folder, a wheel, nor the prefix of a checkpoint',
    ),
    'openl3': 'not an HDF5 file',
    'mule': 'not a `.keras` archive',
    **dict.fromkeys(('effnet_discogs', 'effnet_discogs_style'), 'no frozen TensorFlow graph'),
}
IN_A_FOLDER = {'jukebox_5b': ('vqvae.pth.tar', 'prior_level_2.pth.tar')}  # Of these names.


@pytest.mark.parametrize('name', PUBLISHED)
def test_a_model_of_other_authors_is_recognised(name, tmp_path):
    """By the names of its tensors, wherever the family's loader can read the file."""
    models = {
        'encoder.pos_conv_embed.conv.weight_g': 'HuBERT or MERT',
        'model.preprocessor_melspec_2048.mel_stft.mel_scale.fb': 'MusicFM',
    }
    for tensor, model in models.items():
        for file in IN_A_FOLDER.get(name, ('theirs.safetensors',)):
            safetensors(tmp_path / file, [tensor, 'a.weight'])
        given = tmp_path if name in IN_A_FOLDER else tmp_path / 'theirs.safetensors'
        with pytest.raises(WeightsError) as caught:
            base.load(name, weights=str(given), arch='tiny')
        wanted = NO_SAFETENSORS.get(name, f'It looks like {model}')
        assert wanted in str(caught.value)


@pytest.mark.parametrize('name', PUBLISHED)
def test_weights_that_are_not_here_are_named_with_the_way_to_bring_them(
    name, tmp_path, monkeypatch
):
    """Offline, with empty caches: the file, its size, how to fetch it, and the setting."""
    for variable in ('HF_HUB_CACHE', 'HF_HOME', 'JAXPROBE_CACHE'):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setenv('PIP_NO_INDEX', '1')  # A wheel cannot be fetched either.
    ref = base.card(name).weights
    with pytest.raises(WeightsError) as caught:
        base.load(name)
    text = str(caught.value)
    for wanted in (ref.filename, ref.source, ref.how, '--config.encoder.weights='):
        assert wanted in text
    size = (f'{ref.size / 1e6:,.0f} MB', f'{ref.size:,}', str(ref.size))
    assert not ref.size or any(form in text for form in size)


@pytest.mark.parametrize('name', PUBLISHED)
def test_a_path_that_is_not_there_names_itself(name, tmp_path):
    with pytest.raises(WeightsError, match='nothing'):
        base.load(name, weights=str(tmp_path / 'nothing.bin'))


def test_reading_every_card_imports_no_jax():
    program = (
        'import sys; from jaxprobe.encoders import base;'
        '[base.card(name) for name in base.ENCODERS];'
        'print([m for m in ("jax", "flax", "librosa", "transformers") if m in sys.modules])'
    )
    done = subprocess.run(
        [sys.executable, '-c', program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == '[]'
