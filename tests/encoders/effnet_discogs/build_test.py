import gzip

import jax
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError, WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.effnet_discogs import architecture, build, layers
from tests.encoders.loading import graph_writer

ARTIST = 'jaxprobe.encoders.effnet_discogs.card:EFFNET_DISCOGS'
STYLE = 'jaxprobe.encoders.effnet_discogs.card:EFFNET_DISCOGS_STYLE'
TINY = architecture.resolve('tiny', 512)
WAVES = (0.1 * np.random.RandomState(0).standard_normal((3, 33024))).astype(np.float32)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Graphs in the published form, of a small network."""
    made = tmp_path_factory.mktemp('graphs')
    for name, rows in (('bs64', 64), ('bs1', 1), ('any', -1)):
        data = graph_writer.write(architecture.graph(TINY, rows, 5, 'effnet_discogs'))
        (made / f'{name}.pb').write_bytes(data)
    return made


@pytest.fixture(scope='module')
def random():
    return base.load(ARTIST, weights='random', arch='tiny', seed=5)


@pytest.fixture(scope='module')
def encoded(random):
    return [np.asarray(x) for x in jax.jit(random.encode)(random.params, WAVES)]


def test_layers_are_frames_then_vectors(random, encoded):
    names = [layer.name for layer in random.card.layers]
    assert names == [*TINY.names, 'top', 'embedding', 'predictions']
    assert [x.shape[1] for x in encoded] == [64, 32, 16, 8, 8, 4, 4, 4, 1, 1]
    assert [x.shape[2] for x in encoded] == [layer.width for layer in random.card.layers]
    np.testing.assert_allclose(encoded[7].mean(axis=1), encoded[8][:, 0], rtol=1e-5, atol=1e-8)


def test_the_card_says_that_the_weights_are_random(random):
    assert random.card.title == 'EffNet-Discogs, artist-contrastive (B0), tiny, RANDOM weights'
    assert random.weights_sha256 == 'random-5'
    assert random.card.weights.kind == 'none'


@pytest.mark.parametrize('name', ['bs1', 'any'])
def test_a_file_gives_what_was_frozen_in_it_whatever_its_batch(folder, random, name):
    found = base.load(ARTIST, weights=str(folder / f'{name}.pb'), arch='tiny')
    assert len(found.weights_sha256) == 64
    assert f'weights of {name}.pb (not the published file)' in found.card.title
    weights = {n.split('/', 1)[1]: v for n, v in found.params['graph'].items()}
    drawn = {n.split('/', 1)[1]: v for n, v in random.params['graph'].items()}
    assert weights.keys() == drawn.keys()
    for leaf in weights:
        np.testing.assert_array_equal(weights[leaf], drawn[leaf])
    shapes = jax.eval_shape(found.encode, found.params, WAVES)
    assert [x.shape[0] for x in shapes] == [3] * 10


def test_rows_in_groups_are_the_same_rows(monkeypatch, encoded):
    """What happens where the frozen batch cannot be replaced: groups, filled up with zeros."""
    monkeypatch.setattr(layers, 'any_rows', lambda prepared, found: False)
    monkeypatch.setattr(build, 'ROWS', 2)
    found = base.load(ARTIST, weights='random', arch='tiny', seed=5)
    grouped = jax.jit(found.encode)(found.params, WAVES)
    for one, other in zip(grouped, encoded, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


def test_bfloat16_holds_kernels_and_returns_float32():
    found = base.load(ARTIST, weights='random', arch='tiny', dtype='bfloat16')
    kinds = {name.split('/')[-1]: str(v.dtype) for name, v in found.params['graph'].items()}
    assert kinds['kernel'] == 'bfloat16'
    assert kinds['gamma'] == kinds['bias'] == 'float32'
    shapes = jax.eval_shape(found.encode, found.params, WAVES[:1])
    assert {str(x.dtype) for x in shapes} == {'float32'}


def test_without_a_file_the_error_says_which(tmp_path):
    with pytest.raises(WeightsError, match=r'discogs-effnet-bs64-1\.pb(.|\n)*essentia\.upf\.edu'):
        base.load(STYLE)


def test_the_other_models_file_is_named(folder):
    """With B0's sizes the predictions tell; here the small graph is no B0 at all."""
    with pytest.raises(WeightsError, match='no EfficientNet of 16 blocks: it has 10'):
        base.load(STYLE, weights=str(folder / 'bs64.pb'))


def test_a_file_that_is_cut_short(folder, tmp_path):
    data = (folder / 'bs64.pb').read_bytes()
    (tmp_path / 'cut.pb').write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match='cut.pb is no frozen TensorFlow graph, or is damaged'):
        base.load(ARTIST, weights=str(tmp_path / 'cut.pb'), arch='tiny')
    (tmp_path / 'packed.pb').write_bytes(gzip.compress(data))
    with pytest.raises(WeightsError, match='packed.pb is no frozen TensorFlow graph'):
        base.load(ARTIST, weights=str(tmp_path / 'packed.pb'), arch='tiny')


@pytest.mark.parametrize(
    ('options', 'seen'),
    [
        ({'arch': 'tiny'}, 'the published file is an EfficientNet-B0'),
        ({'arch': 'b7', 'weights': 'random'}, "only '' "),
        ({'weights': 'random', 'dtype': 'float16'}, 'float16'),
    ],
)
def test_settings_that_cannot_be(options, seen):
    with pytest.raises(ConfigError, match=seen):
        base.load(ARTIST, **options)
