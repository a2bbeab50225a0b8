import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders.neuralfp import weights
from jaxprobe.encoders.neuralfp.card import NEURALFP
from jaxprobe.encoders.neuralfp.weights import TINY, Arch
from tests.encoders.loading import tf_writer

SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE'


def theirs(arch=TINY, seed=0):
    """A checkpoint as training leaves it."""
    named = {}
    for ours, tensor in weights.random(arch, seed).items():
        names = weights.key_map(arch)[ours][0]
        pairs = [(names, tensor)] if isinstance(names, str) else zip(names, tensor, strict=True)
        named |= dict(pairs)
    slot = f'model/front_conv/layer_with_weights-0/BN_1x3/beta/.OPTIMIZER_SLOT/optimizer/m{SUFFIX}'
    named |= {slot: np.zeros(3, np.float32), f'optimizer/iter{SUFFIX}': np.array(1, np.int64)}
    return named | {f'save_counter{SUFFIX}': np.array(100, np.int64)}


def test_the_full_network_has_the_published_number_of_values():
    assert sum(np.prod(shape) for shape in weights.template(Arch()).values()) == 16_939_008


def test_maps_shrink_as_published():
    after = [(-(-b // 2), t, c) for b, _, t, c in weights.maps(Arch())]
    assert after == [
        (128, 16, 128),
        (64, 8, 128),
        (32, 4, 256),
        (16, 2, 256),
        (8, 2, 512),
        (4, 1, 512),
        (2, 1, 1024),
        (1, 1, 1024),
    ]


def test_read_gives_back_a_written_checkpoint_by_prefix_or_folder(tmp_path):
    tf_writer.write(tmp_path / 'ckpt-100', theirs())
    for path in (tmp_path, tmp_path / 'ckpt-100', tmp_path / 'ckpt-100.index'):
        found = weights.read(TINY, path)
        for name, tensor in weights.random(TINY, 0).items():
            np.testing.assert_array_equal(found[name], tensor)


def test_identity_is_of_the_values_and_not_of_the_optimiser(tmp_path):
    identities = []
    for name, seed, count in (('a', 0, 1), ('b', 0, 2), ('c', 1, 1)):
        named = theirs(seed=seed) | {f'save_counter{SUFFIX}': np.array(count, np.int64)}
        tf_writer.write(tmp_path / name, named)
        identities.append(weights.load(NEURALFP, TINY, str(tmp_path / name), 0)[1])
    assert identities[0] == identities[1] != identities[2]


def test_missing_extra_and_misshaped_variables_are_one_error(tmp_path):
    named = theirs()
    front = 'model/front_conv/layer_with_weights-'
    del named[f'model/div_enc/split_fc_layers/2/layer_with_weights-0/kernel{SUFFIX}']
    named[f'{front}8/conv2d_1x3/kernel{SUFFIX}'] = np.zeros((2, 2), np.float32)
    named[f'{front}1/BN_3x1/gamma{SUFFIX}'] = np.zeros(3, np.float32)
    tf_writer.write(tmp_path / 'ckpt', named)
    with pytest.raises(WeightsError) as caught:
        weights.read(TINY, tmp_path)
    for part in (
        'split_fc_layers/2/layer_with_weights-0/kernel',
        '(for heads/hidden_kernel (4, 4, 5))',
        f'{front}8/conv2d_1x3/kernel{SUFFIX} (2, 2)',
        'but block2/frequency_scale needs (64, 8, 4)',
    ):
        assert part in str(caught.value)


def test_a_checkpoint_of_the_full_size_is_no_tiny_one(tmp_path):
    tf_writer.write(tmp_path / 'ckpt', theirs())
    with pytest.raises(WeightsError, match=r'It looks like NeuralFP(.|\n)*needs \(1, 3, 1, 128\)'):
        weights.read(Arch(), tmp_path)


def test_without_weights_the_error_says_that_none_are_published():
    with pytest.raises(WeightsError, match='publish no weights(.|\n)*encoder.weights=random'):
        weights.load(NEURALFP, TINY, '', 0)


def test_random_depends_on_seed_and_name_alone():
    one, same, other = (weights.random(TINY, seed) for seed in (1, 1, 2))
    assert all((one[name] == same[name]).all() for name in one)
    kernel = 'block3/time_kernel'
    assert (one[kernel] != other[kernel]).all()
    assert np.abs(one['heads/hidden_kernel']).max() <= np.sqrt(6 / 9)
    assert (one['block1/time_scale'] == 1).all()
    assert (one['block1/time_bias'] == 0).all()
