import collections
import functools
import json

import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.loading import checkpoint
from jaxprobe.encoders.muq import architecture, model, weights

LAYOUTS = {
    'muq': 'MuQ-large (use_rvq_target, codebook_size 8192)',
    'musicfm_msd': 'MusicFM (FMA/MSD .pt, keys in file are prefixed model.)',
}


@functools.cache
def template_of(a):
    return leaves.shapes(leaves.abstract(lambda: model.MelConformer(a, precision('float32')))[1])


def published(shared, name):
    """Stand-ins of the published tensors: every name and shape, and no memory."""
    layouts = json.loads((shared / 'spec' / 'state_dict_keys.json').read_text())
    layout, seen = layouts[LAYOUTS[name]], collections.Counter()
    tensors = {}
    for pattern, shape, _, count in layout['patterns']:
        for _ in range(count):
            tensors[pattern.replace('{i}', str(seen[pattern]))] = np.broadcast_to(
                np.float32(1), shape
            )
            seen[pattern] += 1
    assert len(tensors) == layout['n_tensors']
    return tensors


@pytest.mark.parametrize('name', LAYOUTS)
@pytest.mark.parametrize('prefix', ['as published', 'model.'])
def test_published_file_is_used_up(shared, name, prefix):
    """The mapping is a bijection at full size, whichever weight-norm names the file has."""
    a = architecture.resolve(name, '')
    tensors = published(shared, name)
    if prefix == 'model.' and name == 'musicfm_msd':
        tensors = {f'model.{key}': tensor for key, tensor in tensors.items()}
        for old, new in (('original0', 'weight_g'), ('original1', 'weight_v')):
            key = f'model.conformer.pos_conv_embed.conv.parametrizations.weight.{old}'
            tensors[f'model.conformer.pos_conv_embed.conv.{new}'] = tensors.pop(key)
    template = template_of(a)
    filled = weights.fill(name, a, template, tensors, 'published')
    assert set(template) - set(filled) == (
        {'mel.window', 'mel.filters'} if name == 'muq' else set()
    )
    assert sum(np.prod(shape) for shape in template.values()) > 310e6


@pytest.fixture(scope='module')
def tiny(shared):
    folder = shared / 'fixtures' / 'muq_tiny_25hz'
    a = architecture.resolve('muq', str(folder / 'config.json'))
    return a, template_of(a), checkpoint.read(folder / 'params.safetensors')


@pytest.mark.parametrize(
    'lost',
    [
        'model.conv.conv.1.bn3.running_var',
        'model.conformer.layers.2.self_attn.linear_v.bias',
        'model.conformer.layer_norm.weight',
    ],
)
def test_a_missing_tensor_is_named(tiny, lost):
    a, template, tensors = tiny
    with pytest.raises(WeightsError, match=lost.removeprefix('model.').replace('.', r'\.')):
        weights.fill('muq', a, template, {k: v for k, v in tensors.items() if k != lost}, 'f')


def test_an_unknown_tensor_is_named(tiny):
    a, template, tensors = tiny
    extra = dict(tensors) | {'model.conformer.layers.3.ffn1.output_dense.bias': np.zeros(32)}
    with pytest.raises(WeightsError, match=r'1 unexpected:\s+conformer\.layers\.3'):
        weights.fill('muq', a, template, extra, 'f')


def test_published_sizes_need_the_published_file(tiny):
    _, _, tensors = tiny
    a = architecture.resolve('muq', '')
    with pytest.raises(WeightsError, match='of another shape'):
        weights.fill('muq', a, template_of(a), tensors, 'f')


def test_sister_model_is_recognised(shared, tiny):
    """MusicFM's tensors would all fit MuQ; what they bring beside gives them away."""
    a, template, muq = tiny
    musicfm = checkpoint.read(shared / 'fixtures' / 'musicfm_tiny_msd' / 'params.safetensors')
    with pytest.raises(WeightsError, match='It looks like MusicFM'):
        weights.fill('muq', a, template, musicfm, 'f')
    with pytest.raises(WeightsError, match='It looks like MuQ'):
        weights.fill('musicfm_msd', a, template, muq, 'f')


def test_other_families_are_recognised(shared, tiny):
    a, template, _ = tiny
    mert = checkpoint.read(shared / 'fixtures' / 'mert_base_tiny' / 'params.safetensors')
    with pytest.raises(WeightsError, match='It looks like HuBERT or MERT'):
        weights.fill('muq', a, template, mert, 'f')


def test_batch_norm_is_folded(tiny):
    a, template, tensors = tiny
    filled = weights.fill('muq', a, template, tensors, 'f')
    their = {k.removeprefix('model.conv.conv.1.'): np.asarray(v, np.float64)
             for k, v in tensors.items()}  # fmt: skip
    x = np.random.RandomState(0).standard_normal((3, 3, 8))  # One patch: time, frequency, channel.
    plain = np.einsum('tfi,oift->o', x, their['conv2.weight']) + their['conv2.bias']
    normed = (plain - their['bn2.running_mean']) / np.sqrt(their['bn2.running_var'] + 1e-5)
    expected = normed * their['bn2.weight'] + their['bn2.bias']
    name = 'stem.blocks.1.conv2'
    ours = np.einsum('tfi,tfio->o', x, filled[f'{name}.kernel']) + filled[f'{name}.bias']
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


def test_every_drop_has_a_reason():
    for table in (weights.DROPPED_MUQ, weights.DROPPED_MUSICFM):
        assert all(len(reason) > 10 for reason in table.values())


def test_prefix_is_stripped_only_where_all_have_it():
    assert weights.strip_prefix({'model.a': np.ones(1)}).keys() == {'a'}
    assert weights.strip_prefix({'model.a': np.ones(1), 'b': np.ones(1)}).keys() == {'model.a', 'b'}
