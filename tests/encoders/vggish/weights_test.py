"""Key maps and files, in the formats VGGish is published in: torch's own, and TensorFlow's V1."""

import gc

import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.vggish import weights
from jaxprobe.encoders.vggish.card import VGGISH
from jaxprobe.encoders.vggish.model import TINY
from tests.encoders.loading import tf_v1_writer

torch = pytest.importorskip('torch')

PATH = 'jaxprobe.encoders.vggish.card:VGGISH'


def torchvggish(sizes, seed=0):
    """A network with torchvggish's names, made of torch's own layers."""
    torch.manual_seed(seed)
    one, two, three, _, five, six = sizes.convs
    layers, inputs = [], 1
    for stage in ((one,), (two,), (three, three), (five, six)):
        for outputs in stage:
            layers += [torch.nn.Conv2d(inputs, outputs, 3, 1, 1), torch.nn.ReLU()]
            inputs = outputs
        layers.append(torch.nn.MaxPool2d(2, 2))
    wide, out = sizes.hidden, sizes.embedding
    dense = [torch.nn.Linear(sizes.flat, wide), torch.nn.ReLU()]
    dense += [torch.nn.Linear(wide, wide), torch.nn.ReLU(), torch.nn.Linear(wide, out)]
    model = torch.nn.Module()
    model.features = torch.nn.Sequential(*layers)
    model.embeddings = torch.nn.Sequential(*dense, torch.nn.ReLU())
    return model.eval()


def tensorflow(sizes, state):
    """The same weights as the authors' graph names and turns them."""
    names = {pytorch: tf for tf, pytorch in weights.NAMES.values()}
    held = {}
    for name, tensor in state.items():
        layer, leaf = name.rsplit('.', 1)
        array = tensor.numpy()
        if leaf == 'weight':
            array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
        kind = {'weight': 'weights', 'bias': 'biases'}[leaf]
        held[f'vggish/{names[layer]}/{kind}'] = np.ascontiguousarray(array)
    return held


def loaded(path):
    return weights.load(VGGISH, TINY, str(path), 0)


def test_both_published_forms_hold_the_same_network(tmp_path):
    state = torchvggish(TINY).state_dict()
    files = {'vggish-10086976.pth': False, 'new.pth': True}
    for name, new in files.items():
        torch.save(state, tmp_path / name, _use_new_zipfile_serialization=new)
    more = {'global_step': np.array(3, np.int64), 'vggish/fc2/weights/Adam': np.ones(2, np.float32)}
    tf_v1_writer.write(tmp_path / 'vggish_model.ckpt', tensorflow(TINY, state) | more)
    found = [loaded(tmp_path / name) for name in (*files, 'vggish_model.ckpt')]
    assert len({identity for _, identity in found}) == 1
    assert loaded(tmp_path)[1] == found[0][1]  # The folder that holds vggish_model.ckpt.
    kernel = state['embeddings.0.weight'].numpy()
    np.testing.assert_array_equal(found[0][0]['fc1/kernel'], kernel.T)


def test_postprocessing_is_left_behind(tmp_path):
    state = dict(torchvggish(TINY).state_dict())
    state['pproc.pca_eigen_vectors'] = torch.eye(3)
    torch.save(state, tmp_path / 'x.pth')
    assert set(loaded(tmp_path / 'x.pth')[0]) == set(weights.template(TINY))


def test_missing_extra_renamed_and_misshaped_tensors_are_one_error(tmp_path):
    held = tensorflow(TINY, torchvggish(TINY).state_dict())
    del held['vggish/conv1/biases']
    held['vggish/conv2/kernel'] = held.pop('vggish/conv2/weights')
    held['vggish/fc1/fc1_2/biases'] = np.zeros(3, np.float32)
    tf_v1_writer.write(tmp_path / 'x.ckpt', held)
    with pytest.raises(WeightsError) as caught:
        loaded(tmp_path / 'x.ckpt')
    for part in (
        'It looks like VGGish',
        'vggish/conv1/biases (for conv1/bias (4,))',
        'vggish/conv2/weights (for conv2/kernel (3, 3, 4, 4))',
        'vggish/conv2/kernel (3, 3, 4, 4)',
        'vggish/fc1/fc1_2/biases (3,) gives (3,), but fc2/bias needs (9,)',
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize('form', ['x.pth', 'x.ckpt'])
def test_a_download_cut_short(tmp_path, form):
    state = torchvggish(TINY).state_dict()
    if form == 'x.pth':
        torch.save(state, tmp_path / form, _use_new_zipfile_serialization=False)
    else:
        tf_v1_writer.write(tmp_path / form, tensorflow(TINY, state))
    data = (tmp_path / form).read_bytes()
    (tmp_path / form).write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match='cut short'):
        loaded(tmp_path / form)


def test_another_model_is_named(tmp_path):
    torch.save({'encoder.sequential.10.1.running_mean': torch.ones(2)}, tmp_path / 'x.pt')
    with pytest.raises(WeightsError, match='It looks like CLMR'):
        loaded(tmp_path / 'x.pt')


def test_the_key_maps_are_bijections_at_full_size():
    sizes = weights.Sizes()
    shapes = weights.template(sizes)
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 72_141_184
    with torch.device('meta'):
        state = torchvggish(sizes).state_dict()
    for torch_names in (True, False):
        mapping = weights.key_map(sizes, torch_names)
        assert len({theirs for theirs, _ in mapping.values()}) == len(shapes) == 18
    for ours, (theirs, _) in weights.key_map(sizes, torch=True).items():
        shape = tuple(state[str(theirs)].shape)
        turned = (*shape[2:], *shape[1::-1]) if len(shape) > 1 else shape
        assert turned == shapes[ours]
    assert set(state) == {theirs for theirs, _ in weights.key_map(sizes, torch=True).values()}


@pytest.mark.slow
def test_both_published_forms_at_full_size(tmp_path):
    state = torchvggish(weights.Sizes()).state_dict()
    torch.save(state, tmp_path / 'x.pth', _use_new_zipfile_serialization=False)
    tf_v1_writer.write(tmp_path / 'x.ckpt', tensorflow(weights.Sizes(), state))
    del state
    identities = set()
    for name in ('x.pth', 'x.ckpt'):
        identities.add(weights.load(VGGISH, weights.Sizes(), str(tmp_path / name), 0)[1])
        gc.collect()
    assert len(identities) == 1


def test_random_depends_on_seed_and_name_alone():
    one, same, other = (weights.random(TINY, seed) for seed in (1, 1, 2))
    assert all((one[name] == same[name]).all() for name in one)
    assert (one['fc2/kernel'] != other['fc2/kernel']).all()


def test_what_is_nowhere_has_to_be_brought_by_hand():
    with pytest.raises(WeightsError, match=r'vggish_model\.ckpt \(277 MB\)[\s\S]*pth'):
        base.load(PATH)
