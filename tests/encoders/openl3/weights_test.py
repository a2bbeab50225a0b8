import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.openl3 import weights
from jaxprobe.encoders.openl3.build import TINY
from tests.encoders.loading import keras_writer


def theirs(arch=TINY, seed=0, numbers=(0, 0)):
    """The layers as Keras lists them; `numbers` is where the session's counters stood."""
    tensors, layers, (conv, norm) = weights.random(arch, seed), [('input_1', {})], numbers
    for role in weights.roles(arch):
        found = {n.split('/')[1]: t for n, t in tensors.items() if n.startswith(f'{role}/')}
        if role.startswith('norm'):
            layers.append((f'batch_normalization_{norm}' if norm else 'batch_normalization', found))
            norm += 1
        elif role == 'conv8':
            layers.append(('audio_embedding_layer', found))
        else:
            layers.append((f'conv2d_{conv}' if conv else 'conv2d', found))
            conv += 1
        if role.startswith('norm') and role != 'norm0':
            layers.append((f'activation_{norm}', {}))
    return layers


def test_the_sizes_are_those_of_the_published_model():
    shapes = weights.template(weights.Arch())
    assert sum(int(np.prod(s)) for s in shapes.values()) == 4689860
    assert weights.roles(weights.Arch())[:3] == ('norm0', 'conv1', 'norm1')
    assert weights.roles(weights.Arch())[-1] == 'conv8'
    assert shapes['conv8/kernel'] == (3, 3, 512, 512)
    assert shapes['norm0/gamma'] == (1,)


@pytest.mark.parametrize('numbers', [(0, 0), (8, 9)])
@pytest.mark.parametrize('name', ['w.h5', 'w.h5.gz'])
def test_layers_are_found_by_their_order_whatever_their_names(tmp_path, numbers, name):
    """`conv2d_10` sorts before `conv2d_9`: by name the model would be another."""
    keras_writer.write_layers(tmp_path / name, theirs(numbers=numbers))
    found = weights.read(TINY, tmp_path / name)
    for ours, tensor in weights.random(TINY, 0).items():
        np.testing.assert_array_equal(found[ours], tensor)


def test_missing_extra_renamed_and_misshaped_tensors_are_one_error(tmp_path):
    layers = theirs()
    by_name = dict(layers)
    del by_name['conv2d_2']['bias']
    by_name['conv2d_3']['depthwise'] = np.zeros((2, 2))
    by_name['conv2d_4']['weight'] = by_name['conv2d_4'].pop('kernel')
    by_name['batch_normalization_5']['gamma'] = np.zeros(99)
    keras_writer.write_layers(tmp_path / 'w.h5', layers)
    with pytest.raises(WeightsError) as caught:
        weights.read(TINY, tmp_path / 'w.h5')
    for part in (
        'conv2d_2/bias (for conv3/bias (4,))',
        'conv2d_3/depthwise (2, 2)',
        'conv2d_4/kernel (for conv5/kernel (3, 3, 4, 5))',
        'conv2d_4/weight (3, 3, 4, 5)',
        'batch_normalization_5/gamma (99,) gives (99,), but norm5/gamma needs (5,)',
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize('kept', [-1, -3])
def test_lost_layers_are_named_by_their_place(tmp_path, kept):
    keras_writer.write_layers(tmp_path / 'w.h5', theirs()[:kept])
    with pytest.raises(WeightsError, match=r'layer 15 with weights/kernel \(for conv8/kernel'):
        weights.read(TINY, tmp_path / 'w.h5')


def test_a_file_cut_short_is_one_readable_error(tmp_path):
    keras_writer.write_layers(tmp_path / 'w.h5', theirs())
    data = (tmp_path / 'w.h5').read_bytes()
    (tmp_path / 'w.h5').write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match='damaged'):
        weights.read(TINY, tmp_path / 'w.h5')


def test_a_model_of_another_size_is_recognised():
    big = {'conv/kernel': np.zeros((3, 3, 256, 512), np.float32)}
    assert 'OpenL3' in str(weights.recognise(big))
    assert weights.recognise({'x': np.zeros(1)}) is None


def test_another_model_is_named(tmp_path):
    layers = [('weight_standardization', {'kernel': np.zeros((3, 1, 1, 16)), 'v': np.zeros(1)})]
    keras_writer.write_layers(tmp_path / 'w.h5', layers)
    with pytest.raises(WeightsError, match='It looks like MULE'):
        weights.read(TINY, tmp_path / 'w.h5')


def test_random_depends_on_seed_and_name_alone():
    one, same, other = (weights.random(TINY, seed) for seed in (1, 1, 2))
    assert all((one[name] == same[name]).all() for name in one)
    assert (one['conv3/kernel'] != other['conv3/kernel']).all()
    assert (one['norm3/gamma'] == 1).all()
