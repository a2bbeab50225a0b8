import collections
import functools
import json

import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.blocks import leaves
from jaxprobe.encoders.blocks.precision import precision
from jaxprobe.encoders.data2vec import architecture as data2vec
from jaxprobe.encoders.data2vec import model as positions
from jaxprobe.encoders.hubert import architecture, model, weights
from jaxprobe.encoders.loading import checkpoint

LAYOUTS = {
    'MERT-v1-95M / MERT-v0 / hubert-base': architecture.BASE,
    'MERT-v1-330M': architecture.LARGE,
    'data2vec-audio-base / music2vec-v1': data2vec.BASE,
}


@functools.cache
def template_of(a):
    make = positions.data2vec if a.position_layers > 1 else model.hubert
    return leaves.shapes(leaves.abstract(lambda: make(a, precision('float32')))[1])


def published(shared, layout):
    """Stand-ins of the published tensors: every name and shape, and no memory."""
    found = json.loads((shared / 'spec' / 'state_dict_keys.json').read_text())[layout]
    seen, tensors = collections.Counter(), {}
    for pattern, shape, _, count in found['patterns']:
        for _ in range(count):
            name = pattern.replace('{i}', str(seen[pattern]))
            tensors[name] = np.broadcast_to(np.float32(1), shape)
            seen[pattern] += 1
    assert len(tensors) == found['n_tensors']
    assert sum(tensor.size for tensor in tensors.values()) == found['n_values']
    return tensors


@pytest.mark.parametrize('layout', LAYOUTS)
def test_published_file_is_used_up(shared, layout):
    """The mapping is a bijection at full size; only the vector of masked frames is dropped."""
    template = template_of(LAYOUTS[layout])
    tensors = published(shared, layout)
    filled = weights.fill(template, tensors, 'published')
    assert {leaf: array.shape for leaf, array in filled.items()} == template
    used = sum(array.size for array in filled.values())
    normed = sum(t.size for name, t in tensors.items() if name.endswith('original0'))
    masked = tensors['masked_spec_embed'].size
    assert used == sum(t.size for t in tensors.values()) - normed - masked


@pytest.fixture(scope='module')
def tiny(shared):
    folder = shared / 'fixtures' / 'mert_base_tiny'
    config = json.loads((folder / 'config.json').read_text())
    a = architecture.from_config(config, 'f')
    return template_of(a), checkpoint.read(folder / 'params.safetensors')


@pytest.mark.parametrize('prefix', weights.PREFIXES)
def test_wrappers_prefixes_are_stripped(tiny, prefix):
    template, tensors = tiny
    wrapped = {prefix + name: tensor for name, tensor in tensors.items()}
    assert weights.fill(template, wrapped, 'f').keys() == template.keys()


@pytest.mark.parametrize(
    'lost',
    [
        'feature_extractor.conv_layers.0.layer_norm.bias',
        'encoder.layers.2.attention.v_proj.bias',
        'encoder.pos_conv_embed.conv.weight_g',
        'encoder.layer_norm.weight',
    ],
)
def test_a_missing_tensor_is_named(tiny, lost):
    template, tensors = tiny
    with pytest.raises(WeightsError, match=lost.replace('.', r'\.')):
        weights.fill(template, {k: v for k, v in tensors.items() if k != lost}, 'f')


def test_an_unknown_and_a_misshapen_tensor_are_named(tiny):
    template, tensors = tiny
    wrong = dict(tensors) | {
        'encoder.layers.3.layer_norm.bias': np.zeros(32),
        'encoder.layers.0.attention.q_proj.weight': np.zeros((32, 31)),
    }
    with pytest.raises(WeightsError, match=r'1 unexpected:\s+encoder\.layers\.3') as caught:
        weights.fill(template, wrong, 'f')
    assert 'q_proj.weight (32, 31)' in str(caught.value)


def test_other_sizes_are_told(shared):
    """Names alone do not show it; depth and width do."""
    small = published(shared, 'MERT-v1-95M / MERT-v0 / hubert-base')
    with pytest.raises(WeightsError, match='HuBERT or MERT with 12 blocks of width 768'):
        weights.fill(template_of(architecture.LARGE), small, 'f')


def test_data2vec_is_recognised(shared, tiny):
    template, tensors = tiny
    other = checkpoint.read(shared / 'fixtures' / 'data2vec_audio_tiny' / 'params.safetensors')
    with pytest.raises(WeightsError, match='looks like data2vec-audio or music2vec with 3 blocks'):
        weights.fill(template, other, 'f')
    with pytest.raises(WeightsError, match='looks like HuBERT or MERT'):
        weights.fill(template_of(data2vec.BASE), tensors, 'f')


def test_conformer_is_recognised(shared, tiny):
    other = checkpoint.read(shared / 'fixtures' / 'muq_tiny_25hz' / 'params.safetensors')
    with pytest.raises(WeightsError, match='looks like MuQ'):
        weights.fill(tiny[0], other, 'f')


def test_fine_tuned_heads_are_wanted_or_refused(tiny):
    template, tensors = tiny
    heads = {'lm_head.weight': 'a head', 'lm_head.bias': 'a head'}
    tuned = {f'hubert.{name}': tensor for name, tensor in tensors.items()}
    tuned |= {'lm_head.weight': np.zeros((30, 32)), 'lm_head.bias': np.zeros(30)}
    assert weights.fill(template, tuned, 'f', heads).keys() == template.keys()
    with pytest.raises(WeightsError, match='fine-tuned for speech recognition'):
        weights.fill(template, tuned, 'f')
    with pytest.raises(WeightsError, match='holds no lm_head.bias and no lm_head.weight'):
        weights.fill(template, tensors, 'f', heads)


def test_both_names_of_weight_norm(tiny):
    template, tensors = tiny
    position = 'encoder.pos_conv_embed.conv'
    modern = dict(tensors)
    for number, letter in enumerate('gv'):
        name = f'{position}.parametrizations.weight.original{number}'
        modern[name] = modern.pop(f'{position}.weight_{letter}')
    one, other = (weights.fill(template, t, 'f') for t in (tensors, modern))
    for leaf in template:
        np.testing.assert_array_equal(one[leaf], other[leaf])
    twice = modern | {f'{position}.weight_g': tensors[f'{position}.weight_g']}
    with pytest.raises(WeightsError, match='parametrizations.weight.original0'):
        weights.fill(template, twice, 'f')


def test_weight_norm_is_over_each_tap():
    state = np.random.RandomState(0)
    size, direction = state.standard_normal((1, 1, 3)), state.standard_normal((4, 2, 3))
    folded = weights.weight_normed(size, direction)
    assert folded.shape == (3, 2, 4)
    lengths = np.sqrt(np.square(folded.astype(np.float64)).sum(axis=(1, 2)))
    np.testing.assert_allclose(lengths, np.abs(size[0, 0]), rtol=1e-6)


def test_every_drop_has_a_reason():
    assert all(len(reason) > 10 for reason in weights.DROPPED.values())
