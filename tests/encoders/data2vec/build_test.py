import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxprobe.core.errors import WeightsError
from jaxprobe.encoders import base
from jaxprobe.encoders.loading import checkpoint


@pytest.fixture(scope='module')
def fixture(shared):
    return shared / 'fixtures' / 'data2vec_audio_tiny'


@pytest.fixture
def tuned(fixture, tmp_path):
    """A fine-tuned checkpoint as its class saves it: a prefix, and the head beside it."""
    tensors = checkpoint.read(fixture / 'params.safetensors')
    renamed = {f'data2vec_audio.{name}': np.array(tensor) for name, tensor in tensors.items()}
    renamed |= {'lm_head.weight': np.ones((30, 32)), 'lm_head.bias': np.ones(30)}
    save_file(renamed, tmp_path / 'model.safetensors')
    config = json.loads((fixture / 'config.json').read_text())
    (tmp_path / 'config.json').write_text(json.dumps(config | {'vocab_size': '/a/path.txt'}))
    return tmp_path


def test_fine_tuned_file_fills_the_960h_encoder(tuned, fixture):
    encoder = base.load('data2vec_audio_base_960h', weights=str(tuned), arch=str(tuned))
    plain = base.load(
        'data2vec_audio_base',
        weights=str(fixture / 'params.safetensors'),
        arch=str(fixture / 'config.json'),
    )
    assert encoder.params.keys() == plain.params.keys()
    for leaf, array in plain.params.items():
        np.testing.assert_array_equal(encoder.params[leaf], array)


def test_the_two_data2vecs_are_not_mixed_up(tuned, fixture):
    """Their encoders have the same tensors and other features."""
    with pytest.raises(WeightsError, match='data2vec_audio_base_960h is'):
        base.load('data2vec_audio_base', weights=str(tuned), arch=str(tuned))
    with pytest.raises(WeightsError, match='self-supervised checkpoint'):
        base.load(
            'data2vec_audio_base_960h',
            weights=str(fixture / 'params.safetensors'),
            arch=str(fixture / 'config.json'),
        )


def test_a_huberts_config_beside_it(tuned):
    (tuned / 'config.json').write_text(json.dumps({'model_type': 'hubert'}))
    with pytest.raises(WeightsError, match="model_type 'hubert'; music2vec has"):
        base.load('music2vec', weights=str(tuned))
