"""Any package with HEAR's interface as an encoder."""

import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.contract import contract
from tests.encoders import torch_models

torch = pytest.importorskip('torch')
WAVE = np.random.RandomState(0).standard_normal((2, 1230)).astype(np.float32)


def written(tmp_path, monkeypatch, *changes, card=()):
    """The toy package and its card, with some text replaced; returns the card's dotted path."""
    source, described = torch_models.HEAR, torch_models.HEAR_CARD.replace('{module}', 'toy_hear')
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    for old, new in card:
        assert old in described
        described = described.replace(old, new)
    torch_models.write(monkeypatch, tmp_path, 'toy_hear', source)
    return torch_models.write(monkeypatch, tmp_path, 'toy_hear_card', described) + ':CARD'


def test_it_keeps_the_contract(tmp_path, monkeypatch):
    findings = contract(base.load(written(tmp_path, monkeypatch)))
    assert [finding for finding in findings if not finding.ok] == []


def test_states_are_those_of_the_package(tmp_path, monkeypatch):
    encoder = base.load(written(tmp_path, monkeypatch))
    timestamp, scene = encoder.encode(encoder.params, WAVE)
    package = __import__('toy_hear')
    model, audio = package.load_model(), torch.from_numpy(WAVE)
    with torch.inference_mode():
        wanted = package.get_timestamp_embeddings(audio, model)[0]
        np.testing.assert_array_equal(timestamp, wanted)
        np.testing.assert_array_equal(scene[:, 0], package.get_scene_embeddings(audio, model))


def test_weights_are_what_load_model_is_given(tmp_path, monkeypatch):
    name = written(tmp_path, monkeypatch)
    model = __import__('toy_hear').Model()
    torch.save(model.state_dict(), tmp_path / 'weights.pt')
    plain, given = base.load(name), base.load(name, weights=str(tmp_path / 'weights.pt'))
    assert plain.weights_sha256.split('-')[0] != given.weights_sha256.split('-')[0]
    assert plain.weights_sha256.split('-')[1] == given.weights_sha256.split('-')[1]
    card = base.card(name)
    assert (card.path, given.host) == ('', True)
    with pytest.raises(ConfigError, match='(?s)cannot be loaded.*nothing.pt'):
        base.load(name, weights=str(tmp_path / 'nothing.pt'))
    with pytest.raises(ConfigError, match='no way to ask for an untrained model'):
        base.load(name, weights='random')


def test_one_of_the_two_layers(tmp_path, monkeypatch):
    name = written(tmp_path, monkeypatch, card=[('timestamp_size=8, ', '')])
    (scene,) = base.load(name).encode({}, WAVE)
    assert scene.shape == (2, 1, 6)


@pytest.mark.parametrize(
    ('changes', 'card', 'message'),
    [
        ([], [('sample_rate=1000', 'sample_rate=16000')], 'sample_rate is 1000, the card says'),
        ([], [('scene_size=6', 'scene_size=7')], 'scene_embedding_size is 6, the card says 7'),
        ([], [('frame_rate=20.0', 'frame_rate=25.0')], 'come 20.000 times a second'),
        ([], [("module='toy_hear'", "module='no_hear'")], "'no_hear' cannot be imported"),
        ([('def get_scene_embeddings', 'def scenes')], [], 'has no get_scene_embeddings'),
        ([('nn.Linear(8, 6)', 'nn.Linear(8, 6, 1, 2, 3)')], [], 'cannot be loaded'),
        ([('return model\n', 'return {}\n')], [], 'builtins.dict; only HEAR models in torch'),
        ([('times.expand(audio.shape[0], -1)', 'times')], [], 'timestamps of shape (24,)'),
        ([('sample_rate = 1000', 'rate = 1000')], [], 'sample_rate is absent'),
        ([('model.scene(get', 'model.frame(get')], [], 'it failed on a wave of shape (2, 1230)'),
    ],
)
def test_a_mistake_is_one_message(tmp_path, monkeypatch, changes, card, message):
    name = written(tmp_path, monkeypatch, *changes, card=card)
    with pytest.raises(ConfigError) as caught:
        base.load(name).encode({}, WAVE)
    assert message in str(caught.value)
