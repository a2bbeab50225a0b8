import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxprobe.core.errors import ConfigError
from jaxprobe.encoders import base
from jaxprobe.encoders.vggish import frontend, model, weights
from tests.encoders.vggish.weights_test import PATH, torchvggish

torch = pytest.importorskip('torch')

STATE = np.random.RandomState(3)
EXAMPLES = STATE.uniform(-4.6, 3.0, (2, 96, 64)).astype(np.float32)
NOISE = (0.3 * STATE.standard_normal((2, 15600))).astype(np.float32)


def through_torch(network, examples):
    """What torchvggish computes: dense layers read time, frequency, channel; a ReLU at the end."""
    with torch.no_grad():
        x, pools = torch.from_numpy(examples)[:, None], []
        for layer in network.features:
            x = layer(x)
            if isinstance(layer, torch.nn.MaxPool2d):
                pools.append(x.permute(0, 2, 3, 1).numpy())
        x, dense = x.permute(0, 2, 3, 1).flatten(1), []
        for layer in network.embeddings:
            x = layer(x)
            if isinstance(layer, torch.nn.ReLU) or layer is network.embeddings[4]:
                dense.append(x.numpy())
    return pools, dense


def test_every_layer_equals_torchs():
    network = torchvggish(model.TINY)
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    params = model.make_params(weights.fill(model.TINY, state, 'memory'))
    *pools, fc1, fc2, embedding = jax.jit(model.network)(params, jnp.asarray(EXAMPLES))
    theirs, (first, second, before, after) = through_torch(network, EXAMPLES)
    assert [pool.shape[1:3] for pool in theirs] == [(48, 32), (24, 16), (12, 8), (6, 4)]
    pairs = [*zip(pools, theirs, strict=True), (fc1, first), (fc2, second), (embedding, before)]
    for ours, wanted in [*pairs, (np.maximum(embedding, 0), after)]:
        np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
    assert (before < 0).any()


def test_reading_the_last_pool_channel_first_would_fail():
    params = base.load(PATH, weights='random', arch='tiny').params
    *_, pool4, fc1, _, _ = jax.jit(model.network)(params, jnp.asarray(EXAMPLES))
    wrong = pool4.transpose(0, 3, 1, 2).reshape(2, -1) @ params['fc1']['kernel']
    assert float(jnp.abs(jax.nn.relu(wrong) - fc1).max()) > 0.1 * float(jnp.abs(fc1).max())


def test_encode_is_the_network_on_the_log_mel_of_the_wave():
    encoder = base.load(PATH, weights='random', arch='tiny')
    layers = jax.jit(encoder.encode)(encoder.params, jnp.asarray(NOISE))
    front = encoder.params['frontend']
    examples = frontend.log_mel(front['window'], front['mel'], jnp.asarray(NOISE))
    *pools, fc1, fc2, embedding = jax.jit(model.network)(encoder.params, examples)
    wanted = [pool.mean(2) for pool in pools] + [v[:, None] for v in (fc1, fc2, embedding)]
    assert [layer.shape[1] for layer in layers] == [48, 24, 12, 6, 1, 1, 1]
    for ours, other in zip(layers, wanted, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-4, atol=1e-5)


def test_the_output_after_relu_is_an_option():
    before = base.load(PATH, weights='random', arch='tiny')
    after = base.load(PATH, weights='random', arch='tiny', options={'output': 'post_relu'})
    a, b = (jax.jit(e.encode)(e.params, jnp.asarray(NOISE)) for e in (before, after))
    assert (np.asarray(a[6]) < 0).any()
    np.testing.assert_array_equal(np.maximum(a[6], 0), b[6])
    np.testing.assert_array_equal(a[5], b[5])


def test_essentias_window_is_an_option():
    made = {
        name: base.load(PATH, weights='random', arch='tiny', options={'frontend': name})
        for name in ('audioset', 'essentia')
    }
    a, b = (jax.jit(e.encode)(e.params, jnp.asarray(NOISE))[6] for e in made.values())
    assert 1e-5 < float(jnp.linalg.norm(a - b) / jnp.linalg.norm(a)) < 0.1
    assert made['essentia'].card.input_samples == made['audioset'].card.input_samples == 15600


def test_bfloat16_moves_the_output_a_little_and_leaves_it_float32():
    exact = base.load(PATH, weights='random', arch='tiny')
    short = base.load(PATH, weights='random', arch='tiny', dtype='bfloat16')
    for a, b in zip(
        jax.jit(exact.encode)(exact.params, jnp.asarray(NOISE)),
        jax.jit(short.encode)(short.params, jnp.asarray(NOISE)),
        strict=True,
    ):
        assert b.dtype == jnp.float32
        assert 0 < float(jnp.linalg.norm(a - b) / jnp.linalg.norm(a)) < 0.03


def test_a_tiny_architecture_has_its_own_card():
    encoder = base.load(PATH, weights='random', arch='tiny')
    assert [layer.width for layer in encoder.card.layers] == [4, 4, 5, 6, 9, 9, 7]


@pytest.mark.parametrize('wrong', [{'arch': 'huge'}, {'dtype': 'float16'}])
def test_build_names_what_it_does_not_know(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong.values()))):
        base.load(PATH, weights='random', **wrong)
