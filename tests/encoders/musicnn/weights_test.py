import numpy as np
import pytest

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.loading import wheel
from jaxprobe.encoders.musicnn import card, weights
from tests.encoders.loading import tf_writer

MUSICNN, VGG = weights.Musicnn(), weights.Vgg()
BIG = weights.Musicnn(mid=512, dense=500)


def theirs(arch, seed=0):
    """A checkpoint as the authors' training would leave it, optimiser slots included."""
    tensors = weights.random(arch, seed)
    named = {str(weights.key_map(arch)[ours][0]): t for ours, t in tensors.items()}
    named['beta1_power'] = np.array(0.9, np.float32)
    named['conv2d/kernel/Adam'] = named['conv2d/kernel/Adam_1'] = np.zeros(3, np.float32)
    if isinstance(arch, weights.Vgg):
        named['dense/kernel'] = np.zeros((256, 50), np.float32)
    return named


def test_random_depends_on_seed_and_name_alone():
    one, same, other = (weights.random(MUSICNN, seed) for seed in (1, 1, 2))
    assert all((one[name] == same[name]).all() for name in one)
    assert (one['mid2/kernel'] != other['mid2/kernel']).all()
    assert (one['mid2/kernel'] != one['mid3/kernel']).all()
    assert np.abs(one['output/kernel']).max() <= np.sqrt(6 / 250)
    assert (one['mid1/gamma'] == 1).all()
    assert (one['mid1/mean'] == 0).all()


def test_read_gives_back_a_written_checkpoint(tmp_path):
    tf_writer.write(tmp_path / 'model', theirs(MUSICNN))
    found = weights.read(card.MUSICNN_MSD, MUSICNN, tmp_path)
    for name, tensor in weights.random(MUSICNN, 0).items():
        np.testing.assert_array_equal(found[name], tensor)


def test_read_finds_the_models_folder_in_the_authors_repository(tmp_path):
    (tmp_path / 'MTT_vgg').mkdir()
    tf_writer.write(f'{tmp_path}/MTT_vgg/', theirs(VGG))
    tensors, identity = weights.load(card.VGG_MTT, VGG, str(tmp_path), 0)
    assert 'conv5/kernel' in tensors
    assert len(identity) == 64


def test_identity_is_of_the_values_and_not_of_the_file(tmp_path):
    for folder, change in (('a', 0.0), ('b', 0.0), ('c', 1.0)):
        (tmp_path / folder).mkdir()
        named = theirs(MUSICNN)
        named['beta1_power'] = np.array(ord(folder), np.float32)  # Left behind, so of no account.
        named['dense/bias'] = named['dense/bias'] + np.float32(change)
        tf_writer.write(tmp_path / folder / 'model', named)
    a, b, c = (
        weights.load(card.MUSICNN_MSD, MUSICNN, str(tmp_path / folder), 0)[1] for folder in 'abc'
    )
    assert a == b != c


@pytest.mark.parametrize(
    ('wanted', 'arch', 'given', 'seen'),
    [
        (card.MUSICNN_MSD, MUSICNN, BIG, 'looks like musicnn_msd_big'),
        (card.MUSICNN_MSD_BIG, BIG, MUSICNN, 'looks like a MusiCNN of the usual size'),
        (card.MUSICNN_MSD, MUSICNN, VGG, 'looks like a VGG sibling'),
        (card.VGG_MSD, VGG, MUSICNN, 'looks like a MusiCNN of the usual size'),
        (card.MUSICNN_MSD, MUSICNN, weights.Musicnn(mid=9), 'looks like a MusiCNN of an unknown'),
    ],
)
def test_another_model_is_named(tmp_path, wanted, arch, given, seen):
    tf_writer.write(tmp_path / 'model', theirs(given))
    with pytest.raises(WeightsError, match=seen):
        weights.read(wanted, arch, tmp_path)


def test_missing_extra_and_misshaped_variables_are_one_error(tmp_path):
    named = theirs(MUSICNN)
    del named['conv2d_3/bias']
    named['conv2d_9/kernel'] = np.zeros((2, 2), np.float32)
    named['batch_normalization_7/gamma'] = np.zeros(3, np.float32)
    tf_writer.write(tmp_path / 'model', named)
    with pytest.raises(WeightsError) as caught:
        weights.read(card.MUSICNN_MSD, MUSICNN, tmp_path)
    for part in (
        'conv2d_3/bias (for temporal_64/bias (51,))',
        'conv2d_9/kernel (2, 2)',
        'batch_normalization_7/gamma (3,) gives (3,), but mid2/gamma needs (64,)',
    ):
        assert part in str(caught.value)


def test_a_checkpoint_that_is_not_ours_at_all(tmp_path):
    tf_writer.write(tmp_path / 'model', {'weird': np.zeros(1, np.float32)})
    with pytest.raises(WeightsError, match='64 missing') as caught:
        weights.read(card.MUSICNN_MSD, MUSICNN, tmp_path)
    assert 'looks like' not in str(caught.value)


def test_looks_like_says_nothing_where_it_knows_nothing():
    assert weights.looks_like({}) is None


def test_a_wheel_is_refused_for_the_big_model(tmp_path):
    with pytest.raises(WeightsError, match='copy the folder musicnn/MSD_musicnn_big'):
        weights.read(card.MUSICNN_MSD_BIG, BIG, tmp_path / 'x.whl')
    with pytest.raises(WeightsError, match='copy the folder musicnn/MSD_musicnn_big'):
        base.load('musicnn_msd_big')


@pytest.fixture(scope='module')
def published():
    try:
        return wheel.published(card.WHEEL)
    except WeightsError as error:
        pytest.skip(str(error))


def test_the_published_weights_are_the_ones_known(published):
    for name, digest in weights.PUBLISHED.items():
        arch = VGG if name.startswith('vgg') else MUSICNN
        assert weights.load(base.card(name), arch, '', 0)[1] == digest


def test_the_sibling_trained_on_other_data_is_refused(published, tmp_path):
    import zipfile

    with zipfile.ZipFile(published) as archive:
        for suffix in ('.index', '.data-00000-of-00001'):
            data = archive.read(f'musicnn/MTT_musicnn/{suffix}')
            (tmp_path / f'model{suffix}').write_bytes(data)
    assert base.load('musicnn_mtt', weights=str(tmp_path))
    with pytest.raises(WeightsError, match='weights of musicnn_mtt, not of musicnn_msd'):
        base.load('musicnn_msd', weights=str(tmp_path))
